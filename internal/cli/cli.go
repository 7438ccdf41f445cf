// Package cli is the command line: it declares the commands, reads their
// arguments, and is the one place that prints results, maps errors to codes and
// decides the exit status. The work itself is done by the packages it calls.
//
// A command is two functions: one declares its flags and fills an options
// struct, the other does the work and returns a [result] or an error. Neither
// prints. What differs between a test and the shipped program is in [Env].
package cli

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// Main runs the command line args, args[0] being the program's name, and
// returns the exit status.
func Main(args []string, env *Env) int {
	inv := &invocation{env: env, args: args[1:]}
	app := newApp(inv)
	var err error
	inv.parsed, err = parseArgs(app, args[1:])
	if err == nil {
		err = inv.run(app)
	}
	return inv.finish(err)
}

// invocation is one run of the program.
type invocation struct {
	env    *Env
	args   []string
	parsed parsed
	dir    string // --dir
	format string // --format
	ran    bool   // a command got as far as its own work
	rawEnv bool   // env prints the variables themselves
	result result
}

// result is what a command has to say when it did its work.
type result struct {
	value any      // the envelope's result
	next  []action // commands that make sense now
	raw   []byte   // printed as it is, in place of an envelope
	text  string   // for people: printed in place of the envelope on a terminal
	// secret: the output holds a value, so it matters whether it arrives.
	secret bool
	status int // exit status of a command that was run
	// then is called once the output was written.
	then func() error
	// undelivered is called if the output could not be written, or then failed.
	undelivered func(context.Context) error
}

// action is a command that can be pasted.
type action struct {
	Command     string `json:"command"`
	Description string `json:"description"`
}

func (inv *invocation) run(app *cli.App) error {
	switch {
	case inv.parsed.help:
		return inv.do(func() (result, error) { return runHelp(app, inv.helpTopic()) })
	case inv.parsed.version:
		return inv.do(runVersion)
	}
	err := app.RunContext(context.Background(), inv.parsed.argv)
	if err != nil && !inv.ran {
		// The value of a flag did not parse. It may be a secret in the
		// wrong place, so it is not repeated.
		return usageError{msg: "the value of a flag cannot be read", fix: "secrets help " + inv.commandName()}
	}
	return err
}

func (inv *invocation) helpTopic() string {
	if inv.parsed.command != nil && inv.parsed.command.Name != "help" {
		return inv.parsed.command.Name
	}
	return ""
}

func (inv *invocation) do(work func() (result, error)) error {
	var err error
	inv.result, err = work()
	return err
}

// action makes work the action of a command.
func (inv *invocation) action(work func(c *cli.Context) (result, error)) cli.ActionFunc {
	return func(c *cli.Context) error {
		inv.ran = true
		global := c.Lineage()[len(c.Lineage())-2]
		inv.dir, inv.format = global.String("dir"), global.String("format")
		if global.IsSet("dir") && inv.dir == "" {
			return usageError{msg: "--dir is empty", fix: "secrets --dir <path> " + inv.commandName()}
		}
		if inv.format != "" && inv.format != "json" && inv.format != "text" {
			return usageError{msg: "--format takes json or text", fix: "secrets help"}
		}
		inv.warnDeprecated(global, c)
		return inv.do(func() (result, error) { return work(c) })
	}
}

func newApp(inv *invocation) *cli.App {
	app := &cli.App{
		Name:                      "secrets",
		HideHelp:                  true,
		HideVersion:               true,
		HideHelpCommand:           true,
		DisableSliceFlagSeparator: true,
		Writer:                    io.Discard,
		ErrWriter:                 io.Discard,
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              passError,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dir", Usage: "use the state directory `PATH`"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON document (the default, but for lease)"},
			&cli.StringFlag{Name: "format", Usage: "print `json` (the default) or text, for people"},
			&cli.BoolFlag{Name: "human", Hidden: true},
			&cli.StringFlag{Name: "output", Hidden: true},
		},
	}
	app.Action = inv.action(func(*cli.Context) (result, error) { return runTree(app) })
	app.Commands = []*cli.Command{
		initCommand(inv), addCommand(inv), importCommand(inv), updateCommand(inv), removeCommand(inv), listCommand(inv),
		leaseCommand(inv), leasesCommand(inv), revokeCommand(inv), auditCommand(inv), statusCommand(inv),
		envCommand(inv), execCommand(inv), cleanupCommand(inv),
		rotateCommand(inv), rollbackCommand(inv), freezeCommand(inv), thawCommand(inv), watchCommand(inv),
		doctorCommand(inv), mcpCommand(inv), skillCommand(inv), completionCommand(inv), versionCommand(inv), helpCommand(inv, app),
		serveCommand(inv), completeHiddenCommand(inv, app), manCommand(inv, app), claudeHookCommand(inv), openclawResolveCommand(inv),
	}
	for _, c := range app.Commands {
		c.HideHelp, c.OnUsageError = true, passError
	}
	return app
}

func passError(_ *cli.Context, err error, _ bool) error { return err }

// command is the path that the envelope names: "secrets lease".
func (inv *invocation) command() string {
	if name := inv.commandName(); name != "" {
		return "secrets " + name
	}
	return "secrets"
}

func (inv *invocation) commandName() string {
	if inv.parsed.command == nil {
		return ""
	}
	return inv.parsed.command.Name
}

// printsRaw reports whether the command's standard output is not an envelope,
// so that a failure must leave it empty.
func (inv *invocation) printsRaw() bool {
	switch inv.commandName() {
	case "lease":
		return !inv.parsed.has("json")
	case "exec", "completion", "__complete", "man", "mcp", "claude-hook", "openclaw-resolve":
		return true
	case "skill":
		return !slices.Contains(inv.args, "install")
	case "watch":
		return slices.ContainsFunc(inv.args, func(arg string) bool { return strings.HasPrefix(arg, "--print") })
	case "env":
		return inv.rawEnv || !inv.ran && asksForRaw(inv.args)
	}
	return false
}

// asksForRaw reads the arguments of an env that could not be parsed: what
// somebody is going to evaluate must not be an error message.
func asksForRaw(args []string) bool {
	return slices.ContainsFunc(args, func(arg string) bool {
		return arg == "-" || arg == "--output=-" || strings.HasSuffix(arg, "github")
	})
}

var errOutput = errors.New("standard output cannot be written")

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// envelope is the one JSON document that a command prints.
type envelope struct {
	OK          bool       `json:"ok"`
	Success     bool       `json:"success"` // always as OK
	Command     string     `json:"command"`
	Result      any        `json:"result,omitempty"`
	Error       *errorBody `json:"error,omitempty"`
	Fix         string     `json:"fix,omitempty"`
	NextActions []action   `json:"next_actions"`
}

type errorBody struct {
	Message string `json:"message"`
	Code    string `json:"code"`
}

// finish prints the outcome and returns the exit status.
func (inv *invocation) finish(err error) int {
	if err == nil {
		err = inv.printResult()
	}
	if err == nil {
		return inv.result.status
	}
	return inv.printError(err)
}

func (inv *invocation) printResult() error {
	r := inv.result
	output, err := inv.render(r)
	if err != nil {
		return err
	}
	to := inv.env.Stdout
	if r.secret {
		to = inv.env.Deliver
	}
	if len(output) > 0 {
		if _, err = to.Write(output); err != nil {
			err = fmt.Errorf("%w: %v", errOutput, err)
		}
	}
	if err == nil && r.then != nil {
		err = r.then()
	}
	if err != nil {
		if r.undelivered != nil {
			if failed := r.undelivered(context.Background()); failed != nil {
				err = fmt.Errorf("%w; and the lease could not be ended: %v", err, failed)
			}
		}
		return err
	}
	return nil
}

func (inv *invocation) render(r result) ([]byte, error) {
	switch {
	case r.raw != nil:
		return r.raw, nil
	case r.text != "" && (inv.text() || inv.env.StdoutTerminal && !inv.parsed.has("json")):
		return []byte(r.text), nil
	case inv.text():
		return inv.renderPage(r.value)
	}
	return encode(envelope{
		OK: true, Success: true, Command: inv.command(), Result: r.value, NextActions: inv.here(r.next),
	})
}

// renderPage shows a result to people, in its own words if it has any.
func (inv *invocation) renderPage(value any) ([]byte, error) {
	if v, ok := value.(prose); ok {
		p := &page{now: inv.env.Now(), color: inv.color(inv.env.StdoutTerminal)}
		v.writeText(p)
		return []byte(p.b.String()), nil
	}
	text, err := renderText(value, inv.env.Now())
	return []byte(text), err
}

// color reports whether a stream may be coloured.
func (inv *invocation) color(terminal bool) bool {
	return terminal && inv.getenv("NO_COLOR") == "" && inv.getenv("TERM") != "dumb"
}

// text reports whether people are to read the output: --json goes before
// --format, and that before SECRETS_FORMAT.
func (inv *invocation) text() bool {
	if inv.parsed.has("json") {
		return false
	}
	if inv.format != "" {
		return inv.format == "text"
	}
	return inv.getenv("SECRETS_FORMAT") == "text"
}

// printError prints the error envelope, with the result of what was done in
// part: on standard output, or where that has to stay empty for a raw command,
// or has failed, on standard error. A result that holds a value is left out:
// standard error often ends in a log, and the lease on it has ended.
func (inv *invocation) printError(err error) int {
	entry := lookup(err)
	fix := inv.hereCommand(fixFor(err, entry))
	var partly any
	if !inv.result.secret {
		partly = inv.result.value
	}
	output, failed := encode(envelope{
		Command: inv.command(), Result: partly, Error: &errorBody{Message: oneLine(err), Code: entry.code},
		Fix: fix, NextActions: []action{},
	})
	if failed != nil {
		return exitInternal
	}
	to := inv.env.Stdout
	if inv.printsRaw() || errors.Is(err, errOutput) {
		to = inv.env.Stderr
	}
	if inv.text() {
		if partly != nil && !inv.printsRaw() && !errors.Is(err, errOutput) {
			// Whatever can be said of it is; the error is said below.
			page, _ := inv.renderPage(partly)
			_, _ = inv.env.Stdout.Write(page)
		}
		to, output = inv.env.Stderr, []byte(errorText(inv.command(), err, fix))
	}
	if _, failed := to.Write(output); failed != nil {
		// Somebody may still read the other stream; the status tells anyway.
		_, _ = inv.env.Stderr.Write(output)
	}
	return inv.exitStatus(entry)
}

// oneLine is the text of an error; those that were joined stand side by side,
// each once.
func oneLine(err error) string {
	var words []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSuffix(line, "\n"); !slices.Contains(words, line) {
			words = append(words, line)
		}
	}
	return strings.Join(words, "; ")
}

// exitStatus is that of the error, but for exec: what it shares with the
// command's own statuses would be mistaken for one.
func (inv *invocation) exitStatus(entry mapping) int {
	own := []int{exitUsage, exitLeaseEnded, exitNotExecutable, exitNoCommand}
	if inv.commandName() == "exec" && !slices.Contains(own, entry.exit) {
		return exitExec
	}
	return entry.exit
}

// encode writes v as people and scripts expect it: indented, and with <name>
// left as it is.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

// here makes commands name the state directory that was given on the command
// line, so that they work when pasted.
func (inv *invocation) here(actions []action) []action {
	out := make([]action, len(actions))
	for i, a := range actions {
		out[i] = action{inv.hereCommand(a.Command), a.Description}
	}
	return out
}

func (inv *invocation) hereCommand(command string) string {
	rest, ours := strings.CutPrefix(command, "secrets ")
	if inv.dir == "" || !ours || strings.HasPrefix(rest, "--dir ") {
		return command
	}
	return "secrets --dir " + shellQuote(inv.dir) + " " + rest
}

func (inv *invocation) warn(format string, args ...any) {
	// A warning that cannot be printed is not worth failing for.
	_, _ = fmt.Fprintf(inv.env.Stderr, "secrets: "+format+"\n", args...)
}

// warnDeprecated tells old scripts what no longer has an effect.
func (inv *invocation) warnDeprecated(global, c *cli.Context) {
	for _, flag := range []string{"human", "output"} {
		if global.IsSet(flag) {
			inv.warn("--%s has no effect any more", flag)
		}
	}
	if c.Bool("raw") {
		inv.warn("--raw has no effect any more")
	}
}

// shellQuote returns s as one word for a POSIX shell.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_@%+=:,./-", r)
	}
	if s != "" && strings.TrimLeftFunc(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

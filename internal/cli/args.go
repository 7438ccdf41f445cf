package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// errUsage is what every usageError unwraps to: the command line itself is
// wrong, and nothing was done.
var errUsage = errors.New("usage")

// usageError says what is wrong with a command line. It never holds the value
// of a flag, nor an argument that may be a secret typed in the wrong place.
type usageError struct {
	msg string
	fix string // a command that can be pasted
}

func (e usageError) Error() string { return e.msg }
func (e usageError) Unwrap() error { return errUsage }

// parsed is a command line made unambiguous. Where parseArgs returns an error,
// argv and args are nil, and command is the one that was most likely meant.
type parsed struct {
	command *cli.Command // nil: none was named
	argv    []string     // for urfave: app name, global flags, command, its flags, "--", arguments
	args    []string     // the positional arguments alone, without "--"
	help    bool         // --help or -h stood before any "--"
	version bool         // --version did, and no command was named

	bools map[string]bool // the app's bool flags by name, as given last
}

// has reports whether the app's bool flag of this name was given, by the flag
// itself or by a command's own bool flag of the same name.
func (p parsed) has(flag string) bool { return p.bools[flag] }

// parseArgs sorts args (os.Args[1:]) by the flags that app and its commands
// declare, so that flags may stand anywhere before "--". A flag of the command
// must stand after the command's name, and hides a global one of that name
// there; a bool flag that both declare is set for both when it stands before.
// ArgsUsage says how many arguments a command takes: <name> is required,
// [<name>] optional, "..." repeats the last, and whatever stands after a "--"
// there must stand after a "--" on the command line too.
//
// Asking for help excuses every mistake but an unknown command.
//
// urfave reads argv without an error, save for a value of the wrong type, and
// prints nothing, if the app keeps to this:
//   - app.Name is set, and app.HideVersion; EnableBashCompletion and
//     DefaultCommand are not.
//   - The app and each command set HideHelp (urfave does not pass it on, and
//     would take "lease -- help" for a subcommand), an Action and an
//     OnUsageError that returns the error it is given. Commands have no
//     Subcommands.
//   - app.ExitErrHandler is set, lest urfave exit by itself.
//   - app.DisableSliceFlagSeparator is set, and slice flags have KeepSpace and
//     no aliases: urfave copies an alias through JSON, which damages bytes that
//     are not UTF-8.
//   - No flag is Required, and none is called help, h or version.
func parseArgs(app *cli.App, args []string) (parsed, error) {
	l := newLine(app)
	l.read(args)
	l.checkCounts()
	if l.fault.msg != "" {
		l.salvage(args)
	}
	p := l.parsed
	p.version = p.version && p.command == nil
	if l.fault.msg == "" || p.help && !l.unknownCommand {
		p.argv = l.argv()
		return p, nil
	}
	p.args = nil
	l.fault.fix = app.Name + " help"
	if p.command != nil && !l.unknownCommand {
		l.fault.fix += " " + p.command.Name
	}
	return p, l.fault
}

// line is a command line that is being read from left to right.
type line struct {
	app    *cli.App
	parsed parsed

	builtin, global, own map[string]*option // by the word that gives them: "--ttl", "-n"
	globalArgs, ownArgs  []string           // the flags given, each rewritten to one word
	arity                arity

	fault          usageError // the first one
	unknownCommand bool       // what the first fault is about
}

func newLine(app *cli.App) *line {
	l := &line{app: app, global: options(app.Flags, false)}
	l.parsed.bools = make(map[string]bool)
	help := &option{name: "help", target: &l.parsed.help}
	version := &option{name: "version", target: &l.parsed.version}
	l.builtin = map[string]*option{"--help": help, "-h": help, "--version": version}
	return l
}

// read goes on after a fault: what follows may still name the command or ask
// for help.
func (l *line) read(args []string) {
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "--":
			l.afterDashes(args[i+1:])
			return
		case len(arg) > 1 && arg[0] == '-':
			i += l.flag(arg, args[i+1:])
		case l.parsed.command == nil:
			l.command(arg)
		default:
			l.positional(arg, false)
		}
	}
}

func (l *line) afterDashes(args []string) {
	if l.parsed.command == nil && len(args) > 0 {
		l.fail(`missing command before "--"`)
		return
	}
	for _, arg := range args {
		l.positional(arg, true)
	}
}

// command takes word for the command's name. After a fault it may as well be
// the value of an unknown flag, and is passed over if no command is called so.
func (l *line) command(word string) {
	cmd := l.app.Command(word)
	if cmd == nil {
		l.unknownCommand = l.unknownCommand || l.fault.msg == ""
		l.fail("unknown command %s%s", strconv.Quote(shorten(word)), didYouMean(meant(word, commandNames(l.app))))
		return
	}
	l.parsed.command = cmd
	l.own = options(cmd.Flags, true)
	l.arity = readArity(cmd.ArgsUsage)
	// urfave looks a flag up in the command first, where --json given before
	// the command would else read as false.
	for _, name := range slices.Sorted(maps.Keys(l.parsed.bools)) {
		if o := l.own[dashed(name)]; o != nil && !o.takesValue {
			l.emit(o, strconv.FormatBool(l.parsed.bools[name]))
		}
	}
}

// flag reads one flag and returns how many of the words after it are its value.
func (l *line) flag(arg string, after []string) int {
	word, value, inline := strings.Cut(arg, "=")
	o := l.lookup(word)
	switch {
	case o == nil:
		return l.unknownFlag(word, inline, after)
	case !o.takesValue:
		l.setBool(o, word, value, inline)
	case inline:
		l.setValue(o, word, value)
	case len(after) == 0:
		l.fail("flag %s needs a value", word)
	default:
		l.setValue(o, word, after[0])
		return 1
	}
	return 0
}

func (l *line) lookup(word string) *option {
	for _, table := range []map[string]*option{l.builtin, l.own, l.global} {
		if o := table[word]; o != nil {
			return o
		}
	}
	return nil
}

func (l *line) setBool(o *option, word, value string, inline bool) {
	if inline && value != "true" && value != "false" {
		l.fail("flag %s takes no value but =true or =false", word)
		return
	}
	on := !inline || value == "true"
	if o.target != nil {
		*o.target = on
		return
	}
	l.emit(o, strconv.FormatBool(on))
	if g := l.global[dashed(o.name)]; g != nil && !g.takesValue {
		l.parsed.bools[g.name] = on
	}
}

func (l *line) setValue(o *option, word, value string) {
	if o.given && !o.repeats {
		l.fail("flag %s is given twice", word)
		return
	}
	o.given = true
	l.emit(o, value)
}

// emit writes the flag under its first name, because urfave rejects two names
// of one flag, and as one word, because a value may look like a flag.
func (l *line) emit(o *option, value string) {
	word := "--" + o.name + "=" + value
	if o.own {
		l.ownArgs = append(l.ownArgs, word)
	} else {
		l.globalArgs = append(l.globalArgs, word)
	}
}

// unknownFlag returns how many of the words after the flag are likely its value.
func (l *line) unknownFlag(word string, inline bool, after []string) int {
	name := strings.TrimLeft(word, "-")
	if l.parsed.command == nil {
		if o, owners := l.owners(dashed(name)); o != nil {
			l.fail("flag %s belongs after the command%s", dashed(name), owners)
			if o.takesValue && !inline && len(after) > 0 && after[0] != "--" {
				return 1
			}
			return 0
		}
	}
	if l.readsValue() && !looksLikeFlag(word) {
		l.fail("unknown flag: %s", valuesFromStdin)
		return 0
	}
	suggestion := nearest(name, l.flagNames())
	if suggestion != "" {
		suggestion = dashed(suggestion)
	}
	l.fail("unknown flag %s%s", shown(word), didYouMean(suggestion))
	return 0
}

// owners returns what a command declares for word, and says which commands do.
func (l *line) owners(word string) (o *option, which string) {
	var names []string
	for _, cmd := range l.app.Commands {
		declared := options(cmd.Flags, true)[word]
		if declared == nil {
			continue
		}
		o = declared
		if !cmd.Hidden && !declared.hidden {
			names = append(names, cmd.Name)
		}
	}
	if len(names) > 0 {
		which = ": it is a flag of " + strings.Join(names, ", ")
	}
	return o, which
}

// valuesFromStdin stands in for words that may be a secret.
const valuesFromStdin = "values are read from standard input, never from an argument"

// maxShownBytes is the length up to which a word of the user's is repeated to
// them. Longer ones are no typing errors, and may be keys.
const maxShownBytes = 64

func (l *line) positional(arg string, dashes bool) {
	limit := l.arity.max
	if !dashes {
		limit = l.arity.maxBeforeDashes
	}
	switch {
	case len(l.parsed.args) < limit:
	case l.readsValue():
		l.fail("surplus argument: %s", valuesFromStdin)
	case len(arg) > maxShownBytes:
		l.fail("surplus argument of %d bytes", len(arg))
	case len(l.parsed.args) < l.arity.max:
		l.fail(`surplus argument %q: the command line to run stands after "--"`, arg)
	default:
		l.fail("surplus argument %q", arg)
	}
	l.parsed.args = append(l.parsed.args, arg)
}

// readsValue reports whether someone may have typed a secret as an argument of
// the command.
func (l *line) readsValue() bool {
	if l.parsed.command == nil {
		return false
	}
	switch l.parsed.command.Name {
	case "add", "update", "import":
		return true
	}
	return false
}

// checkCounts finds what only the whole line shows.
func (l *line) checkCounts() {
	if l.parsed.command == nil {
		return
	}
	if n := len(l.parsed.args); n < len(l.arity.required) {
		l.fail("missing argument %s", l.arity.required[n])
	}
	if l.parsed.version {
		l.fail("flag --version stands without a command")
	}
}

// salvage reads a broken line word by word, without knowing which are values:
// whoever asked for JSON or for a command that prints raw values must get the
// error where they expect it.
func (l *line) salvage(args []string) {
	for _, arg := range args {
		if arg == "--" {
			return
		}
		word, value, _ := strings.Cut(arg, "=")
		if o := l.global[word]; o != nil && !o.takesValue && value != "false" {
			l.parsed.bools[o.name] = true
		}
		if l.parsed.command == nil {
			l.parsed.command = l.app.Command(arg)
		}
	}
}

func (l *line) argv() []string {
	argv := append([]string{l.app.Name}, l.globalArgs...)
	if l.parsed.command == nil {
		return argv
	}
	argv = append(append(argv, l.parsed.command.Name), l.ownArgs...)
	return append(append(argv, "--"), l.parsed.args...)
}

// fail keeps the first fault: later ones are often its consequences.
func (l *line) fail(format string, a ...any) {
	if l.fault.msg == "" {
		l.fault.msg = fmt.Sprintf(format, a...)
	}
}

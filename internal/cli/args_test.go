package cli

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// silent fails the test when urfave prints anything.
type silent struct{ t *testing.T }

func (s silent) Write(b []byte) (int, error) {
	s.t.Errorf("urfave printed %q", b)
	return 0, errors.New("no output is allowed")
}

// outcome is what a command's Action sees.
type outcome struct {
	command string
	args    []string
	flags   map[string]string // what urfave reads for each declared flag
}

// exampleApp returns an app kept to what parseArgs asks for. Its Actions record
// what they see in got.
func exampleApp(t *testing.T, got *outcome) *cli.App {
	app := &cli.App{
		Name: "secrets", HideHelp: true, HideVersion: true, DisableSliceFlagSeparator: true,
		Writer: silent{t}, ErrWriter: silent{t},
		OnUsageError:   func(_ *cli.Context, err error, _ bool) error { return err },
		ExitErrHandler: func(*cli.Context, error) {},
		CommandNotFound: func(_ *cli.Context, name string) {
			t.Errorf("urfave did not find the command %q", name)
		},
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dir"},
			&cli.BoolFlag{Name: "json"},
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}},
			&cli.BoolFlag{Name: "human", Hidden: true},
			&cli.StringFlag{Name: "output", Hidden: true},
		},
		Commands: commands(),
	}
	app.Action = record(app, nil, got)
	for _, cmd := range app.Commands {
		cmd.HideHelp, cmd.OnUsageError = true, app.OnUsageError
		cmd.Action = record(app, cmd, got)
	}
	return app
}

func commands() []*cli.Command {
	ttl := func() cli.Flag { return &cli.StringFlag{Name: "ttl"} }
	client := func() cli.Flag { return &cli.StringFlag{Name: "client-id", Aliases: []string{"c"}} }
	return []*cli.Command{
		{Name: "lease", ArgsUsage: "<name>", Flags: []cli.Flag{ttl(), client(),
			&cli.BoolFlag{Name: "json"}, &cli.BoolFlag{Name: "raw", Hidden: true}}},
		{Name: "revoke", ArgsUsage: "[<lease-id>...]", Flags: []cli.Flag{
			&cli.StringFlag{Name: "secret"}, client(), &cli.BoolFlag{Name: "all", Aliases: []string{"a"}}}},
		{Name: "add", ArgsUsage: "<name>", Flags: []cli.Flag{&cli.StringFlag{Name: "from-file"}, &cli.BoolFlag{Name: "force"}}},
		{Name: "update", ArgsUsage: "<name>"},
		{Name: "import", Aliases: []string{"load"}, ArgsUsage: "[<file>]"},
		{Name: "remove", Aliases: []string{"rm", "delete"}, ArgsUsage: "<name>..."},
		{Name: "audit", Flags: []cli.Flag{&cli.IntFlag{Name: "tail", Aliases: []string{"n"}, Value: 50}}},
		{Name: "exec", Aliases: []string{"run"}, ArgsUsage: "-- <cmd> [<arg>...]", Flags: []cli.Flag{ttl(),
			&cli.StringSliceFlag{Name: "env", KeepSpace: true}}},
		{Name: "env", Flags: []cli.Flag{ttl(), &cli.StringFlag{Name: "output"}}},
		{Name: "serve", Hidden: true, Flags: []cli.Flag{&cli.StringFlag{Name: "socket"}}},
	}
}

func record(app *cli.App, cmd *cli.Command, got *outcome) cli.ActionFunc {
	return func(c *cli.Context) error {
		*got = outcome{args: c.Args().Slice(), flags: make(map[string]string)}
		flags := app.Flags
		if cmd != nil {
			got.command = cmd.Name
			flags = slices.Concat(flags, cmd.Flags)
		}
		for _, f := range flags {
			got.flags[f.Names()[0]] = readFlag(c, f)
		}
		return nil
	}
}

func readFlag(c *cli.Context, f cli.Flag) string {
	name := f.Names()[0]
	switch f.(type) {
	case *cli.BoolFlag:
		return fmt.Sprint(c.Bool(name))
	case *cli.IntFlag:
		return fmt.Sprint(c.Int(name))
	case *cli.StringSliceFlag:
		return fmt.Sprintf("%q", c.StringSlice(name))
	}
	return c.String(name)
}

// run parses args and hands them to urfave.
func run(t *testing.T, args []string) (parsed, outcome, error) {
	t.Helper()
	var got outcome
	app := exampleApp(t, &got)
	p, err := parseArgs(app, args)
	if err != nil {
		t.Fatalf("parseArgs(%q): %v", args, err)
	}
	err = app.Run(p.argv)
	if err == nil && !slices.Equal(got.args, p.args) {
		t.Errorf("%q: parsed.args %q, urfave has %q", args, p.args, got.args)
	}
	return p, got, err
}

func TestFlagsWorkAnywhere(t *testing.T) {
	long := "--" + strings.Repeat("x", 200)
	tests := []struct {
		args    []string
		command string
		want    []string          // positional
		flags   map[string]string // those that differ from the default
	}{
		{words(""), "", nil, nil},
		{words("--"), "", nil, nil},
		{words("--dir lease"), "", nil, m{"dir": "lease"}},
		{words("--json=false"), "", nil, nil},
		{words("lease gh"), "lease", words("gh"), nil},
		{words("lease gh --ttl 30m"), "lease", words("gh"), m{"ttl": "30m"}},
		{words("lease --ttl 30m gh"), "lease", words("gh"), m{"ttl": "30m"}},
		{words("lease --ttl=30m gh"), "lease", words("gh"), m{"ttl": "30m"}},
		{words("lease --ttl= gh"), "lease", words("gh"), nil},
		{words("lease --ttl=a=b gh"), "lease", words("gh"), m{"ttl": "a=b"}},
		{words("lease gh --ttl -1h"), "lease", words("gh"), m{"ttl": "-1h"}},
		{words("lease gh --ttl --json"), "lease", words("gh"), m{"ttl": "--json"}},
		{words("lease gh --ttl --"), "lease", words("gh"), m{"ttl": "--"}},
		{words("lease gh --ttl --help"), "lease", words("gh"), m{"ttl": "--help"}},
		{words("lease gh -c ci -f text"), "lease", words("gh"), m{"client-id": "ci", "format": "text"}},
		{words("lease gh -c=ci"), "lease", words("gh"), m{"client-id": "ci"}},
		{words("-f text lease gh"), "lease", words("gh"), m{"format": "text"}},
		{words("lease gh --raw --human"), "lease", words("gh"), m{"raw": "true", "human": "true"}},
		{words("--dir d lease gh"), "lease", words("gh"), m{"dir": "d"}},
		{words("lease gh --dir d"), "lease", words("gh"), m{"dir": "d"}},
		{words("--json lease gh"), "lease", words("gh"), m{"json": "true"}},
		{words("lease gh --json"), "lease", words("gh"), m{"json": "true"}},
		{words("--json lease gh --json=false"), "lease", words("gh"), nil},
		{words("lease --json --json gh --json=true"), "lease", words("gh"), m{"json": "true"}},
		{words("lease help"), "lease", words("help"), nil},
		{words("lease -- -x"), "lease", words("-x"), nil},
		{words("lease -- --"), "lease", words("--"), nil},
		{words("lease --ttl 1h ttl"), "lease", words("ttl"), m{"ttl": "1h"}},
		{[]string{"lease", ""}, "lease", []string{""}, nil},
		{words("revoke"), "revoke", nil, nil},
		{words("revoke - a -- b -- --all"), "revoke", words("- a b -- --all"), nil},
		{words("revoke a --all b -c x c"), "revoke", words("a b c"), m{"all": "true", "client-id": "x"}},
		{words("revoke -a"), "revoke", nil, m{"all": "true"}},
		{words("import"), "import", nil, nil},
		{words("load f"), "import", words("f"), nil},
		{words("rm a b"), "remove", words("a b"), nil},
		{words("serve --socket x"), "serve", nil, m{"socket": "x"}},
		{words("audit -n 3"), "audit", nil, m{"tail": "3"}},
		{words("audit --tail -3"), "audit", nil, m{"tail": "-3"}},
		{words("exec -- ls -la"), "exec", words("ls -la"), nil},
		{words("run --json -- git -- --json"), "exec", words("git -- --json"), m{"json": "true"}},
		{[]string{"exec", "--env", "A=x,y", "--env= B= \xff ", "--ttl", " 1h ", "--", "sh"}, "exec", words("sh"),
			m{"env": `["A=x,y" " B= \xff "]`, "ttl": " 1h "}},
		{[]string{"exec", "--env", long, "--", long}, "exec", []string{long}, m{"env": `["` + long + `"]`}},
		{words("env --output -"), "env", nil, m{"output": "-"}},
		{words("--output old env"), "env", nil, nil},
		{words("--output old env --output new"), "env", nil, m{"output": "new"}},
		{words("lease gh --output old"), "lease", words("gh"), m{"output": "old"}},
	}
	for _, test := range tests {
		p, got, err := run(t, test.args)
		if err != nil {
			t.Errorf("%q: urfave: %v", test.args, err)
			continue
		}
		if got.command != test.command || !slices.Equal(p.args, test.want) || p.help || p.version {
			t.Errorf("%q: command %q with %q, help %v, version %v", test.args, got.command, p.args, p.help, p.version)
		}
		for name, value := range got.flags {
			want := test.flags[name]
			if want == "" {
				want = map[string]string{"tail": "50", "env": "[]", "json": "false", "human": "false",
					"raw": "false", "all": "false", "force": "false"}[name]
			}
			if value != want {
				t.Errorf("%q: --%s is %q, want %q", test.args, name, value, want)
			}
		}
		if p.has("json") != (got.flags["json"] == "true") {
			t.Errorf("%q: has(json) is %v", test.args, p.has("json"))
		}
	}
}

type m = map[string]string

func words(line string) []string { return strings.Fields(line) }

func TestTheGlobalOutputIsApartFromTheCommandsOwn(t *testing.T) {
	tests := map[string]string{
		"--output old env --output new": "secrets --output=old env --output=new --",
		"env --output new":              "secrets env --output=new --",
		"--output old env":              "secrets --output=old env --",
		"audit --output old":            "secrets --output=old audit --",
	}
	for line, want := range tests {
		if p, _, _ := run(t, words(line)); strings.Join(p.argv, " ") != want {
			t.Errorf("%s: argv %q, want %s", line, p.argv, want)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	tests := []struct{ line, command, msg, fix string }{
		{"--nope lease x", "lease", "unknown flag --nope", "lease"},
		{"--nope=s3cret lease x", "lease", "unknown flag --nope", "lease"},
		{"--nope value lease x", "lease", "unknown flag --nope", "lease"},
		{"--nope", "", "unknown flag --nope", ""},
		{"--jsn", "", "unknown flag --jsn: did you mean --json?", ""},
		{"--hlep", "", "unknown flag --hlep: did you mean --help?", ""},
		{"--humam", "", "unknown flag --humam", ""},
		{"-x lease gh", "lease", "unknown flag -x", "lease"},
		{"lease gh --tll 1h", "lease", "unknown flag --tll: did you mean --ttl?", "lease"},
		{"lease gh --formt=text", "lease", "unknown flag --formt: did you mean --format?", "lease"},
		{"lease gh -ttl 1h", "lease", "unknown flag -ttl: did you mean --ttl?", "lease"},
		{"lease gh -raw", "lease", "unknown flag -raw", "lease"},
		{"lease gh --rawx", "lease", "unknown flag --rawx", "lease"},
		{"revoke --a", "revoke", "unknown flag --a: did you mean -a?", "revoke"},
		{"revoke -ac x", "revoke", "unknown flag -ac", "revoke"},
		{"audit --tial 1h", "audit", "unknown flag --tial: did you mean --tail?", "audit"},
		{"audit --ttl 1h", "audit", "unknown flag --ttl", "audit"},
		{"lease gh ---ttl 1h", "lease", "unknown flag ---ttl: did you mean --ttl?", "lease"},
		{"lease gh --=x", "lease", "unknown flag --", "lease"},

		{"--ttl 30m lease gh", "lease", "flag --ttl belongs after the command: it is a flag of lease, exec, env", "lease"},
		{"--ttl=30m lease gh", "lease", "flag --ttl belongs after the command: it is a flag of lease, exec, env", "lease"},
		{"-ttl 30m lease gh", "lease", "flag --ttl belongs after the command: it is a flag of lease, exec, env", "lease"},
		{"-c audit lease gh", "lease", "flag -c belongs after the command: it is a flag of lease, revoke", "lease"},
		{"--ttl lease gh", "lease", "flag --ttl belongs after the command: it is a flag of lease, exec, env", "lease"},
		{"--ttl 30m", "", "flag --ttl belongs after the command: it is a flag of lease, exec, env", ""},
		{"--ttl", "", "flag --ttl belongs after the command: it is a flag of lease, exec, env", ""},
		{"--ttl -- lease --help", "", "flag --ttl belongs after the command: it is a flag of lease, exec, env", ""},
		{"--raw lease gh", "lease", "flag --raw belongs after the command", "lease"},
		{"--socket x", "", "flag --socket belongs after the command", ""},

		{"lease gh --ttl", "lease", "flag --ttl needs a value", "lease"},
		{"lease gh -c", "lease", "flag -c needs a value", "lease"},
		{"--dir", "", "flag --dir needs a value", ""},
		{"--dir lease x", "lease", `unknown command "x"`, "-"},
		{"lease gh --ttl 1h --ttl=2h", "lease", "flag --ttl is given twice", "lease"},
		{"lease gh -c a --client-id b", "lease", "flag --client-id is given twice", "lease"},
		{"--dir a lease gh --dir b", "lease", "flag --dir is given twice", "lease"},
		{"audit --tail 1 -n 2", "audit", "flag -n is given twice", "audit"},
		{"lease gh --json=yes", "lease", "flag --json takes no value but =true or =false", "lease"},
		{"lease gh --json=", "lease", "flag --json takes no value but =true or =false", "lease"},
		{"--help=1", "", "flag --help takes no value but =true or =false", ""},

		{"leese gh", "", `unknown command "leese": did you mean lease?`, "-"},
		{"delet gh", "", `unknown command "delet": did you mean delete?`, "-"},
		{"leese gh --help", "", `unknown command "leese": did you mean lease?`, "-"},
		{"serv", "", `unknown command "serv"`, "-"},
		{"-", "", `unknown command "-"`, "-"},
		{"ls", "", `unknown command "ls"`, "-"},
		{"wibble lease x", "lease", `unknown command "wibble"`, "-"},
		{"-- lease x", "", `missing command before "--"`, ""},
		{"--nope -- lease x", "", "unknown flag --nope", ""},

		{"lease", "lease", "missing argument <name>", "lease"},
		{"lease --ttl 1h", "lease", "missing argument <name>", "lease"},
		{"rm", "remove", "missing argument <name>", "remove"},
		{"exec", "exec", "missing argument <cmd>", "exec"},
		{"exec --", "exec", "missing argument <cmd>", "exec"},
		{"exec ls -l", "exec", `surplus argument "ls": the command line to run stands after "--"`, "exec"},
		{"exec ls -- ls", "exec", `surplus argument "ls": the command line to run stands after "--"`, "exec"},
		{"lease gh x y", "lease", `surplus argument "x"`, "lease"},
		{"lease gh -- x", "lease", `surplus argument "x"`, "lease"},
		{"audit x", "audit", `surplus argument "x"`, "audit"},
		{"add gh s3cret", "add", "surplus argument: " + valuesFromStdin, "add"},
		{"update gh s3cret", "update", "surplus argument: " + valuesFromStdin, "update"},
		{"load f s3cret", "import", "surplus argument: " + valuesFromStdin, "import"},
		{"add gh -- -s3cret", "add", "surplus argument: " + valuesFromStdin, "add"},
		{"add gh -S3cret", "add", "unknown flag: " + valuesFromStdin, "add"},
		{"add gh --forc", "add", "unknown flag --forc: did you mean --force?", "add"},
		{"add gh --value s3cret", "add", "unknown flag --value", "add"},
		{"add gh --value=s3cret", "add", "unknown flag --value", "add"},

		{"--version lease gh", "lease", "flag --version stands without a command", "lease"},
		{"lease gh --version", "lease", "flag --version stands without a command", "lease"},
	}
	for _, test := range tests {
		p, err := parseArgs(exampleApp(t, new(outcome)), words(test.line))
		var usage usageError
		if !errors.As(err, &usage) || !errors.Is(err, errUsage) {
			t.Errorf("%s: error %v, want a usageError", test.line, err)
			continue
		}
		if usage.msg != test.msg {
			t.Errorf("%s:\n got %s\nwant %s", test.line, usage.msg, test.msg)
		}
		fix := strings.TrimSpace("secrets help " + strings.TrimPrefix(test.fix, "-"))
		if usage.fix != fix {
			t.Errorf("%s: fix %q, want %q", test.line, usage.fix, fix)
		}
		if name := commandName(p); name != test.command {
			t.Errorf("%s: command %q, want %q", test.line, name, test.command)
		}
		if p.argv != nil || p.args != nil || p.version {
			t.Errorf("%s: argv %q, args %q, version %v with an error", test.line, p.argv, p.args, p.version)
		}
	}
}

func commandName(p parsed) string {
	if p.command == nil {
		return ""
	}
	return p.command.Name
}

func TestHelpAndVersion(t *testing.T) {
	tests := []struct {
		line, command string
		help, version bool
	}{
		{"--help", "", true, false},
		{"-h", "", true, false},
		{"--help=false", "", false, false},
		{"--version", "", false, true},
		{"--version --json", "", false, true},
		{"--help --version", "", true, true},
		{"lease --help", "lease", true, false},
		{"-h lease", "lease", true, false},
		{"lease a b --nope -h --ttl 1h --ttl 2h --json=x -ttl", "lease", true, false},
		{"--ttl 1h lease --help", "lease", true, false},
		{"--version lease --help", "lease", true, false},
		{"--nope lease --help", "lease", true, false},
		{"lease --help --ttl", "lease", true, false},
		{"lease -- --help", "lease", false, false},
		{"exec -- ls --help -h --version", "exec", false, false},
	}
	for _, test := range tests {
		p, got, err := run(t, words(test.line))
		if err != nil || p.help != test.help || p.version != test.version ||
			commandName(p) != test.command || got.command != test.command {
			t.Errorf("%s: command %q, help %v, version %v, error %v", test.line, commandName(p), p.help, p.version, err)
		}
	}
}

func TestHasReadsBrokenLinesToo(t *testing.T) {
	tests := []struct {
		line, flag string
		want       bool
	}{
		{"lease gh", "json", false},
		{"lease gh --json", "json", true},
		{"--json lease gh", "json", true},
		{"audit --human --json=false", "human", true},
		{"lease -- --json", "json", false},
		{"lease gh --ttl --json", "json", false},
		{"--nope lease --json", "json", true},
		{"--nope lease --json=false", "json", false},
		{"--ttl --json lease gh", "json", true},
		{"lease gh --json --ttl", "json", true},
		{"wibble --json=true", "json", true},
		{"--nope -- --json", "json", false},
		{"lease gh --dir x", "dir", false},
	}
	for _, test := range tests {
		p, _ := parseArgs(exampleApp(t, new(outcome)), words(test.line))
		if p.has(test.flag) != test.want {
			t.Errorf("%s: has(%s) is %v", test.line, test.flag, p.has(test.flag))
		}
	}
}

// What was typed in the wrong place may be a secret, and may hold escapes that
// a terminal obeys.
func TestErrorsRepeatLittle(t *testing.T) {
	secret := "hunter2-hunter2-" + strings.Repeat("K", 49)
	lines := [][]string{
		{secret}, {"--" + secret}, {"lease", "--" + secret, "gh"}, {"lease", "gh", secret},
		{"lease", "gh", "--ttl", "1", "--ttl", secret}, {"lease", "gh", "--nope=" + secret},
		{"lease", "gh", "--json=" + secret}, {"--ttl=" + secret, "lease", "gh"}, {"--dir=" + secret, "x"},
		{"add", "gh", "hunter2-"}, {"add", "gh", "--", "hunter2-KK"}, {"add", "gh", "--Hunter2-KK"},
		{"update", "gh", secret}, {"import", "f", "hunter2-KK"}, {"exec", secret},
		{"\x1b[2J\x07"}, {"--\x1b[2J"}, {"lease", "gh", "\x1b[2J"}, {"lease", "--\u202eabc", "gh"},
		{"\xff\xfe" + strings.Repeat("\x80", 80)}, {"--" + strings.Repeat("ü", 80)},
	}
	for _, args := range lines {
		_, err := parseArgs(exampleApp(t, new(outcome)), args)
		if err == nil {
			t.Errorf("%q: no error", args)
			continue
		}
		msg := err.Error()
		if strings.Contains(msg, "KK") || strings.HasPrefix(args[0], "add") && strings.Contains(msg, "unter") {
			t.Errorf("%q: the error repeats it: %s", args, msg)
		}
		checkMessage(t, msg)
	}
}

func checkMessage(t *testing.T, msg string) {
	t.Helper()
	unsafe := func(r rune) bool { return !unicode.IsPrint(r) }
	if !utf8.ValidString(msg) || strings.ContainsFunc(msg, unsafe) || len(msg) > 400 {
		t.Errorf("message %q is not fit for a terminal", msg)
	}
}

func TestArity(t *testing.T) {
	tests := map[string]arity{
		"":                           {nil, 0, 0},
		"<name>":                     {[]string{"<name>"}, 1, 1},
		"[<name>]":                   {nil, 1, 1},
		"<a> <b> [<c>]":              {[]string{"<a>", "<b>"}, 3, 3},
		"<lease-id>...":              {[]string{"<lease-id>"}, math.MaxInt, math.MaxInt},
		"[<lease-id>...]":            {nil, math.MaxInt, math.MaxInt},
		"[<a>...] <b>":               {[]string{"<b>"}, math.MaxInt, math.MaxInt},
		"-- <cmd> [<arg>...]":        {[]string{"<cmd>"}, math.MaxInt, 0},
		"<name> -- <cmd> [<arg>...]": {[]string{"<name>", "<cmd>"}, math.MaxInt, 1},
	}
	for usage, want := range tests {
		if got := readArity(usage); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, want %v", usage, got, want)
		}
	}
}

// piece is a part of a command line that stays together.
type piece struct {
	words []string
	own   bool // a flag of the command, which stands after it
	fixed bool // keeps its place among the fixed ones: the command and its arguments
}

func TestEveryOrderMeansTheSame(t *testing.T) {
	word := func(w string) piece { return piece{words: []string{w}, fixed: true} }
	global := func(w ...string) piece { return piece{words: w} }
	own := func(w ...string) piece { return piece{words: w, own: true} }
	tests := []struct {
		units []piece
		tail  []string
		flags map[string]string
	}{
		{[]piece{word("lease"), word("gh"), own("--ttl", "-1h"), own("-c=audit"), own("--raw"), global("--json"), global("--dir", "add")}, nil,
			m{"ttl": "-1h", "client-id": "audit", "raw": "true", "json": "true", "dir": "add", "format": "", "human": "false", "output": ""}},
		{[]piece{word("revoke"), word("a"), word("-"), word("a"), own("--secret", "--all"), own("-a=false"), global("-f", "--dir")}, words("-- --secret"),
			m{"secret": "--all", "client-id": "", "all": "false", "json": "false", "dir": "", "format": "--dir", "human": "false", "output": ""}},
		{[]piece{word("run"), own("--env", "A=x,y", "--env=B=z"), own("--ttl=1h"), global("--human"), global("--output", "exec"), global("--json=false")}, words("-- sh -c true -- --json"),
			m{"env": `["A=x,y" "B=z"]`, "ttl": "1h", "json": "false", "dir": "", "format": "", "human": "true", "output": "exec"}},
	}
	for _, test := range tests {
		var first *outcome
		count := 0
		orders(test.units, false, nil, func(order []piece) {
			var args []string
			for _, u := range order {
				args = append(args, u.words...)
			}
			_, got, err := run(t, append(args, test.tail...))
			if err != nil {
				t.Fatalf("%q: %v", args, err)
			}
			if count++; first == nil {
				first = &got
			}
			if !reflect.DeepEqual(got, *first) || !reflect.DeepEqual(got.flags, test.flags) {
				t.Fatalf("%q:\n got %q\nwant %q\nwith %q", args, got, *first, test.flags)
			}
		})
		if count < 50 {
			t.Errorf("only %d orders of %v", count, test.units)
		}
	}
}

// orders calls visit with each order of the units that leaves the fixed ones in
// theirs, and the command's own flags after it.
func orders(left []piece, named bool, done []piece, visit func([]piece)) {
	if len(left) == 0 {
		visit(done)
		return
	}
	firstFixed := slices.IndexFunc(left, func(u piece) bool { return u.fixed })
	for i, u := range left {
		if u.fixed && i != firstFixed || u.own && !named {
			continue
		}
		orders(slices.Delete(slices.Clone(left), i, i+1), named || u.fixed, append(done, u), visit)
	}
}

func TestOnlyAValueOfTheWrongTypeFailsInUrfave(t *testing.T) {
	if _, _, err := run(t, words("audit --tail many")); err == nil {
		t.Error("audit --tail many: no error")
	}
}

func FuzzParseArgs(f *testing.F) {
	for _, line := range []string{
		"", "--", "lease gh --ttl 30m", "--json lease gh --json=false", "--nope lease x", "--ttl 30m lease gh",
		"exec --env A=x,y --env=B -- sh -c x -- --json", "exec ls -l", "--output x env --output y", "audit -n x",
		"add gh s3cret", "revoke - a -- -- -h", "-ttl 1", "lease --help --ttl", "--version --human",
		"--=x ---x -", "lease \x1b[2J \xff", "rm a b --output", "serve --socket=", "help --dir",
	} {
		f.Add(strings.ReplaceAll(line, " ", "\x00"))
	}
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, "\x00") // the one byte that no argument holds
		p, err := parseArgs(exampleApp(t, new(outcome)), args)
		if err != nil {
			checkError(t, p, err)
			return
		}
		p, got, err := run(t, args)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "invalid value ") {
				t.Fatalf("%q: urfave on %q: %v", args, p.argv, err)
			}
			return
		}
		if got.command != commandName(p) {
			t.Errorf("%q: urfave ran %q for %q", args, got.command, commandName(p))
		}
		if p.help || p.version {
			return
		}
		if _, again, err := run(t, p.argv[1:]); err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%q: reading argv %q again gives %v, not %v", args, p.argv, again, got)
		}
	})
}

func checkError(t *testing.T, p parsed, err error) {
	var usage usageError
	if !errors.As(err, &usage) || !errors.Is(err, errUsage) || usage.msg == "" || p.argv != nil {
		t.Errorf("error %#v with argv %q", err, p.argv)
	}
	if usage.fix != "secrets help" && usage.fix != "secrets help "+commandName(p) {
		t.Errorf("fix %q for %q", usage.fix, commandName(p))
	}
	checkMessage(t, usage.msg)
}

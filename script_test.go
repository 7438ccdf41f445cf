package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

type scriptCommand = func(ts *testscript.TestScript, neg bool, args []string)

// commands are what the scripts have beside testscript's own.
//
//	ok CMD...                runs secrets and wants an envelope of success
//	fails EXIT CODE CMD...   runs secrets and wants an envelope of failure
//	every EXIT CODE CMD...   does that for each command, in the place of %
//	exit EXIT CMD...         wants the exit status of any command
//	code CODE EXIT FILE      wants the envelope of a failure in a file
//	[!] json FILE [PATH WANT]  wants one JSON document, and a value in it
//	let NAME FILE PATH       sets a variable to a value in a JSON document
//	[!] leaked VALUE PATH... finds a value, encoded or not, in files
//	mode MODE PATH...        wants permission bits
//	snapshot DIR             remembers every file of a directory
//	unchanged DIR [NAME...]  wants them as they were, save those named
//	hold FILE, release       takes a lock until it is released
//	newer store|ledger|log   makes a state file one of the next version
func commands(seen *outcomes) map[string]scriptCommand {
	r := &runner{seen}
	return map[string]scriptCommand{
		"ok": only(r.ok), "fails": only(r.fails), "every": only(r.every), "exit": only(r.exit), "code": only(r.code),
		"json": cmdJSON, "let": only(let),
		"leaked": leaked, "mode": only(mode), "snapshot": only(snapshot), "unchanged": only(unchanged),
		"hold": only(hold), "release": only(release), "newer": only(newer),
	}
}

// only makes a command that cannot be negated.
func only(run func(ts *testscript.TestScript, args []string)) scriptCommand {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("this command cannot be negated")
		}
		run(ts, args)
	}
}

// envelope is what every command prints.
type envelope struct {
	OK      *bool           `json:"ok"`
	Success *bool           `json:"success"`
	Command string          `json:"command"`
	Result  json.RawMessage `json:"result"`
	Error   *struct {
		Message string `json:"message"`
		Code    string `json:"code"`
	} `json:"error"`
	Fix  string `json:"fix"`
	Next []struct {
		Command     string `json:"command"`
		Description string `json:"description"`
	} `json:"next_actions"`
}

// readEnvelope wants text to be one envelope, and nothing beside it.
func readEnvelope(text string) (envelope, error) {
	var e envelope
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		return e, fmt.Errorf("not an envelope: %v", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return e, errors.New("something stands after the envelope")
	}
	switch {
	case !strings.HasPrefix(text, "{\n  \"ok\": ") || !strings.HasSuffix(text, "\n}\n"):
		return e, errors.New("the envelope is not indented by two spaces, or its end is not a newline")
	case e.OK == nil || e.Success == nil || *e.OK != *e.Success:
		return e, errors.New("ok and success do not agree")
	case *e.OK != (e.Error == nil):
		return e, errors.New("ok and error do not agree")
	case e.Next == nil:
		return e, errors.New("next_actions is not a list")
	case e.Error != nil && (e.Error.Message == "" || strings.Contains(e.Error.Message, "\n")):
		return e, fmt.Errorf("the message is not one line: %q", e.Error.Message)
	case e.OK != nil && *e.OK && e.Fix != "":
		return e, errors.New("a fix for a success")
	}
	for _, next := range e.Next {
		if !strings.HasPrefix(next.Command, "secrets ") || next.Description == "" {
			return e, fmt.Errorf("next action %q is not a command with a description", next.Command)
		}
	}
	return e, nil
}

// runner runs secrets and looks at what it prints.
type runner struct{ seen *outcomes }

func status(ts *testscript.TestScript, args []string) int {
	if len(args) == 0 {
		ts.Fatalf("no command")
	}
	err := ts.Exec(args[0], args[1:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode() // -1 for a death by signal
	}
	ts.Check(err)
	return 0
}

func (r *runner) exit(ts *testscript.TestScript, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := status(ts, args[1:]); got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

func (r *runner) ok(ts *testscript.TestScript, args []string) {
	r.exit(ts, append([]string{"0"}, args...))
	e, err := readEnvelope(ts.ReadFile("stdout"))
	ts.Check(err)
	if !*e.OK {
		ts.Fatalf("exit status 0 with an error")
	}
	checkStderr(ts, ts.ReadFile("stderr"))
}

func (r *runner) fails(ts *testscript.TestScript, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: fails EXIT CODE CMD...")
	}
	r.exit(ts, append(args[:1:1], args[2:]...))
	from := "stdout"
	if printsRaw(args[2:]) {
		from = "stderr"
		if out := ts.ReadFile("stdout"); out != "" {
			ts.Fatalf("a raw command failed and printed %d bytes on standard output", len(out))
		}
	} else {
		checkStderr(ts, ts.ReadFile("stderr"))
	}
	r.code(ts, []string{args[1], args[0], from})
}

// printsRaw reports whether the standard output of a command line is not an
// envelope.
func printsRaw(args []string) bool {
	raw, env, skill := false, false, false
	for _, arg := range args {
		switch {
		case arg == "--":
			return raw
		case arg == "env":
			env = true
		case arg == "exec" || arg == "run" || arg == "completion" || arg == "claude-hook" || arg == "mcp" || arg == "openclaw-resolve":
			return true
		case arg == "skill":
			skill = true
		case skill && arg == "install":
			return false
		case env && (arg == "-" || arg == "github"):
			raw = true
		case arg == "help", strings.HasPrefix(arg, "--json") && arg != "--json=false" && !skill:
			return false
		}
		raw = raw || arg == "lease" || arg == "skill"
	}
	return raw
}

// checkStderr wants notes and nothing else beside an envelope.
func checkStderr(ts *testscript.TestScript, text string) {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "secrets: ") {
			ts.Fatalf("not a note on standard error: %q", line)
		}
	}
}

// code notes the outcome of a failure. Notes may stand before the envelope on
// standard error.
func (r *runner) code(ts *testscript.TestScript, args []string) {
	want, file := args[0], args[2]
	exit, err := strconv.Atoi(args[1])
	ts.Check(err)
	text := ts.ReadFile(file)
	for file != "stdout" && strings.HasPrefix(text, "secrets: ") {
		_, text, _ = strings.Cut(text, "\n")
	}
	e, err := readEnvelope(text)
	ts.Check(err)
	if e.Error == nil || e.Error.Code != want {
		ts.Fatalf("not the code %s", want)
	}
	r.seen.add(want, exit)
}

// every runs a command line for each command of the program, so that a new
// command is tested from its first day.
func (r *runner) every(ts *testscript.TestScript, args []string) {
	ts.Check(ts.Exec("secrets"))
	var tree struct {
		Result struct {
			Commands []struct{ Name string }
		}
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &tree))
	if len(tree.Result.Commands) < 12 {
		ts.Fatalf("the tree shows %d commands", len(tree.Result.Commands))
	}
	for _, c := range append(tree.Result.Commands, struct{ Name string }{"serve"}) {
		line := slices.Clone(args)
		for i := range line {
			line[i] = strings.ReplaceAll(line[i], "%", c.Name)
		}
		ts.Logf("[%s]", strings.Join(line[2:], " "))
		r.fails(ts, line)
	}
}

func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 && len(args) != 3 {
		ts.Fatalf("usage: [!] json FILE [PATH WANT]")
	}
	document := readJSON(ts, args[0])
	if len(args) == 1 {
		return
	}
	got := find(document, args[1])
	if (got == args[2]) == neg {
		ts.Fatalf("%s is %s", args[1], got)
	}
}

func let(ts *testscript.TestScript, args []string) {
	got := find(readJSON(ts, args[1]), args[2])
	if got == nothing {
		ts.Fatalf("there is no %s", args[2])
	}
	ts.Setenv(args[0], got)
}

func readJSON(ts *testscript.TestScript, file string) any {
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(file)))
	dec.UseNumber()
	var document any
	ts.Check(dec.Decode(&document))
	if _, err := dec.Token(); err != io.EOF {
		ts.Fatalf("%s holds more than one JSON document", file)
	}
	return document
}

const nothing = "<nothing>"

// find follows a dotted path: members by name, elements by number from 0 or
// from -1 for the last, and len for how many there are. Strings are given as they
// are and all else as JSON.
func find(v any, path string) string {
	for step := range strings.SplitSeq(path, ".") {
		next, ok := descend(v, step)
		if !ok {
			return nothing
		}
		v = next
	}
	if s, ok := v.(string); ok {
		return s
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func descend(v any, step string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		if step == "len" {
			return len(v), true
		}
		next, ok := v[step]
		return next, ok
	case []any:
		if step == "len" {
			return len(v), true
		}
		i, err := strconv.Atoi(step)
		if i < 0 {
			i += len(v)
		}
		if err != nil || i < 0 || i >= len(v) {
			return nil, false
		}
		return v[i], true
	}
	return nil, false
}

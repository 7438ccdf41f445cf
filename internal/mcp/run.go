package mcp

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"agent-secrets/lease"
)

type runArgs struct {
	Argv    []string          `json:"argv"`
	Secrets map[string]string `json:"secrets"` // variable to name
	TTL     string            `json:"ttl"`
	Dir     string            `json:"dir"`
	Timeout string            `json:"timeout"`
}

// runResult is what became of a command. Its exit code is its own, whatever that
// means.
type runResult struct {
	ExitCode      int      `json:"exit_code"`
	Stdout        string   `json:"stdout"`
	Stderr        string   `json:"stderr"`
	StdoutOmitted int64    `json:"stdout_omitted_bytes"`
	StderrOmitted int64    `json:"stderr_omitted_bytes"`
	Notes         []string `json:"notes"`
}

// defaultTimeout is how long a command may take, if nothing is said.
const defaultTimeout = 10 * time.Minute

// run runs a command with secrets. Whether exec failed or the command that it
// ran shows in what exec says for itself, which is apart from what the command
// prints: no exit code and no output can be mistaken for it.
func (s Server) run(ctx context.Context, client string, arguments []byte) (any, error) {
	in, timeout, err := readRun(arguments)
	if err != nil {
		return nil, err
	}
	timed, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var stdout, stderr, notes capped
	exit, err := s.Exec(timed, client, in.Dir, in.exec(), Streams{&stdout, &stderr, &notes})
	said, printed := cutNotes(notes.text())
	result := runResult{exit, stdout.text(), stderr.text(), stdout.omitted(), stderr.omitted(), said}
	if err == nil && printed != "" {
		_, err = readDocument([]byte(printed))
	}
	if err == nil {
		return result, nil
	}
	return nil, explain(timed, err, result)
}

func readRun(arguments []byte) (runArgs, time.Duration, error) {
	in, timeout := runArgs{}, defaultTimeout
	if err := decode(arguments, &in); err != nil {
		return in, 0, err
	}
	if in.Timeout != "" {
		var err error
		if timeout, err = lease.ParseDuration(in.Timeout); err != nil {
			return in, 0, usage("timeout: it takes a duration, such as 30s or 10m")
		}
	}
	return in, timeout, in.check()
}

func (a runArgs) check() error {
	if len(a.Argv) == 0 || a.Argv[0] == "" {
		return usage("argv: it takes a program and its arguments")
	}
	if err := checkWords(a.exec()); err != nil {
		return err
	}
	if a.Dir == "" {
		return nil
	}
	if info, err := os.Stat(a.Dir); err != nil || !info.IsDir() {
		return &failure{Code: "file", Message: "dir: there is no such directory"}
	}
	return nil
}

// exec is the command line of exec. Secrets that are named are all that the
// command gets; else it gets what its project lists.
func (a runArgs) exec() []string {
	args := flag([]string{"exec", "--attended", "--redact=always"}, "ttl", a.TTL)
	for _, name := range slices.Sorted(maps.Keys(a.Secrets)) {
		args = append(args, "--env="+name+"="+a.Secrets[name], "--only="+name)
	}
	return append(append(args, "--"), a.Argv...)
}

// cutNotes parts what exec says for itself in its notes and its document.
func cutNotes(text string) (notes []string, document string) {
	notes = []string{}
	for text != "" && !strings.HasPrefix(text, "{") {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		notes = append(notes, strings.TrimPrefix(line, "secrets: "))
	}
	return notes, text
}

// explain says why exec failed, with what the command had printed until then.
func explain(ctx context.Context, err error, result runResult) error {
	f := &failure{Code: "internal", Message: err.Error()}
	_ = errors.As(err, &f) // else f says as much
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		f = &failure{Code: "timeout", Message: "the command was stopped after its timeout", Fix: "call secrets_run with a longer timeout"}
	case ctx.Err() != nil:
		f = &failure{Code: "cancelled", Message: "the command was stopped: nobody waits for it any more"}
	}
	if result.Stdout+result.Stderr != "" {
		f.Result = result
	}
	return f
}

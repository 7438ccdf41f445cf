package cli_test

import (
	"bytes"
	"context"
	cryptorand "crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"agent-secrets/internal/cli"
	"agent-secrets/internal/crashfs"
	"agent-secrets/internal/fsx"
	"agent-secrets/rotate"
	"agent-secrets/store"
)

const stateDir = "/state"

// machine is a computer with one simulated disk, on which one process runs
// after the other. Each starts a second after the one before, and its random
// numbers depend on nothing but that time.
type machine struct {
	disk *crashfs.Disk
	now  time.Time
	// wrap stands between the program and the disk: a wrong design.
	wrap func(fsx.FS) fsx.FS
}

// command is one process.
type command struct {
	args   []string
	stdin  string
	client string
	full   bool // standard output takes nothing
	exit   int  // the status that it ends with where nothing goes wrong
}

func run(args ...string) command { return command{args: args, client: "tester"} }

func (c command) input(stdin string) command { c.stdin = stdin; return c }
func (c command) exits(status int) command   { c.exit = status; return c }

// raw reports whether standard output is for a value alone.
func (c command) raw() bool { return c.args[0] == "lease" && !slices.Contains(c.args, "--json") }

func (c command) String() string { return strings.Join(c.args, " ") }

// outcome is how a process ended.
type outcome struct {
	exit           int
	stdout, stderr bytes.Buffer
	panicked       any
}

func (m *machine) clone() *machine {
	return &machine{disk: m.disk.Clone(), now: m.now, wrap: m.wrap}
}

func (m *machine) run(c command) *outcome {
	m.now = m.now.Add(time.Second)
	out := &outcome{}
	env := m.env(c, out)
	defer func() { out.panicked = recover() }()
	out.exit = cli.Main(append([]string{"secrets"}, c.args...), env)
	return out
}

func (m *machine) env(c command, out *outcome) *cli.Env {
	var to io.Writer = &out.stdout
	if c.full {
		to = fullWriter{}
	}
	stdout := m.disk.Stdout(to)
	vars := map[string]string{"SECRETS_HOME": stateDir, "SECRETS_CLIENT_ID": c.client}
	now := m.now
	return &cli.Env{
		Stdin: strings.NewReader(c.stdin), Stdout: stdout, Stderr: &out.stderr, Deliver: stdout,
		Terminal: func() (cli.Terminal, error) { return nil, syscall.ENXIO },
		Getenv:   func(name string) string { return vars[name] },
		Hostname: func() (string, error) { return "host", nil },
		Now:      func() time.Time { return now },
		Rand:     randomAt(now),
		RunHook:  runHook,
		OpenDir:  m.wrapped(m.disk.Open),
		MakeDir:  m.wrapped(m.disk.Make),
	}
}

// runHook stands for a shell: there may be only one child of a process at a
// time, and tests are many.
func runHook(_ context.Context, h rotate.Hook) (rotate.Output, error) {
	text, _ := strings.CutPrefix(h.Command, "echo ")
	if h.Command == "false" {
		return rotate.Output{}, rotate.ErrFailed
	}
	if h.Command == "true" {
		text = ""
	}
	return rotate.Output{Value: []byte(text)}, nil
}

func (m *machine) wrapped(open func(string) (fsx.FS, error)) func(string) (fsx.FS, error) {
	return func(path string) (fsx.FS, error) {
		fsys, err := open(path)
		if err == nil && m.wrap != nil {
			fsys = m.wrap(fsys)
		}
		return fsys, err
	}
}

func randomAt(now time.Time) io.Reader {
	var seed [32]byte
	copy(seed[:], now.Format(time.RFC3339Nano))
	return rand.NewChaCha8(seed)
}

// constant is what age takes for randomness here, so that equal states are equal
// byte for byte. It has no state, because the scenarios run side by side.
type constant struct{}

func (constant) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 7
	}
	return len(p), nil
}

// prepareProcess sets, for the time of the test, what is global.
func prepareProcess(t *testing.T) {
	before, percent := cryptorand.Reader, debug.SetGCPercent(400)
	cryptorand.Reader = constant{}
	t.Cleanup(func() {
		cryptorand.Reader = before
		debug.SetGCPercent(percent)
	})
}

type fullWriter struct{}

func (fullWriter) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// must runs commands that prepare a state.
func (m *machine) must(t *testing.T, commands ...command) {
	t.Helper()
	for _, c := range commands {
		if out := m.run(c); out.exit != c.exit || out.panicked != nil {
			t.Fatalf("%s: exit %d, %v\n%s%s", c, out.exit, out.panicked, &out.stdout, &out.stderr)
		}
	}
}

// open opens the store as it is shipped, whatever the design under test.
func (m *machine) open() (*store.Store, error) {
	return store.Open(store.Options{
		Path: stateDir, ClientID: "judge", Now: func() time.Time { return m.now }, Rand: randomAt(m.now),
		OpenDir: m.disk.Open, MakeDir: m.disk.Make,
	})
}

// failure is the error of the envelope that the process printed.
func (o *outcome) failure() (f struct{ Code, Message string }) {
	for _, stream := range []string{o.stdout.String(), o.stderr.String()} {
		_, body, found := strings.Cut(stream, "{")
		if !found {
			continue
		}
		var envelope struct {
			Error struct{ Code, Message string }
		}
		if json.Unmarshal([]byte("{"+body), &envelope) == nil && envelope.Error.Code != "" {
			return envelope.Error
		}
	}
	return f
}

func (o *outcome) String() string {
	if o.panicked != nil {
		return fmt.Sprintf("panic: %v", o.panicked)
	}
	f := o.failure()
	return fmt.Sprintf("exit %d: %s: %s", o.exit, f.Code, f.Message)
}

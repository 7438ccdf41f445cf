package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The process tests run the real program in real directories, many at once. A
// few seconds of them belong to every test run; SECRETS_SOAK=1 makes them long.
func soak() bool { return os.Getenv("SECRETS_SOAK") == "1" }

// rounds is how often a race is run: often is for a soak.
func rounds(few, often int) int {
	if soak() {
		return often
	}
	return few
}

// builtProgram builds the program once, beside the test binary, whose directory
// go test removes at its end.
var builtProgram = sync.OnceValues(func() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(self), "secrets-under-test")
	output, err := exec.Command("go", "build", "-tags", "urfave_cli_no_docs", "-o", path, ".").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("go build: %w: %s", err, output)
	}
	return path, err
})

// sandbox is a home with a state directory of its own. Its methods may be
// called by many goroutines at once.
type sandbox struct {
	t       *testing.T
	program string
	home    string
	dir     string // the state directory
}

// bareSandbox is a sandbox without a store.
func bareSandbox(t *testing.T) *sandbox {
	t.Helper()
	program, err := builtProgram()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	return &sandbox{t: t, program: program, home: home, dir: filepath.Join(home, ".agent-secrets")}
}

// theValue is what the secret "one" is. No message has it for another reason.
const theValue = "correct horse battery staple"

// newSandbox is a sandbox with a store that holds the secret "one".
func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	s := bareSandbox(t)
	s.must("", "init")
	s.must(theValue, "add", "one")
	return s
}

// outcome is what a process left: exit is its status, or -1 for one that did not
// end by itself.
type outcome struct {
	stdout, stderr string
	exit           int
}

// slow is how long no command may take, whatever it meets.
const slow = 30 * time.Second

func (s *sandbox) run(stdin string, args ...string) outcome {
	ctx, cancel := context.WithTimeout(context.Background(), slow)
	defer cancel()
	return s.finish(exec.CommandContext(ctx, s.program, args...), stdin)
}

// runUnder runs the program as the arguments "$@" of a shell script, which can
// take away what a process is used to have.
func (s *sandbox) runUnder(script string, args ...string) outcome {
	ctx, cancel := context.WithTimeout(context.Background(), slow)
	defer cancel()
	return s.finish(exec.CommandContext(ctx, "sh", append([]string{"-c", script, s.program}, args...)...), "")
}

func (s *sandbox) finish(cmd *exec.Cmd, stdin string) outcome {
	var stdout, stderr bytes.Buffer
	s.prepare(cmd, stdin, &stdout, &stderr)
	return s.outcome(cmd, cmd.Run(), &stdout, &stderr)
}

func (s *sandbox) prepare(cmd *exec.Cmd, stdin string, stdout, stderr *bytes.Buffer) {
	cmd.Dir = s.home
	cmd.Env = []string{"HOME=" + s.home, "PATH=" + os.Getenv("PATH"), "USER=tester"}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), stdout, stderr
}

func (s *sandbox) outcome(cmd *exec.Cmd, err error, stdout, stderr *bytes.Buffer) outcome {
	if cmd.ProcessState == nil {
		s.t.Errorf("%v: %v", cmd.Args, err)
		return outcome{exit: -1}
	}
	return s.finished(cmd, stdout, stderr)
}

func (s *sandbox) finished(cmd *exec.Cmd, stdout, stderr *bytes.Buffer) outcome {
	o := outcome{stdout: stdout.String(), stderr: stderr.String(), exit: cmd.ProcessState.ExitCode()}
	if strings.Contains(o.stderr, "goroutine ") {
		s.t.Errorf("%v panicked: %s", cmd.Args, o.stderr)
	}
	return o
}

// must runs a command that has to succeed and returns its output.
func (s *sandbox) must(stdin string, args ...string) string {
	s.t.Helper()
	o := s.run(stdin, args...)
	if o.exit != 0 {
		s.t.Errorf("secrets %v: exit %d: %s%s", args, o.exit, o.stdout, o.stderr)
	}
	return o.stdout
}

// code is the code of the error in the envelope, wherever that was printed.
func (o outcome) code() string {
	var e struct{ Error struct{ Code string } }
	for _, stream := range []string{o.stdout, o.stderr} {
		if i := strings.Index(stream, "{\n"); i >= 0 && json.Unmarshal([]byte(stream[i:]), &e) == nil {
			return e.Error.Code
		}
	}
	return ""
}

// leaseEntry is a lease as the program shows it.
type leaseEntry struct {
	ID     string `json:"lease_id"`
	Client string `json:"client_id"`
	State  string `json:"state"`
}

// eventEntry is an event of the log as the program shows it.
type eventEntry struct {
	Seq     int
	Event   string
	Client  string `json:"client_id"`
	LeaseID string `json:"lease_id"`
}

// result reads what a command that has to succeed says.
func (s *sandbox) result(into any, args ...string) {
	s.t.Helper()
	envelope := struct{ Result any }{into}
	if err := json.Unmarshal([]byte(s.must("", args...)), &envelope); err != nil {
		s.t.Errorf("secrets %v: %v", args, err)
	}
}

func (s *sandbox) leases(flags ...string) []leaseEntry {
	s.t.Helper()
	var r struct{ Leases []leaseEntry }
	s.result(&r, append([]string{"leases"}, flags...)...)
	return r.Leases
}

func (s *sandbox) events() []eventEntry {
	s.t.Helper()
	var r struct{ Events []eventEntry }
	s.result(&r, "audit", "--tail", "0")
	return r.Events
}

// verify checks the log as the program does and, because many share in writing
// it, that its numbers have no gap.
func (s *sandbox) verify() {
	s.t.Helper()
	s.must("", "audit", "--verify")
	for i, e := range s.events() {
		if e.Seq != i+1 {
			s.t.Errorf("event %d of the log has seq %d", i+1, e.Seq)
			return
		}
	}
}

// outlived returns who holds a lease that, by the log, was granted before the
// last killswitch.
func (s *sandbox) outlived() []string {
	s.t.Helper()
	kill, granted := 0, map[string]int{}
	for _, e := range s.events() {
		switch e.Event {
		case "killswitch.revoke_all":
			kill = e.Seq
		case "lease.grant":
			granted[e.LeaseID] = e.Seq
		}
	}
	var clients []string
	for _, l := range s.leases() {
		if granted[l.ID] < kill {
			clients = append(clients, l.Client)
		}
	}
	return clients
}

// contents reads every regular file of the state directory, up to the size that
// no undamaged one has here.
func (s *sandbox) contents() map[string]string {
	s.t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		s.t.Error(err)
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			continue
		}
		files[entry.Name()] = s.content(entry.Name())
	}
	return files
}

func (s *sandbox) content(name string) string {
	s.t.Helper()
	f, err := os.Open(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Error(err)
		return ""
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		s.t.Error(err)
	}
	return string(data)
}

// configure gives the store settings; all others have their defaults.
func (s *sandbox) configure(settings string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "config.json"), []byte(settings), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// atOnce calls f with 0 to n-1, all at the same time, and waits for them.
func atOnce(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

// eventually waits for a condition that another process brings about.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(slow); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come about: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// clientsOf returns who holds leases, sorted.
func clientsOf(leases []leaseEntry) []string {
	var clients []string
	for _, l := range leases {
		clients = append(clients, l.Client)
	}
	slices.Sort(clients)
	return clients
}

package supervise

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long the tests wait for what should happen at once.
const patience = 20 * time.Second

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came to this: %s", what)
		}
	}
}

// supervised is a supervisor in a process of its own.
type supervised struct {
	*exec.Cmd
	plan   plan
	mark   string // comes first in the environment of the whole tree
	stdout *lockedBuffer
}

// prepare returns a supervisor for a shell script, or for more arguments than
// one for a program.
func prepare(t *testing.T, p plan, args ...string) *supervised {
	t.Helper()
	dir := t.TempDir()
	if len(args) == 1 {
		args = []string{"/bin/sh", "-c", args[0]}
	}
	mark := "SUPERVISE_TEST_MARK=" + dir
	p.Args = args
	// What forks all the time ends with the test, should all else fail.
	pid := fmt.Sprintf("SUPERVISE_TEST_PID=%d", os.Getpid())
	p.Env = append([]string{mark, pid, "PATH=" + os.Getenv("PATH")}, p.Env...)
	p.Outcome, p.Expired = filepath.Join(dir, "outcome"), filepath.Join(dir, "expired")
	if p.Config.Poll == 0 {
		p.Config.Poll = 5 * time.Millisecond
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	s := &supervised{Cmd: exec.Command(os.Args[0]), plan: p, mark: mark, stdout: &lockedBuffer{}}
	// The race detector would have each of these processes sleep at its end.
	s.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", roleVariable+"=supervisor", planVariable+"="+string(data))
	s.Stdout, s.Stderr = s.stdout, os.Stderr
	s.WaitDelay = time.Millisecond
	t.Cleanup(func() { killAll(t, dir) })
	return s
}

func (s *supervised) start(t *testing.T) *supervised {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Process.Kill()
		_ = s.Wait()
	})
	return s
}

// killAll kills what a failed test leaves, supervisors too: all that has this
// directory in its environment. Some of it forks all the time.
func killAll(t *testing.T, dir string) {
	enough := 1
	if t.Failed() {
		enough = 5
	}
	deadline := time.Now().Add(patience)
	for quiet := 0; quiet < enough && time.Now().Before(deadline); quiet++ {
		for _, pid := range withEnvironment(func(env []byte) bool { return bytes.Contains(env, []byte(dir)) }) {
			_ = unix.Kill(pid, unix.SIGKILL)
			quiet = 0
		}
	}
}

// supervise starts a supervisor.
func supervise(t *testing.T, p plan, args ...string) *supervised {
	t.Helper()
	return prepare(t, p, args...).start(t)
}

// end waits for what Run returned.
func (s *supervised) end(t *testing.T) outcome {
	t.Helper()
	var o outcome
	eventually(t, "Run returns", func() bool {
		data, err := os.ReadFile(s.plan.Outcome)
		return err == nil && json.Unmarshal(data, &o) == nil
	})
	return o
}

// prints waits for this text on standard output.
func (s *supervised) prints(t *testing.T, text string) {
	t.Helper()
	eventually(t, fmt.Sprintf("output has %q", text), func() bool { return strings.Contains(s.stdout.String(), text) })
}

// expire makes check fail.
func (s *supervised) expire(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(s.plan.Expired, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// tree is every live process that descends from the child, whoever its parent
// is now.
func (s *supervised) tree() []int {
	return withEnvironment(func(env []byte) bool { return bytes.HasPrefix(env, []byte(s.mark+"\x00")) })
}

// child waits for the only process of the tree. One that is about to become
// another program has no environment.
func (s *supervised) child(t *testing.T) (pid int) {
	t.Helper()
	eventually(t, "the child runs", func() bool {
		pids := s.tree()
		if len(pids) > 0 {
			pid = pids[0]
		}
		return pid > 0
	})
	return pid
}

func withEnvironment(fits func(env []byte) bool) []int {
	table, _ := processes()
	var pids []int
	for _, p := range table {
		env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.pid))
		if !p.dead && fits(env) {
			pids = append(pids, p.pid)
		}
	}
	return pids
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

package main_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// within is how long the end of a lease may take to be the end of a tree.
const within = 2 * time.Second

var marks atomic.Int64

// tree is a running exec whose command has started a child, a grandchild, a
// process in a session of its own and a daemon. All of them sleep for a number
// of seconds that nobody else sleeps for.
type tree struct {
	cmd  *exec.Cmd
	mark string
}

func (s *sandbox) tree(t *testing.T, flags ...string) *tree {
	t.Helper()
	mark := newMark()
	args := append(append([]string{"exec", "--env", "ONE=one"}, flags...), "--", "sh", "-c", growing(mark, "echo ready"))
	cmd := exec.Command(s.program, args...)
	s.prepare(cmd, "", nil, nil)
	cmd.Stdout, cmd.Stderr = nil, nil // a nil buffer is not a nil writer
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the tree did not grow: %q, %v", line, err)
	}
	return &tree{cmd, mark}
}

func newMark() string { return fmt.Sprintf("%d.%d", 100000+os.Getpid(), marks.Add(1)) }

// growing is a script that starts the tree, runs ready once all of it is there,
// and waits.
func growing(mark, ready string) string {
	return fmt.Sprintf(`sleep %[1]s & (sleep %[1]s; :) & setsid sleep %[1]s & (setsid sh -c 'sleep %[1]s & exit' &)
		until [ $(grep -alF %[1]s /proc/[0-9]*/cmdline 2>/dev/null | wc -l) -ge 5 ]; do :; done; %[2]s; wait`, mark, ready)
}

// sleepers are the processes of the tree that still run.
func (tr *tree) sleepers() []string {
	var found []string
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		line, err := os.ReadFile(path)
		if err == nil && strings.HasPrefix(string(line), "sleep\x00"+tr.mark) {
			found = append(found, path)
		}
	}
	return found
}

// ends waits for exec and says how it ended, and how long that took.
func (tr *tree) ends(t *testing.T, since time.Time) {
	t.Helper()
	err := tr.cmd.Wait()
	if took := time.Since(since); took > within {
		t.Errorf("the tree took %v to end", took)
	}
	if tr.cmd.ProcessState.ExitCode() != 124 {
		t.Errorf("exec ended with %v, want 124", err)
	}
	if left := tr.sleepers(); len(left) > 0 {
		t.Errorf("still running: %v", left)
	}
}

func TestTheEndOfALeaseIsTheEndOfTheWholeTree(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("setsid is not installed: Debian package util-linux")
	}
	for name, end := range map[string][]string{
		"revoked":    {"revoke", "--client-id", "agent"},
		"killswitch": {"revoke", "--all"},
		"removed":    {"remove", "one", "--yes"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSandbox(t)
			tr := s.tree(t, "--client-id", "agent")
			begun := time.Now()
			s.must("", end...)
			tr.ends(t, begun)
			s.verify()
		})
	}
	t.Run("expired", func(t *testing.T) {
		s := newSandbox(t)
		begun := time.Now()
		tr := s.tree(t, "--ttl", "2s")
		tr.ends(t, begun.Add(2*time.Second))
	})
}

func TestARevocationReachesAnExecThatIsStopped(t *testing.T) {
	for _, end := range [][]string{{"revoke", "--client-id", "agent"}, {"revoke", "--all"}} {
		s := newSandbox(t)
		tr := s.tree(t, "--client-id", "agent")
		if err := tr.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		s.must("", end...)
		tr.ends(t, begun)
	}
}

func TestLeasesOfAKilledExecAreNotInForce(t *testing.T) {
	s := newSandbox(t)
	tr := s.tree(t, "--client-id", "agent")
	if err := tr.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = tr.cmd.Wait() // killed, as it was to be
	if left := clientsOf(s.leases()); len(left) != 0 {
		t.Errorf("still in force: %v", left)
	}
	s.must("", "cleanup")
	if log := s.must("", "audit", "--action", "lease.revoked"); !strings.Contains(log, "owner_dead") {
		t.Errorf("the log does not say why: %s", log)
	}
	for _, path := range tr.sleepers() {
		var pid int
		if _, err := fmt.Sscanf(path, "/proc/%d/", &pid); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL) // what outlived the supervisor
		}
	}
}

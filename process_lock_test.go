package main_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// quick is how long a command may take that waits for the lock in vain: the
// 300 ms that the tests configure, and room for a machine that is busy.
const (
	lockTimeout = 300 * time.Millisecond
	quick       = 20 * lockTimeout
)

const shortLockTimeout = `{"lock_timeout":"300ms"}`

// lockHeld reports whether some process holds the lock. It opens the file
// anew each time, because a lock belongs to an open file.
func (s *sandbox) lockHeld() bool {
	f, err := os.Open(filepath.Join(s.dir, "lock"))
	if err != nil {
		s.t.Error(err)
		return false
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil
}

// stopped is a command of the program that was stopped while it held the lock.
type stopped struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
}

// stopHolder stops a command in the middle of its work. Where it is by then is
// for the scheduler to say, so that it is tried until it has the lock.
func (s *sandbox) stopHolder(stdin string, args ...string) *stopped {
	s.t.Helper()
	for try := range 5000 {
		h := &stopped{Cmd: exec.Command(s.program, args...)}
		s.prepare(h.Cmd, stdin, &h.stdout, &h.stderr)
		if err := h.Start(); err != nil {
			s.t.Fatal(err)
		}
		for end := time.Now().Add(time.Duration(try%40) * 200 * time.Microsecond); time.Now().Before(end); {
		}
		h.signal(s.t, syscall.SIGSTOP)
		if s.lockHeld() && s.isStopped(h.Process.Pid) && s.lockHeld() {
			return h
		}
		h.signal(s.t, syscall.SIGCONT)
		h.end(s.t)
	}
	s.t.Fatal("no command was ever caught with the lock")
	return nil
}

// isStopped waits until the process is stopped, or has ended before.
func (s *sandbox) isStopped(pid int) bool {
	state := ""
	eventually(s.t, "a stopped process", func() bool {
		output, err := exec.Command("ps", "-o", "stat=", "-p", fmt.Sprint(pid)).Output()
		state = strings.TrimSpace(string(output))
		return err != nil || strings.HasPrefix(state, "T") || strings.HasPrefix(state, "Z")
	})
	return strings.HasPrefix(state, "T")
}

func (h *stopped) signal(t *testing.T, sig syscall.Signal) {
	if err := h.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// end waits for the command, whose status is of no interest.
func (h *stopped) end(t *testing.T) {
	if err := h.Wait(); err != nil && h.ProcessState == nil {
		t.Fatal(err)
	}
}

func TestAStoppedHolderOfTheLockMakesOthersBusy(t *testing.T) {
	s := newSandbox(t)
	s.configure(shortLockTimeout)
	h := s.stopHolder("two", "add", "--force", "two")
	before := s.contents()
	for _, args := range [][]string{
		{"lease", "one"}, {"lease", "one", "--json"}, {"add", "three"}, {"update", "one"},
		{"remove", "one", "--yes"}, {"revoke", "--secret", "one"},
	} {
		started := time.Now()
		o := s.run("a value", args...)
		if o.exit != 75 || o.code() != "busy" {
			t.Errorf("%v: exit %d: %s%s", args, o.exit, o.stdout, o.stderr)
		}
		if holder := fmt.Sprintf("held by process %d,", h.Process.Pid); !strings.Contains(o.stdout+o.stderr, holder) && isLinux() {
			t.Errorf("%v does not say %q: %s%s", args, holder, o.stdout, o.stderr)
		}
		if args[0] == "lease" && strings.Contains(o.stdout, theValue) {
			t.Errorf("%v: stdout %q", args, o.stdout)
		}
		if took := time.Since(started); took < lockTimeout || took > quick {
			t.Errorf("%v took %v", args, took)
		}
	}
	for _, args := range [][]string{{"list"}, {"leases"}, {"status"}, {"audit"}} {
		s.must("", args...)
	}
	if !maps.Equal(before, s.contents()) {
		t.Error("a command that was busy has changed the state")
	}
	h.signal(t, syscall.SIGCONT)
	h.end(t)
	if got := s.must("", "lease", "two"); got != "two" || h.ProcessState.ExitCode() != 0 {
		t.Errorf("the command that was stopped exited %d, its secret is %q", h.ProcessState.ExitCode(), got)
	}
	s.verify()
}

func isLinux() bool {
	_, err := os.Stat("/proc/locks")
	return err == nil
}

// The holder is a lease that may have passed every check already. It goes on,
// or is killed, after the killswitch: a lease that it grants ends with the
// others, unless it found the marker and finished the killswitch first.
func TestTheKillswitchWorksWhileTheLockIsHeld(t *testing.T) {
	for round := range rounds(2, 60) {
		s := newSandbox(t)
		s.configure(shortLockTimeout)
		s.must("", "lease", "one", "--client-id", "before")
		h := s.stopHolder("", "lease", "one", "--client-id", "holder")
		started := time.Now()
		if o := s.run("", "revoke", "--all"); o.exit != 79 || o.code() != "killswitch_partial" {
			t.Errorf("exit %d: %s%s", o.exit, o.stdout, o.stderr)
		}
		if took := time.Since(started); took > quick {
			t.Errorf("it took %v", took)
		}
		if left := s.leases(); len(left) != 0 {
			t.Errorf("after the kill: %v", left)
		}
		h.signal(t, []syscall.Signal{syscall.SIGCONT, syscall.SIGKILL}[round%2])
		h.end(t)
		s.finishKillByLeases()
		if _, err := os.Lstat(filepath.Join(s.dir, "killswitch")); !os.IsNotExist(err) {
			t.Errorf("the marker is still there: %v", err)
		}
		if outlived := s.outlived(); len(outlived) != 0 {
			t.Errorf("%v outlived the kill", outlived)
		}
		s.verify()
	}
}

// finishKillByLeases lets the next writers finish a killswitch while others
// look on: no one ever sees a lease that it ended.
func (s *sandbox) finishKillByLeases() {
	atOnce(6, func(i int) {
		if i == 0 {
			s.must("", "lease", "one", "--client-id", "after")
			return
		}
		for range 4 {
			if slices.Contains(clientsOf(s.leases()), "before") {
				s.t.Error("a lease that was revoked came back")
			}
		}
	})
	if !slices.Contains(clientsOf(s.leases()), "after") {
		s.t.Error("the lease of the next writer is not in force")
	}
}

// The lock of a foreign process is a lock like any other, and it is waited for.
func TestALockThatIsGivenBackInTimeIsWaitedFor(t *testing.T) {
	s := newSandbox(t)
	f, err := os.Open(filepath.Join(s.dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	h := &stopped{Cmd: exec.Command(s.program, "lease", "one")}
	s.prepare(h.Cmd, "", &h.stdout, &h.stderr)
	if err := h.Start(); err != nil {
		t.Fatal(err)
	}
	if isLinux() {
		eventually(t, "a process that waits for the lock", func() bool {
			locks, err := os.ReadFile("/proc/locks")
			return err != nil || strings.Contains(string(locks), fmt.Sprintf("-> FLOCK  ADVISORY  WRITE %d ", h.Process.Pid))
		})
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	h.end(t)
	if h.stdout.String() != theValue {
		t.Errorf("stdout %q, stderr %s", h.stdout.String(), h.stderr.String())
	}
}

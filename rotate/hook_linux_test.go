package rotate

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// left are the processes of the hook that are alive.
func (tr *trial) left() []int {
	var pids []int
	paths, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range paths {
		env, _ := os.ReadFile(path) // it ended, or is another user's
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if bytes.Contains(append([]byte{0}, env...), []byte("\x00HOME="+tr.home+"\x00")) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// clean kills what a hook left that should not have left anything.
func (tr *trial) clean() {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		pids := tr.left()
		if len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func TestTheEnvironmentIsMinimal(t *testing.T) {
	t.Parallel()
	hostile := []string{
		"SECRETS_IDENTITY=AGE-SECRET-KEY-1", "SECRETS_IDENTITY_FILE=/key", "SECRETS_HOME=/s", "SECRETS_NAME=other", "SECRETS_FORMAT=text",
		"LD_PRELOAD=/evil.so", "BASH_ENV=/evil", "ENV=/evil", "PATHS=x", "XPATH=x", "LANGUAGE=x", "LC_ALL=C", "TERMINFO=x", "TOKEN=t", "odd",
	}
	all := append(hostile, "PATH=/usr/bin:/bin:/x", "HOME=/", "USER=me", "LANG=C.UTF-8", "TERM=", "PATH=second", "USER=second")
	for name, test := range map[string]struct{ environ, want []string }{
		"all":        {all, []string{"SECRETS_NAME=test/name", "PATH=/usr/bin:/bin:/x", "HOME=/", "USER=me", "LANG=C.UTF-8", "TERM="}},
		"none":       {hostile, []string{"SECRETS_NAME=test/name", "PATH=/usr/bin:/bin"}},
		"blank PATH": {[]string{"PATH="}, []string{"SECRETS_NAME=test/name", "PATH=/usr/bin:/bin"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := try(t, `cat /proc/$$/environ`)
			tr.plan.Hook.Environ = test.environ
			got := tr.run(t)
			if want := strings.Join(test.want, "\x00") + "\x00"; got.Err != "" || string(got.Output.Value) != want {
				t.Errorf("got %q, %s; want %q", got.Output.Value, got.Err, want)
			}
		})
	}
}

func TestAHookHasFourDescriptors(t *testing.T) {
	t.Parallel()
	key, err := os.CreateTemp(t.TempDir(), "identity")
	if err != nil {
		t.Fatal(err)
	}
	defer key.Close()
	tr := try(t, `for link in /proc/$$/fd/*; do [ -L "$link" ] && readlink "$link"; done; readlink /proc/self/fd/3 >&2`)
	for range 60 { // as from a shell: 3<identity, <(command)
		tr.ExtraFiles = append(tr.ExtraFiles, key)
	}
	got := tr.run(t)
	files := strings.Split(string(got.Output.Value), "\n")
	if len(files) != 4 || files[0] != os.DevNull || got.Err != "" {
		t.Errorf("it has %q, %s", files, got.Err)
	}
	if value := strings.TrimSpace(string(got.Output.Stderr)); value != files[len(files)-1] || !strings.HasPrefix(value, "pipe:") {
		t.Errorf("the value is on %s, of %q", value, files)
	}
}

// The hooks of a test run at once: all they do is wait.
func TestAHookThatTakesTooLongIsGoneWithinASecond(t *testing.T) {
	overrun(t, time.Second, map[string]string{
		"sleeps":         `exec sleep 1000`,
		"ignores TERM":   `trap "" TERM; while :; do sleep 1000; done`,
		"ends on TERM":   `trap 'exit 0' TERM; sleep 1000 & wait`,
		"ten children":   `for i in 0 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; wait`,
		"setsid":         `trap "" TERM; setsid sleep 1000 & setsid sleep 1000; wait`,
		"daemons":        `trap "" TERM; (setsid sh -c 'sleep 1000 & sleep 1000 &' &); sleep 1000`,
		"stops":          `trap "" TERM; kill -STOP $$`,
		"closes all":     `trap "" TERM; exec <&- >&- 2>&- 3<&-; exec sleep 1000`,
		"fills a pipe":   `head -c 1000000 /dev/zero | { trap "" TERM; sleep 1000; }`,
		"waits for more": `trap "" TERM; setsid sh -c 'cat <&3 >/dev/null; exec sleep 1000' & wait`,
	})
}

// On a quiet machine these take no longer. On a busy one it may take several
// process tables to catch them all, which is what counts.
func TestAHookThatForksAllTheTimeIsCaught(t *testing.T) {
	overrun(t, 3*time.Second, map[string]string{
		"in its group":    `trap "" TERM; export f='kill -0 PID && sh -c "$f" &'; sh -c "$f"; sleep 1000`,
		"out of sessions": `trap "" TERM; export f='kill -0 PID && setsid sh -c "$f" &'; sh -c "$f"; sleep 1000`,
	})
}

// overrun runs each of the hooks for its 300 ms, and checks that all of it is
// gone within the limit. PID is the test's process: what
// forks ends with it.
func overrun(t *testing.T, limit time.Duration, hooks map[string]string) {
	trials := map[string]*trial{}
	for name, command := range hooks {
		tr := try(t, "echo half; echo why >&2; "+strings.ReplaceAll(command, "PID", strconv.Itoa(os.Getpid())))
		t.Cleanup(tr.clean)
		tr.plan.Hook.Timeout = 300 * time.Millisecond
		tr.begin(t)
		trials[name] = tr
	}
	for name, tr := range trials {
		t.Run(name, func(t *testing.T) {
			got := tr.end(t)
			if left := tr.left(); len(left) > 0 {
				t.Errorf("processes %v are alive", left)
			}
			if got.Elapsed < tr.plan.Hook.Timeout || got.Elapsed > limit {
				t.Errorf("it took %s", got.Elapsed)
			}
			if !got.TimedOut || got.Failed || got.Err != "rotation hook: stopped after 300ms" {
				t.Errorf("error %q", got.Err)
			}
			if string(got.Output.Value) != "half" || string(got.Output.Stderr) != "why\n" {
				t.Errorf("output %q, %q", got.Output.Value, got.Output.Stderr)
			}
		})
	}
}

func TestAnEndlessOutputTakesNeitherMemoryNorTime(t *testing.T) {
	for name, test := range map[string]struct {
		command  string
		timeout  time.Duration
		timedOut bool
	}{
		"on standard output": {`trap "" TERM; setsid sleep 1000 & head -c 1073741824 /dev/zero; sleep 1000`, 20 * time.Second, false},
		"on standard error":  {`trap "" TERM; head -c 1073741824 /dev/zero >&2; sleep 1000`, 300 * time.Millisecond, true},
		"on both":            {`trap "" TERM; head -c 1073741824 /dev/zero >&2 & head -c 1073741824 /dev/zero; sleep 1000`, 20 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := try(t, test.command)
			t.Cleanup(tr.clean)
			tr.plan.Hook.Timeout = test.timeout
			got := tr.run(t)
			if got.TimedOut != test.timedOut || got.Failed == test.timedOut {
				t.Errorf("error %q", got.Err)
			}
			if len(got.Output.Value) > maxPrinted || len(got.Output.Stderr) > maxStderr || got.Memory > 16<<20 {
				t.Errorf("%d bytes were allocated", got.Memory)
			}
			if left := tr.left(); len(left) > 0 || got.Elapsed > time.Second {
				t.Errorf("after %s, processes %v are alive", got.Elapsed, left)
			}
		})
	}
}

func TestACancelledContextTakesTheHookDown(t *testing.T) {
	t.Parallel()
	tr := try(t, `trap "" TERM; setsid sleep 1000 & echo half; : >"$HOME/ready"; wait`)
	t.Cleanup(tr.clean)
	tr.plan.Cancel = filepath.Join(tr.home, "ready")
	got := tr.run(t)
	if !got.Cancelled || got.Failed || got.TimedOut || string(got.Output.Value) != "half" {
		t.Errorf("got %+v", got)
	}
	if left := tr.left(); len(left) > 0 || got.Elapsed > tr.plan.Hook.Timeout/2 {
		t.Errorf("after %s, processes %v are alive", got.Elapsed, left)
	}
}

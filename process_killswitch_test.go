package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// kills are the killswitches, from the mildest on. Each does what those before
// it do.
func kills() map[string][]string {
	return map[string][]string{
		"revoke": {"revoke", "--all"},
		"freeze": {"revoke", "--all", "--freeze"},
		"wipe":   {"revoke", "--all", "--wipe", "--yes"},
	}
}

// wiped reports whether nothing is left of the store that anybody could open.
func (s *sandbox) wiped() bool {
	s.t.Helper()
	for _, name := range []string{"identity.age", "secrets.age", "secrets.age.bak"} {
		if _, err := os.Lstat(filepath.Join(s.dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	return true
}

// noGrant: no value is handed out, for whatever reason.
func (s *sandbox) noGrant(when string) {
	s.t.Helper()
	commands := [][]string{{"lease", "one"}, {"exec", "--env", "ONE=one", "--", "env"}}
	atOnce(len(commands), func(i int) {
		args := commands[i]
		if o := s.run("", args...); o.exit == 0 || o.stdout != "" || strings.Contains(o.stderr, theValue) {
			s.t.Errorf("%s: %v: exit %d: %s%s", when, args, o.exit, o.stdout, o.stderr)
		}
	})
}

// The holder is about to change the store. It goes on, or is killed, after the
// killswitch; then the next command finishes that.
func TestEveryKillswitchWorksWhileAStoppedProcessHoldsTheLock(t *testing.T) {
	t.Parallel()
	for name, kill := range kills() {
		for _, end := range []syscall.Signal{syscall.SIGCONT, syscall.SIGKILL} {
			if !soak() && (name == "wipe") != (end == syscall.SIGCONT) {
				continue // it is the one that a holder could undo
			}
			t.Run(fmt.Sprint(name, ", and then ", end), func(t *testing.T) {
				t.Parallel()
				s := newSandbox(t)
				s.configure(shortLockTimeout)
				file := s.envFile()
				s.must("", "lease", "one", "--client-id", "before")
				h := s.stopHolder("two", "add", "--force", "two")
				started := time.Now()
				if o := s.run("", kill...); o.exit != 79 || o.code() != "killswitch_partial" {
					t.Errorf("exit %d: %s%s", o.exit, o.stdout, o.stderr)
				}
				if took := time.Since(started); took > quick {
					t.Errorf("it took %v", took)
				}
				if left := s.leases(); len(left) != 0 || exists(file) {
					t.Errorf("in force: %v; the env file is there: %t", left, exists(file))
				}
				s.noGrant("while the lock is held")
				if name == "wipe" && exists(filepath.Join(s.dir, "identity.age")) {
					t.Error("the identity is there")
				}
				h.signal(t, end)
				h.end(t)
				o := s.run("", "lease", "one", "--client-id", "after")
				if (o.exit == 0) != (name == "revoke") || (name == "wipe") != s.wiped() {
					t.Errorf("the next lease: exit %d: %s; wiped: %t", o.exit, o.stderr, s.wiped())
				}
				if exists(filepath.Join(s.dir, "killswitch")) || len(s.outlived()) != 0 {
					t.Errorf("%v outlived it", s.outlived())
				}
				s.must("", "audit", "--verify")
			})
		}
	}
}

// On a disk that takes nothing any more a killswitch has its effect, and that
// does not go when there is room again.
func TestEveryKillswitchWorksOnAFullDisk(t *testing.T) {
	t.Parallel()
	for name, kill := range kills() {
		if name == "revoke" {
			continue // TestAFullDiskRefusesGrantsAndKeepsState
		}
		for _, inodes := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, no inodes: %t", name, inodes), func(t *testing.T) {
				t.Parallel()
				d := fullTmpfs(t, inodes)
				d.must("", "lease", "one", "--client-id", "before")
				d.full()
				d.exhaust(t)
				o := d.run(kill...)
				if o.exit != 0 && o.exit != 79 {
					t.Errorf("exit %d: %s%s", o.exit, o.stdout, o.stderr)
				}
				if name == "wipe" && !d.wiped() {
					t.Error("it is not wiped")
				}
				for _, room := range []func(){func() {}, d.free} {
					if o := d.run("leases"); o.exit == 0 && strings.Contains(o.stdout, "before") {
						t.Errorf("in force: %s", o.stdout)
					}
					d.noGrant("after it")
					room()
				}
				// Without room for a name it says that it is not frozen.
				if name == "wipe" || o.did("freeze") || !inodes {
					d.noGrant("with room again")
				}
				d.must("", kill...)
				if left := d.leases(); len(left) != 0 {
					t.Errorf("in force: %v", left)
				}
				d.noGrant("after it, with room")
				d.must("", "audit", "--verify")
			})
		}
	}
}

// did reports whether a killswitch says that it has done a step.
func (o outcome) did(name string) bool {
	var said struct {
		Result struct {
			Steps []struct {
				Step string
				OK   bool
			}
		}
	}
	if err := json.Unmarshal([]byte(o.stdout), &said); err != nil {
		return false
	}
	for _, step := range said.Result.Steps {
		if step.Step == name {
			return step.OK
		}
	}
	return false
}

// What a killswitch needs is a directory. Hooks need a store that can be opened.
func TestEveryKillswitchWorksOnWhatNothingElseWorksOn(t *testing.T) {
	t.Parallel()
	damages := map[string]func(s *sandbox){
		"no identity":   func(s *sandbox) { s.remove("identity.age") },
		"no settings":   func(s *sandbox) { s.configure("{") },
		"no store":      func(s *sandbox) { s.damage("secrets.age") },
		"no ledger":     func(s *sandbox) { s.damage("leases.jsonl") },
		"open to all":   func(s *sandbox) { s.chmod(0o777, 0o666) },
		"all of it":     func(s *sandbox) { s.damage("secrets.age", "leases.jsonl"); s.configure("{"); s.remove("identity.age") },
		"frozen, badly": func(s *sandbox) { s.damage("frozen") },
	}
	for damage, harm := range damages {
		t.Run(damage, func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t)
			s.must("", "update", "one", "--rotate-via", "echo next")
			s.must("", "lease", "one", "--client-id", "before")
			harm(s)
			for _, kill := range [][]string{
				{"revoke", "--all"}, {"revoke", "--all", "--freeze"}, {"revoke", "--all", "--rotate"}, {"revoke", "--all", "--wipe", "--yes"},
			} {
				rotates := slices.Contains(kill, "--rotate")
				o := s.run("", kill...)
				if o.exit != 0 && !(rotates && o.exit == 79 && strings.Contains(o.stdout, "not done: rotate")) {
					t.Errorf("%v: exit %d: %s%s", kill, o.exit, o.stdout, o.stderr)
				}
				if ledger := s.content("leases.jsonl"); !strings.Contains(ledger, "revoke_all") {
					t.Errorf("%v: the ledger is %s", kill, ledger)
				}
			}
			if !s.wiped() {
				t.Error("it is not wiped")
			}
			s.chmod(0o700, 0o600)
			s.remove("config.json")
			s.must("", "init")
			s.must("", "thaw", "--yes")
			s.must("again", "add", "one")
			if left := s.leases(); len(left) != 0 || s.must("", "lease", "one") != "again" {
				t.Errorf("in force: %v", left)
			}
		})
	}
}

func (s *sandbox) remove(name string) {
	s.t.Helper()
	if err := os.Remove(filepath.Join(s.dir, name)); err != nil {
		s.t.Error(err)
	}
}

func (s *sandbox) damage(names ...string) {
	s.t.Helper()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte("damaged\n"), 0o600); err != nil {
			s.t.Error(err)
		}
	}
}

// What runs under a lease looks at the marker itself.
func TestATreeDiesThoughTheLockIsNeverHad(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("setsid is not installed: Debian package util-linux")
	}
	t.Parallel()
	s := newSandbox(t)
	s.configure(shortLockTimeout)
	tr := s.tree(t, "--client-id", "agent")
	s.hold()
	begun := time.Now()
	kill := s.start("revoke", "--all")
	tr.ends(t, begun)
	if o := kill.end(); o.exit != 79 {
		t.Errorf("exit %d: %s", o.exit, o.stdout)
	}
}

// hold takes the lock, for good.
func (s *sandbox) hold() {
	s.t.Helper()
	lock, err := os.Open(filepath.Join(s.dir, "lock"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { lock.Close() })
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		s.t.Fatal(err)
	}
}

// save remembers the state directory; what it returns puts it back.
func (s *sandbox) save() (restore func()) {
	files := s.contents()
	return func() {
		for name := range s.contents() {
			if _, was := files[name]; !was {
				s.remove(name)
			}
		}
		for name, content := range files {
			if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
				s.t.Error(err)
			}
		}
	}
}

// eachKill runs a command and kills it before each system call that changes a
// file, or in a short run before some of them. judge sees what each left.
func (s *sandbox) eachKill(command []string, judge func(at string)) {
	restore, total := s.save(), 0
	for first, call := range []string{"write", "fsync", "fdatasync", "renameat", "unlinkat", "fchmod", "openat"} {
		for n := 1 + first%rounds(4, 1); n < 100; n += rounds(4, 1) {
			restore()
			script := fmt.Sprintf(`exec strace -f -qq -o /dev/null -e trace=%[1]s -e inject=%[1]s:signal=KILL:when=%[2]d "$0" "$@"`, call, n)
			o := s.runUnder(script, command...)
			if o.exit == 0 { // there is no such call any more
				break
			}
			if o.exit != -1 && o.exit != 79 { // 79: it was the hook's
				s.t.Errorf("%v: exit %d: %s%s", command, o.exit, o.stdout, o.stderr)
			}
			total++
			judge(fmt.Sprintf("killed before %s %d", call, n))
		}
	}
	s.t.Logf("%d kills", total)
	if total < 8 {
		s.t.Error("that is too few")
	}
}

// begun reports whether a killswitch has had effect: its marker is up, or every
// lease has ended.
func (s *sandbox) begun() bool {
	return exists(filepath.Join(s.dir, "killswitch")) || strings.Contains(s.content("leases.jsonl"), `"revoke_all"`)
}

// planned reports whether the marker or what comes after it says what is to be
// done besides. Of a process that was killed as it wrote it, it does not.
func (s *sandbox) planned() bool {
	marker, err := os.ReadFile(filepath.Join(s.dir, "killswitch"))
	return err != nil || len(marker) > 0
}

func TestAKillswitchThatIsKilledAnywhereIsFinished(t *testing.T) {
	t.Parallel()
	needStrace(t)
	t.Run("freeze and rotate", func(t *testing.T) {
		t.Parallel()
		s := newSandbox(t)
		s.must("", "update", "one", "--rotate-via", "echo next")
		file := s.envFile()
		s.must("", "lease", "one", "--client-id", "before")
		env, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s.eachKill([]string{"revoke", "--all", "--freeze", "--rotate"}, func(at string) {
			begun, planned := s.begun(), s.planned()
			if left := s.leases(); begun && len(left) != 0 {
				t.Errorf("%s: in force: %v", at, left)
			}
			if frozen := exists(filepath.Join(s.dir, "frozen")); frozen != s.refused() || begun && !frozen {
				t.Errorf("%s: frozen %t, begun %t", at, frozen, begun)
			}
			s.must("", "cleanup")
			if begun && (exists(file) || s.count("killswitch.revoke_all") == 0) {
				t.Errorf("%s: the env file is there: %t; %d kills", at, exists(file), s.count("killswitch.revoke_all"))
			}
			s.must("", "thaw", "--yes")
			if got := s.must("", "lease", "one"); begun && planned && got != "next" {
				t.Errorf("%s: it was not rotated", at)
			}
			s.verify()
			if err := os.WriteFile(file, env, 0o600); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("wipe", func(t *testing.T) {
		t.Parallel()
		s := newSandbox(t)
		s.must("", "lease", "one", "--client-id", "before")
		s.eachKill([]string{"revoke", "--all", "--wipe", "--yes"}, func(at string) {
			begun, planned := s.begun(), s.planned()
			if left := s.leases(); begun && len(left) != 0 {
				t.Errorf("%s: in force: %v", at, left)
			}
			o := s.run("", "lease", "one", "--client-id", "after")
			if gone := begun && planned; gone && (o.exit == 0 || o.stdout != "" || !s.wiped()) {
				t.Errorf("%s: lease: exit %d: %s%s; wiped: %t", at, o.exit, o.stdout, o.stderr, s.wiped())
			} else if !gone && o.stdout != theValue {
				t.Errorf("%s: it had not begun, and lease: exit %d: %s", at, o.exit, o.stderr)
			}
			s.must("", "revoke", "--all", "--wipe", "--yes")
			if !s.wiped() {
				t.Errorf("%s: done again, it is not wiped", at)
			}
			s.must("", "init")
			s.must("x", "add", "two")
			s.must("", "lease", "two")
			s.verify()
		})
	})
}

// A weaker killswitch finishes a stronger one, which it does not forget.
func TestAKillswitchThatWasKilledIsNotForgottenByTheNext(t *testing.T) {
	t.Parallel()
	needStrace(t)
	for _, file := range []string{"lock", "identity.age"} { // before and after every lease has ended
		s := newSandbox(t)
		s.must("", "lease", "one", "--client-id", "before")
		s.killedBefore(file, 1, "revoke", "--all", "--wipe", "--yes")
		s.must("", "revoke", "--all")
		s.noGrant("killed before it opened " + file)
		if !s.wiped() {
			t.Errorf("killed before it opened %s: the next forgot to wipe", file)
		}
	}
}

// begins is the log that a hook keeps of its runs.
func (s *sandbox) begins() string {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.home, "runs"))
	if err != nil {
		s.t.Error(err)
	}
	return string(data)
}

func TestRotationsAtOnceDoNotInterleave(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.must("", "update", "one", "--rotate-via", `echo begin >>runs; old=$(cat <&3); sleep 0.03; echo end >>runs; echo "$old."`)
	commands := [][]string{{"rotate", "one"}, {"rotate", "--all"}, {"rotate", "one"}, {"rotate", "--all"}, {"rotate", "one"}}
	atOnce(len(commands), func(i int) { s.must("", commands[i]...) })
	if got := s.begins(); got != strings.Repeat("begin\nend\n", len(commands)) {
		t.Errorf("the hooks ran as %q", got)
	}
	// Each saw the value that the one before it had made.
	if got := s.must("", "lease", "one"); got != theValue+strings.Repeat(".", len(commands)) {
		t.Errorf("the value is %q", got)
	}
	s.verify()
}

func TestAnUpdateDuringARotationIsNotOverwritten(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.must("", "update", "one", "--rotate-via", slowHook)
	rotation := s.start("rotate", "one")
	eventually(t, "the hook runs", func() bool { return exists(filepath.Join(s.home, "began")) })
	s.must("by a person", "update", "one")
	s.must("", "lease", "one", "--client-id", "meanwhile")
	s.letGo()
	if o := rotation.end(); o.exit != 79 || o.code() != "rotation_conflict" {
		t.Errorf("exit %d: %s", o.exit, o.stdout)
	}
	if got := s.must("", "lease", "one"); got != "by a person" || len(s.leases()) != 2 {
		t.Errorf("the value is %q, %d leases", got, len(s.leases()))
	}
	s.must("", "rollback", "one")
	if got := s.must("", "lease", "one"); got != "next" {
		t.Errorf("the value before is %q", got)
	}
	s.verify()
}

// The quickest of some runs counts: the machine may be busy with other tests.
func TestAHookThatDoesNotEndIsEndedInTime(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("setsid is not installed: Debian package util-linux")
	}
	s := newSandbox(t)
	s.configure(`{"rotation_timeout":"300ms"}`)
	tr := &tree{mark: fmt.Sprintf("%d.%d", 100000+os.Getpid(), marks.Add(1))}
	s.must("", "update", "one", "--rotate-via", fmt.Sprintf(
		`trap '' TERM INT HUP; sleep %[1]s & (sleep %[1]s; :) & setsid sleep %[1]s & (setsid sh -c 'sleep %[1]s & exit' &); sleep %[1]s; sleep %[1]s`, tr.mark))
	best := slow
	for range 3 {
		started := time.Now()
		o := s.run("", "rotate", "one")
		best = min(best, time.Since(started))
		if o.exit != 79 || o.code() != "rotation_timeout" {
			t.Errorf("exit %d: %s%s", o.exit, o.stdout, o.stderr)
		}
		if left := tr.sleepers(); len(left) != 0 {
			t.Errorf("still running: %v", left)
		}
		if best <= time.Second {
			break
		}
	}
	if best > time.Second {
		t.Errorf("it took %v", best)
	}
	if got := s.must("", "lease", "one"); got != theValue {
		t.Errorf("the value is %q", got)
	}
	s.verify()
}

func TestAHookThatPrintsWithoutEndIsEnded(t *testing.T) {
	t.Parallel()
	size := rounds(64, 1024) << 20 // bytes, of what is read to its end
	for name, hook := range map[string]string{
		"1 GiB":             `head -c 1073741824 /dev/zero`,
		"without end":       `yes hunter2`,
		"to its stderr":     fmt.Sprintf(`head -c %d /dev/zero | tr '\0' x >&2; exit 1`, size),
		"in the background": `yes hunter2 & wait`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t)
			s.must("", "update", "one", "--rotate-via", hook)
			c := s.start("rotate", "one")
			o := c.end()
			if o.exit != 79 || o.code() != "rotation_failed" || len(o.stdout)+len(o.stderr) > 100<<10 || strings.Contains(o.stdout+o.stderr, "hunter2") {
				t.Errorf("exit %d, %d bytes: %.1000s%.1000s", o.exit, len(o.stdout)+len(o.stderr), o.stdout, o.stderr)
			}
			if usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok && isLinux() && usage.Maxrss > 100<<10+ownPeak(t) {
				t.Errorf("it took %d KiB of memory", usage.Maxrss)
			}
			if got := s.must("", "lease", "one"); got != theValue {
				t.Errorf("the value is %q", got)
			}
			for name, text := range s.contents() {
				if strings.Contains(text, "hunter2") {
					t.Errorf("%s has what the hook printed", name)
				}
			}
			s.verify()
		})
	}
}

// A hook is a program like any other: it may lease, and pull the killswitch. It
// does not wait for itself.
func TestAHookMayCallTheProgram(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.must("another value", "add", "two", "--rotate-via", "echo next two")
	for _, test := range []struct {
		command, value string
		exit           int
	}{
		{`lease two`, "another value", 0},
		{`rotate one`, "", 79},
		{`rotate two`, "", 79},
		{`watch --quiet`, "", 0},
		{`revoke --all >/dev/null`, "", 0},
		{`revoke --all --freeze >/dev/null`, "", 0},
		{`thaw --yes >/dev/null`, "", 0},
		{`revoke --all --rotate`, "", 79},
		{`remove one --yes`, "", 79},
	} {
		s.must("", "update", "one", "--rotate-via", "'"+s.program+"' "+test.command)
		started := time.Now()
		o := s.run("", "rotate", "one")
		if took := time.Since(started); o.exit != test.exit || took > 4*time.Second {
			t.Errorf("%s: exit %d after %v: %s%s", test.command, o.exit, took, o.stdout, o.stderr)
		}
		if test.value != "" && s.must("", "lease", "one") != test.value {
			t.Errorf("%s: the value is another", test.command)
		}
	}
	s.verify()
}

// Once the killswitch has said that it is done, nothing is granted, and nothing
// that was granted before or meanwhile is in force.
func TestLeasesThatRaceAFreezeAreNotInForceAfterIt(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	for round := range rounds(3, 200) {
		var done atomic.Bool
		atOnce(8, func(i int) {
			if i == round%8 {
				s.must("", "revoke", "--all", "--freeze")
				done.Store(true)
				if left := s.leases(); len(left) != 0 {
					t.Errorf("round %d: in force: %v", round, left)
				}
				return
			}
			for after := false; !after; {
				after = done.Load()
				o := s.run("", "lease", "one")
				if granted := o.exit == 0; granted == (o.code() == "frozen") || granted && after || !granted && o.stdout != "" {
					t.Errorf("round %d, after it %t: exit %d: %s%s", round, after, o.exit, o.stdout, o.stderr)
				}
			}
		})
		if left := s.leases(); len(left) != 0 {
			t.Errorf("round %d: in force: %v", round, left)
		}
		s.must("", "thaw", "--yes")
	}
	s.verify()
}

// ownPeak is the most memory, in KiB on Linux, that this process has had: the
// system counts it for the children too, of the moment before they are another
// program.
func ownPeak(t *testing.T) int64 {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return usage.Maxrss
}

package main_test

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// fullDisk is a store whose disk takes nothing any more. full and free switch
// that on and off; run runs the program on it.
type fullDisk struct {
	*sandbox
	full, free func()
	run        func(args ...string) outcome
}

func TestAFullDiskRefusesGrantsAndKeepsState(t *testing.T) {
	t.Run("no blocks", func(t *testing.T) { fullTmpfs(t, false).test(t) })
	t.Run("no blocks and no inodes", func(t *testing.T) { fullTmpfs(t, true).test(t) })
	t.Run("nothing", func(t *testing.T) { limitedFiles(t, func(int64) int64 { return 0 }).test(t) })
	// The limit lies beyond the end of the log, so that the last line that
	// is tried is written in part.
	t.Run("part of a line", func(t *testing.T) { limitedFiles(t, func(log int64) int64 { return log/512 + 1 }).test(t) })
}

// fullTmpfs has the state directory on a small file system of its own, which
// holds so much, or also so many files, that there is no room for another.
func fullTmpfs(t *testing.T, inodes bool) fullDisk {
	s := bareSandbox(t)
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=256k,nr_inodes=64,mode=0700", "tmpfs", s.dir).CombinedOutput(); err != nil {
		t.Skipf("a small file system cannot be mounted here: %s", output)
	}
	t.Cleanup(func() {
		if output, err := exec.Command("umount", s.dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %s", output)
		}
	})
	s.must("", "init")
	s.must(theValue, "add", "one")
	filler := filepath.Join(s.dir, "filler")
	if err := os.Mkdir(filler, 0o700); err != nil {
		t.Fatal(err)
	}
	return fullDisk{
		sandbox: s,
		full:    func() { fill(t, filler, inodes) },
		free: func() {
			if err := os.RemoveAll(filler); err != nil {
				t.Error(err)
			}
		},
		run: func(args ...string) outcome { return s.run("another value", args...) },
	}
}

func fill(t *testing.T, dir string, inodes bool) {
	if err := os.WriteFile(filepath.Join(dir, "blocks"), make([]byte, 1<<20), 0o600); err == nil {
		t.Error("the disk is not full")
	}
	for i := 0; inodes; i++ {
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), nil, 0o600); err != nil {
			return
		}
	}
}

// limitedFiles runs the program under a limit on the length of files, in blocks
// of 512 bytes.
func limitedFiles(t *testing.T, blocks func(log int64) int64) fullDisk {
	s := newSandbox(t)
	script := ""
	return fullDisk{
		sandbox: s,
		full: func() {
			info, err := os.Stat(filepath.Join(s.dir, "audit.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			script = "ulimit -f " + strconv.FormatInt(blocks(info.Size()), 10) + `; printf "another value" | ("$0" "$@")`
		},
		free: func() { script = `printf "another value" | ("$0" "$@")` },
		run:  func(args ...string) outcome { return s.runUnder(script, args...) },
	}
}

func (d fullDisk) test(t *testing.T) {
	d.must("", "lease", "one", "--client-id", "before")
	d.full()
	d.exhaust(t)
	d.refuses(t)
	if o := d.run("revoke", "--all"); o.exit != 0 && o.exit != 79 {
		t.Errorf("revoke --all: exit %d: %s%s", o.exit, o.stdout, o.stderr)
	}
	if left := d.leases(); len(left) != 0 {
		t.Errorf("after revoke --all: %v", left)
	}
	if o := d.run("lease", "one"); o.exit == 0 || o.stdout != "" {
		t.Errorf("after revoke --all: lease: exit %d, stdout %q", o.exit, o.stdout)
	}
	d.free()
	if o := d.run("lease", "one", "--client-id", "after"); o.exit != 0 || o.stdout != theValue {
		t.Errorf("with room again: exit %d, stdout %q, %s", o.exit, o.stdout, o.stderr)
	}
	if clients := clientsOf(d.leases()); len(clients) != 1 || clients[0] != "after" {
		t.Errorf("with room again, in force: %v", clients)
	}
	if o := d.run("add", "two"); o.exit != 0 {
		t.Errorf("with room again: add: %s", o.stdout)
	}
	if got := d.must("", "lease", "two"); got != "another value" {
		t.Errorf("with room again: %q", got)
	}
	d.verify()
}

// exhaust leases until the last block that files have is used up too. Every
// lease on the way is granted wholly or refused.
func (d fullDisk) exhaust(t *testing.T) {
	for range 100 {
		before := d.contents()
		o := d.run("lease", "one", "--client-id", "before")
		switch {
		case o.exit == 0 && o.stdout == theValue:
			continue
		case o.exit != 74 || o.stdout != "":
			t.Errorf("lease: exit %d, stdout %q, %s", o.exit, o.stdout, o.stderr)
		}
		// There may have been room to log the refusal.
		after := d.contents()
		refusal, grew := strings.CutPrefix(after["audit.jsonl"], before["audit.jsonl"])
		before["audit.jsonl"] = after["audit.jsonl"]
		if !grew || refusal != "" && !strings.HasSuffix(refusal, "\n") || !maps.Equal(before, after) {
			t.Errorf("a lease that failed changed the state: %v, and the log by %q", changed(before, after), refusal)
		}
		return
	}
	t.Error("the disk never was full")
}

// refuses: whatever would write fails, says that it is for the disk, and leaves
// every file as it was.
func (d fullDisk) refuses(t *testing.T) {
	before, leases := d.contents(), len(d.leases())
	for _, args := range [][]string{{"lease", "one"}, {"lease", "one", "--ttl", "1m"}, {"add", "two"}, {"update", "one"}} {
		o := d.run(args...)
		if o.exit != 74 || args[0] == "lease" && o.stdout != "" {
			t.Errorf("%v: exit %d, stdout %q, stderr %s", args, o.exit, o.stdout, o.stderr)
		}
		if after := d.contents(); !maps.Equal(before, after) {
			t.Errorf("%v changed the state: %v", args, changed(before, after))
		}
	}
	if o := d.run("list"); o.exit != 0 || !strings.Contains(o.stdout, `"count": 1`) {
		t.Errorf("list: exit %d: %s", o.exit, o.stdout)
	}
	if after := len(d.leases()); after != leases {
		t.Errorf("%d leases where there were %d", after, leases)
	}
	d.verify()
	// A removal ends the leases first, if there is room for that.
	if o := d.run("remove", "one", "--yes"); o.exit != 74 {
		t.Errorf("remove: exit %d: %s", o.exit, o.stdout)
	}
	if after := d.contents(); after["secrets.age"] != before["secrets.age"] || after["audit.jsonl"] != before["audit.jsonl"] {
		t.Errorf("remove changed the state: %v", changed(before, after))
	}
}

// Where the last block of the ledger is full too, and there is no room for
// the name of a marker, there is nothing left to write to. No lease comes back
// when there is room again.
func TestTheKillswitchHoldsWithNoRoomForAByte(t *testing.T) {
	d := fullTmpfs(t, true)
	d.fillLedgerBlock()
	d.full()
	if o := d.run("revoke", "--all"); o.exit != 79 {
		t.Errorf("revoke --all: exit %d: %s", o.exit, o.stdout)
	}
	for _, room := range []func(){func() {}, d.free} {
		room()
		for _, args := range [][]string{{"lease", "one"}, {"leases"}} {
			if o := d.run(args...); o.exit != 65 {
				t.Errorf("%v: exit %d: %s", args, o.exit, o.stdout)
			}
		}
	}
	d.must("", "revoke", "--all")
	d.must("", "lease", "one", "--client-id", "after")
	if clients := clientsOf(d.leases()); len(clients) != 1 || clients[0] != "after" {
		t.Errorf("in force: %v", clients)
	}
	d.verify()
}

// fillLedgerBlock takes leases until the ledger ends so near the end of a block
// that no line has room. Lines vary in length by a few bytes, with their times.
func (s *sandbox) fillLedgerBlock() {
	s.t.Helper()
	const block, count, near = 4096, 12, 20
	size := func() int { return len(s.contents()["leases.jsonl"]) }
	before := size()
	s.must("", "lease", "one", "--client-id", "x")
	line := size() - before - len("x") // without the client
	for left := count; left > 0; left-- {
		client := (block-near-size()%block)/left - line
		s.must("", "lease", "one", "--client-id", strings.Repeat("x", client))
	}
	if end := size() % block; end < block-3*near {
		s.t.Fatalf("the ledger ends at byte %d of a block", end)
	}
}

// changed names the files that differ.
func changed(before, after map[string]string) []string {
	var names []string
	for name := range after {
		if before[name] != after[name] {
			names = append(names, name)
		}
	}
	for name := range before {
		if _, there := after[name]; !there {
			names = append(names, name)
		}
	}
	return names
}

func TestAValueThatCannotBeHandedOverIsNotLeased(t *testing.T) {
	s := newSandbox(t)
	outputs := map[string]func(args ...string) outcome{
		"full":   func(args ...string) outcome { return s.runUnder(`exec "$0" "$@" >/dev/full`, args...) },
		"closed": func(args ...string) outcome { return s.runUnder(`exec "$0" "$@" >&-`, args...) },
		"unread": s.runUnread,
	}
	for name, run := range outputs {
		for _, args := range [][]string{{"lease", "one"}, {"lease", "one", "--json"}} {
			if o := run(args...); o.exit != 74 || strings.Contains(o.stderr, theValue) {
				t.Errorf("%v with a %s output: exit %d, %s", args, name, o.exit, o.stderr)
			}
		}
	}
	if left := s.leases(); len(left) != 0 {
		t.Errorf("in force: %v", left)
	}
	undelivered := 0
	for _, e := range s.events() {
		if e.Event == "lease.undelivered" {
			undelivered++
		}
	}
	if undelivered != 2*len(outputs) {
		t.Errorf("%d undelivered leases in the log", undelivered)
	}
	s.verify()
}

// runUnread runs the program with a pipe for its output that nobody reads.
func (s *sandbox) runUnread(args ...string) outcome {
	r, w, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	defer w.Close()
	if err := r.Close(); err != nil {
		s.t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(s.program, args...)
	s.prepare(cmd, "", &stdout, &stderr)
	cmd.Stdout = w
	return s.outcome(cmd, cmd.Run(), &stdout, &stderr)
}

func TestAReadOnlyDirectoryCanBeRead(t *testing.T) {
	s := newSandbox(t)
	s.must("", "lease", "one")
	run := s.readOnly()
	before := s.contents()
	for _, args := range [][]string{{"list"}, {"status"}, {"leases"}, {"leases", "--all"}, {"audit"}, {"audit", "--verify"}} {
		if o := run(args...); o.exit != 0 {
			t.Errorf("%v: exit %d: %s", args, o.exit, o.stdout)
		}
	}
	if o := run("lease", "one"); o.exit != 74 && o.exit != 77 || o.stdout != "" {
		t.Errorf("lease: exit %d, stdout %q, %s", o.exit, o.stdout, o.stderr)
	}
	for _, args := range [][]string{{"add", "two"}, {"update", "one"}, {"remove", "one", "--yes"}} {
		if o := run(args...); o.exit != 74 && o.exit != 77 {
			t.Errorf("%v: exit %d: %s", args, o.exit, o.stdout)
		}
	}
	if o := run("revoke", "--all"); o.exit != 79 {
		t.Errorf("revoke --all: exit %d: %s", o.exit, o.stdout)
	}
	if after := s.contents(); !maps.Equal(before, after) {
		t.Errorf("changed: %v", changed(before, after))
	}
}

// readOnly returns how to run the program with a state directory that cannot be
// written: without the permission, or for root, whom that does not stop, on a
// read-only file system that no one else sees.
func (s *sandbox) readOnly() func(args ...string) outcome {
	if os.Geteuid() != 0 {
		s.chmod(0o500, 0o400)
		s.t.Cleanup(func() { s.chmod(0o700, 0o600) })
		return func(args ...string) outcome { return s.run("another value", args...) }
	}
	const script = `exec unshare -m sh -c '
		mount --bind .agent-secrets .agent-secrets && mount -o remount,bind,ro .agent-secrets || exit 99
		cd . && printf "another value" | ("$0" "$@")' "$0" "$@"`
	if o := s.runUnder(script, "version"); o.exit != 0 {
		s.t.Skipf("nothing can be mounted read-only here: %s", o.stderr)
	}
	return func(args ...string) outcome { return s.runUnder(script, args...) }
}

func (s *sandbox) chmod(dir, file os.FileMode) {
	for name := range s.contents() {
		if err := os.Chmod(filepath.Join(s.dir, name), file); err != nil {
			s.t.Error(err)
		}
	}
	if err := os.Chmod(s.dir, dir); err != nil {
		s.t.Error(err)
	}
}

package main_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"agent-secrets/internal/cli"
	"agent-secrets/internal/fsx"
)

var errNoTerminal = errors.New("there is no terminal")

// runHere runs a command in this process, which is quicker by far.
func (s *sandbox) runHere(stdin string, args ...string) (o outcome) {
	var stdout, stderr bytes.Buffer
	env := &cli.Env{
		Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr, Deliver: &stdout,
		Terminal: func() (cli.Terminal, error) { return nil, errNoTerminal },
		Getenv:   func(name string) string { return map[string]string{"HOME": s.home, "USER": "tester"}[name] },
		Hostname: func() (string, error) { return "here", nil }, Now: time.Now, Rand: rand.Reader, OpenDir: fsx.OpenDir, MakeDir: fsx.MakeDir,
	}
	defer func() {
		if p := recover(); p != nil {
			o = outcome{exit: -1}
			s.t.Errorf("%v panicked: %v\n%s", args, p, debug.Stack())
		}
	}()
	exit := cli.Main(append([]string{"secrets"}, args...), env)
	return outcome{stdout: stdout.String(), stderr: stderr.String(), exit: exit}
}

// damaged is a store of which one file is damaged, and what it was before.
type damaged struct {
	*sandbox
	run  func(stdin string, args ...string) outcome
	good map[string]string
	file string // that is damaged
	what string
}

// newDamaged makes a small store with leases that are in force, that were
// revoked and that came after a killswitch.
func newDamaged(t *testing.T) *damaged {
	s := newSandbox(t)
	s.must("another value", "add", "two")
	s.must("", "lease", "one", "--client-id", "killed")
	s.must("", "revoke", "--all")
	for _, client := range []string{"first", "revoked", "last"} {
		s.must("", "lease", "one", "--client-id", client)
	}
	s.must("", "revoke", "--client-id", "revoked")
	s.must("", "lease", "two", "--client-id", "final")
	return &damaged{sandbox: s, good: s.contents(), run: s.runHere}
}

// key is the identity itself.
func (d *damaged) key() string {
	_, key, _ := strings.Cut(d.good["identity.age"], "\nAGE-SECRET-KEY-1")
	return key
}

func inForce() []string { return []string{"final", "first", "last"} }

// restore makes the whole directory what it was before the damage.
func (d *damaged) restore() {
	for _, err := range []error{os.RemoveAll(d.dir), os.Mkdir(d.dir, 0o700)} {
		if err != nil {
			d.t.Fatal(err)
		}
	}
	for name, data := range d.good {
		d.write(name, data)
	}
}

func (d *damaged) write(name, data string) {
	if err := os.WriteFile(filepath.Join(d.dir, name), []byte(data), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *damaged) errorf(format string, args ...any) {
	d.t.Helper()
	d.t.Errorf("%s %s: %s", d.file, d.what, fmt.Sprintf(format, args...))
}

// survive runs every command on a store that damage has been done to, each time
// anew, and checks what must hold whatever the damage is.
func (d *damaged) survive(damage func()) map[string]outcome {
	d.t.Helper()
	outcomes := map[string]outcome{}
	for _, args := range [][]string{
		{"list"}, {"lease", "one"}, {"lease", "one", "--json"}, {"leases"}, {"status"}, {"audit"}, {"audit", "--verify"}, {"add", "three"},
	} {
		d.restore()
		damage()
		before := d.contents()
		o := d.try(args...)
		d.checkFiles(args, o, before, d.contents())
		d.checkLeases(args, o)
		outcomes[strings.Join(args, " ")] = o
	}
	d.restore()
	damage()
	d.kill()
	if d.file != "audit.jsonl" && outcomes["audit"].exit != 0 {
		d.errorf("audit: exit %d: %s", outcomes["audit"].exit, outcomes["audit"].stdout)
	}
	return outcomes
}

// try runs a command and checks how it ends: with a status and a code that are
// documented, and with a value only where there was no error.
func (d *damaged) try(args ...string) outcome {
	d.t.Helper()
	started := time.Now()
	o := d.run("a third value", args...)
	if took := time.Since(started); took > 10*time.Second {
		d.errorf("%v took %v", args, took)
	}
	documented := []int{0, 65, 73, 74, 77, 78, 79}
	if !slices.Contains(documented, o.exit) || o.exit != 0 && (o.code() == "" || o.code() == "internal") {
		d.errorf("%v: exit %d, code %q: %s%s", args, o.exit, o.code(), o.stdout, o.stderr)
	}
	switch {
	case args[0] == "lease" && o.exit == 0 && !strings.Contains(o.stdout, theValue),
		len(args) == 2 && args[0] == "lease" && o.exit != 0 && o.stdout != "",
		o.exit != 0 && strings.Contains(o.stdout+o.stderr, theValue):
		d.errorf("%v: exit %d, stdout %q, stderr %q", args, o.exit, o.stdout, o.stderr)
	case strings.Contains(o.stdout+o.stderr, d.key()[:30]):
		d.errorf("%v shows the identity", args)
	}
	return o
}

// checkFiles: a command that failed has left the damaged file as it is. It may
// have added to the log, the torn end of which a writer repairs.
func (d *damaged) checkFiles(args []string, o outcome, before, after map[string]string) {
	d.t.Helper()
	was, is := before[d.file], after[d.file]
	if d.file == "audit.jsonl" && strings.HasPrefix(is, was) {
		return
	}
	if o.exit != 0 && was != is {
		d.errorf("%v failed and changed the file", args)
	}
	if !slices.Contains([]string{"leases.jsonl", "secrets.age"}, d.file) && was != is {
		d.errorf("%v changed the file", args)
	}
}

// checkLeases: ledger and log have each what the other lost.
func (d *damaged) checkLeases(args []string, o outcome) {
	d.t.Helper()
	if o.exit != 0 {
		return
	}
	switch {
	case args[0] == "lease" && d.file == "leases.jsonl" && strings.HasPrefix(d.what, "cut"): // and made whole again
		if o := d.try("audit", "--verify"); o.exit != 0 {
			d.errorf("after %v: audit --verify: %s", args, o.stdout)
		}
		o = d.try("leases")
	case args[0] != "leases":
		return
	}
	for _, client := range inForce() {
		if !strings.Contains(o.stdout, `"`+client+`"`) {
			d.errorf("the lease of %s is not among the leases", client)
		}
	}
}

// kill: the killswitch works, or says that it did not and keeps anything from
// being granted; and bringing back the file as it was brings back no lease.
func (d *damaged) kill() {
	d.t.Helper()
	o := d.try("revoke", "--all")
	if o.exit != 0 && o.exit != 79 {
		d.errorf("revoke --all: exit %d: %s", o.exit, o.stdout)
	}
	d.dead("after the kill")
	if data, was := d.good[d.file]; was {
		if err := os.RemoveAll(filepath.Join(d.dir, d.file)); err != nil {
			d.t.Fatal(err)
		}
		d.write(d.file, data)
		d.dead("with the file back")
	}
}

func (d *damaged) dead(when string) {
	d.t.Helper()
	leases := d.try("leases")
	if leases.exit == 0 {
		for _, client := range inForce() {
			if strings.Contains(leases.stdout, `"`+client+`"`) {
				d.errorf("%s the lease of %s is in force", when, client)
			}
		}
	} else if o := d.try("lease", "one"); o.exit == 0 {
		d.errorf("%s leases are granted, and cannot be listed", when)
	}
}

// places are the offsets at which a file of size bytes is damaged: each in a
// soak, else some, which differ from file to file.
func places(size, some int) []int {
	step := 1
	if !soak() {
		step = max(1, size/some)
	}
	var at []int
	for i := 0; i < size; i += step {
		at = append(at, i+i/step%step)
	}
	return slices.DeleteFunc(at, func(i int) bool { return i >= size })
}

func stateFiles() []string {
	return []string{"secrets.age", "leases.jsonl", "audit.jsonl", "identity.age", "config.json"}
}

func TestAFileThatIsCutShortHarmsNothing(t *testing.T) {
	d := newDamaged(t)
	for _, d.file = range stateFiles() {
		good := d.good[d.file]
		for _, end := range places(len(good), 12) {
			d.what = fmt.Sprintf("cut to %d bytes", end)
			outcomes := d.survive(func() { d.write(d.file, good[:end]) })
			if d.file == "secrets.age" && outcomes["list"].exit == 0 {
				d.errorf("the store can be read")
			}
		}
	}
}

func TestAChangedByteIsFoundAndHarmsNothing(t *testing.T) {
	d := newDamaged(t)
	changes := []func(byte) byte{
		func(c byte) byte { return c ^ 0x01 }, func(c byte) byte { return c ^ 0x80 }, func(c byte) byte { return ^c },
		func(byte) byte { return 0 }, func(byte) byte { return '\n' },
	}
	for _, d.file = range stateFiles() {
		good := d.good[d.file]
		for n, at := range places(len(good), 25) {
			for i, change := range changes {
				if changed := change(good[at]); changed != good[at] && n%len(changes) == i {
					d.what = fmt.Sprintf("byte %d: %q for %q", at, changed, good[at])
					outcomes := d.survive(func() { d.write(d.file, good[:at]+string([]byte{changed})+good[at+1:]) })
					d.found(at, outcomes)
				}
			}
		}
	}
}

// found: no reader takes changed bytes for good ones. The last line of a file
// of lines may have been torn by a crash, and a zero byte may stand for data
// that never reached the disk: they are dealt with as such. Comments in the
// identity and many settings may say something else after a change.
func (d *damaged) found(at int, outcomes map[string]outcome) {
	d.t.Helper()
	lastLine := strings.LastIndex(strings.TrimSuffix(d.good[d.file], "\n"), "\n") + 1
	switch d.file {
	case "secrets.age":
		for _, command := range []string{"list", "lease one", "status", "add three", "audit --verify"} {
			if outcomes[command].exit == 0 {
				d.errorf("%s does not find it", command)
			}
		}
	case "leases.jsonl", "audit.jsonl":
		verify := outcomes["audit --verify"]
		zeroed := strings.Contains(d.what, `'\x00' for`) && (d.file == "leases.jsonl" || strings.Contains(verify.stdout, "torn bytes"))
		if at < lastLine && verify.exit == 0 && !zeroed {
			d.errorf("audit --verify does not find it")
		}
	}
}

// Something else stands in the file's place. These are for the real program,
// which is ended if it hangs.
func TestSomethingElseInAFilesPlaceHarmsNothing(t *testing.T) {
	d := newDamaged(t)
	d.run = d.sandbox.run
	elsewhere := t.TempDir()
	reads := map[string]string{
		"secrets.age": "list", "leases.jsonl": "leases", "audit.jsonl": "audit", "identity.age": "status", "config.json": "list", "lock": "add three",
	}
	kinds := map[string]func(path, good string) error{
		"is gone":            func(path, _ string) error { return os.Remove(path) },
		"is a directory":     func(path, _ string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"is a FIFO":          func(path, _ string) error { return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)) },
		"is a dangling link": func(path, _ string) error { return errors.Join(os.Remove(path), os.Symlink("nowhere", path)) },
		"is a link to a good copy": func(path, good string) error {
			to := filepath.Join(elsewhere, filepath.Base(path))
			return errors.Join(os.WriteFile(to, []byte(good), 0o600), os.Remove(path), os.Symlink(to, path))
		},
		"has two names":     func(path, _ string) error { return os.Link(path, path+".link") },
		"is open to others": func(path, _ string) error { return os.Chmod(path, 0o644) },
		"is all zeros": func(path, _ string) error {
			return errors.Join(os.Truncate(path, 0), os.Truncate(path, int64(rounds(16<<20, 1<<30))))
		},
		"ends in zeros": func(path, good string) error { return os.Truncate(path, int64(len(good)+rounds(1<<20, 1<<30))) },
	}
	for _, d.file = range append(stateFiles(), "lock") {
		for _, d.what = range slices.Sorted(maps.Keys(kinds)) {
			outcomes := d.survive(func() {
				if err := kinds[d.what](filepath.Join(d.dir, d.file), d.good[d.file]); err != nil {
					t.Fatal(err)
				}
			})
			if zeros := strings.Contains(d.what, "zeros"); !zeros && outcomes[reads[d.file]].exit == 0 {
				d.errorf("%s takes it for the file", reads[d.file])
			}
		}
	}
}

// Where both the ledger and the log are damaged there is nothing left to make
// one from the other: still no command panics, and the killswitch kills.
func TestDamageToLedgerAndLogAtOnceHarmsNothing(t *testing.T) {
	d := newDamaged(t)
	middle := func(s string) int { return strings.Index(s[len(s)/2:], "\n") + len(s)/2 - 20 }
	kinds := []func(good string) string{
		func(string) string { return "" },
		func(string) string { return "\n" },
		func(good string) string { return good[:len(good)-30] },
		func(good string) string { return good + "\x00\x00" },
		func(good string) string { return good + "garbage\n" },
		func(good string) string { return good[:middle(good)] + "x" + good[middle(good)+1:] },
		func(good string) string { return good[:middle(good)] + "\x00" + good[middle(good)+1:] },
		func(good string) string { return good[:middle(good)] },
		func(good string) string { return strings.Repeat("\x00", len(good)) },
	}
	for i, ledger := range kinds {
		for k, log := range kinds {
			d.file, d.what = "leases.jsonl", fmt.Sprintf("damaged as %d, audit.jsonl as %d", i, k)
			for _, args := range [][]string{{"leases"}, {"lease", "one"}, {"audit"}, {"audit", "--verify"}, {"add", "three"}, {"revoke", "--client-id", "first"}, {"revoke", "--all"}} {
				d.restore()
				d.write("leases.jsonl", ledger(d.good["leases.jsonl"]))
				d.write("audit.jsonl", log(d.good["audit.jsonl"]))
				d.try(args...)
			}
			d.dead("after the kill")
		}
	}
}

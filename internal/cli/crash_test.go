package cli_test

import (
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"agent-secrets/internal/crashfs"
	"agent-secrets/internal/fsx"
)

const recoveryClient = "recovery"

// tally counts crash states. The same state is judged once.
type tally struct{ states, judged, broken atomic.Int64 }

// explorer stops one scenario everywhere.
type explorer struct {
	*tally
	sc     scenario
	wrap   func(fsx.FS) fsx.FS
	full   bool // leave nothing out
	shown  int
	report func(format string, args ...any)
	seed   maphash.Seed
	seen   map[string]bool
	values map[string]map[string]string // secrets by ciphertext
	after  time.Time                    // when the recovery begins
}

// state is what a crash left.
type state struct {
	*machine
	bounds
	words string
	// delivered are the leases whose value got out.
	delivered []string
	// lost: a power cut took what was not synced.
	lost bool
	// recovering is how often the recovery was stopped before, and leased
	// whether it had printed the value of its lease by then.
	recovering int
	leased     bool
	identity   string // that was there
	marked     bool   // the marker of a killswitch was there
	wrote      bool   // the command that was stopped had changed something
	deep       bool   // its recovery is stopped too
	partial    bool   // a killswitch said that it ended in part
}

// TestCrashModel stops every command that changes state after each of its
// operations, in each way in which a process, a machine or a disk can fail,
// stops the recovery in the same ways, and looks at what is left.
func TestCrashModel(t *testing.T) {
	withoutRandomness(t)
	total := &tally{}
	start := time.Now()
	t.Run("commands", func(t *testing.T) {
		for _, sc := range scenarios() {
			t.Run(sc.name, func(t *testing.T) {
				t.Parallel()
				one := &tally{}
				explore(t, sc, nil, one, t.Errorf)
				t.Logf("%d crash states, %d of them distinct, %d broken", one.states.Load(), one.judged.Load(), one.broken.Load())
				total.states.Add(one.states.Load())
				total.judged.Add(one.judged.Load())
				total.broken.Add(one.broken.Load())
			})
		}
	})
	t.Logf("%d crash states, %d of them distinct, %d broken, in %v", total.states.Load(), total.judged.Load(), total.broken.Load(), time.Since(start).Round(time.Millisecond))
}

func explore(t *testing.T, sc scenario, wrap func(fsx.FS) fsx.FS, count *tally, report func(string, ...any)) {
	x := &explorer{
		tally: count, sc: sc, wrap: wrap, full: os.Getenv("SECRETS_CRASH") == "full", report: report,
		seed: maphash.MakeSeed(), seen: map[string]bool{}, values: map[string]map[string]string{},
	}
	m := sc.prepared(t)
	x.after = m.now.Add(time.Minute)
	before, err := x.worldOf(m)
	if err != nil {
		t.Fatal(err)
	}
	m.wrap = wrap
	for i, c := range sc.steps {
		if i < len(sc.steps)-1 && !x.full {
			before = x.pass(t, m, c) // another scenario stops it
			continue
		}
		before = x.step(t, m, c, before)
	}
	if sc.check != nil {
		sc.check(t, before)
	}
}

// step runs one command to its end on m, judges every place where it can be
// stopped, and returns the world that it makes.
func (x *explorer) step(t *testing.T, m *machine, c command, before *world) *world {
	t.Helper()
	start := m.clone()
	stops, ops := x.watch(m, c, t.Fatalf)
	after, err := x.read(m)
	if err != nil {
		t.Fatalf("%s: %v", c, err)
	}
	for _, s := range stops {
		s.bounds = bounds{before, after}
		if s.leased { // here: it was acknowledged
			s.before, s.delivered, s.leased = after, newLeases(before, after, c), false
		}
		s.deep = x.full || !x.sc.large
		x.crash(s, crashfs.Fates())
	}
	x.fail(start, c, ops, bounds{before, after})
	return after
}

// pass runs one command to its end on m and returns the world that it makes.
func (x *explorer) pass(t *testing.T, m *machine, c command) *world {
	t.Helper()
	m.must(t, c)
	w, err := x.read(m)
	if err != nil {
		t.Fatalf("%s: %v", c, err)
	}
	return w
}

func newLeases(before, after *world, c command) (ids []string) {
	for id := range after.leases {
		if before.leases[id] == nil && c.args[0] == "lease" {
			ids = append(ids, id)
		}
	}
	return ids
}

// watch runs c to its end and returns every place where it can be stopped, and
// its operations.
func (x *explorer) watch(m *machine, c command, fatal func(string, ...any)) (stops []*state, ops []crashfs.Op) {
	printed, wrote := false, false
	stop := func(words string) {
		stops = append(stops, &state{machine: m.clone(), words: fmt.Sprintf("%s: %s", c, words), leased: printed, wrote: wrote})
	}
	stop("before it began")
	m.disk = m.disk.Clone()
	m.disk.Watch(func(op crashfs.Op) {
		if !op.Torn {
			ops = append(ops, op)
		}
		wrote = wrote || op.Torn || m.disk.Writes() > 0
		printed = printed || op.Kind == crashfs.Output && c.exit == 0
		stop("after operation " + op.String())
	})
	out := m.run(c)
	m.disk.Watch(nil)
	if out.exit != c.exit || out.panicked != nil {
		fatal("%s: %v", c, out)
	}
	printed = true
	stop("after its end")
	return stops, ops
}

// crash judges what is left if the process dies, and if the power goes, at s.
func (x *explorer) crash(s *state, fates []crashfs.Fate) {
	killed := *s
	killed.words += ": killed"
	x.judge(&killed)
	for cut := range s.disk.PowerCuts(fates...) {
		left := *s
		left.machine = &machine{disk: cut.Disk, now: s.now, wrap: s.wrap}
		left.words += ": " + cut.Words
		chosen, deep := x.chosen(cut)
		if !chosen {
			continue
		}
		left.lost, left.deep = true, left.deep && deep
		x.judge(&left)
	}
}

// chosen reports whether to judge a power cut, and whether to stop the recovery
// from it too. Unless nothing is to be left out, files that were left in part
// all were so in the same way.
func (x *explorer) chosen(cut crashfs.Cut) (chosen, deep bool) {
	same, plain := true, true
	first := crashfs.Lost
	for _, fate := range cut.Fates {
		first = max(first, fate)
		plain = plain && fate <= crashfs.Kept
	}
	for _, fate := range cut.Fates {
		same = same && fate == first
	}
	return x.full || same || plain, x.full || first <= crashfs.Half
}

// fail runs c with each operation failing in each way.
func (x *explorer) fail(start *machine, c command, ops []crashfs.Op, b bounds) {
	for _, op := range ops {
		if x.sc.large && op.Kind == crashfs.Look && !x.full {
			continue
		}
		for _, f := range x.faults(op) {
			m := start.clone()
			m.disk.Fail(f)
			out := m.run(c)
			m.disk = m.disk.Clone()
			s := &state{machine: m, bounds: b, deep: x.full, words: fmt.Sprintf("%s: %v (%s)", c, f, op.What)}
			if err := x.checkFailed(c, op, f, s, out); err != nil {
				x.broke(s, err)
			}
			x.crash(s, x.someFates())
		}
	}
}

func (x *explorer) faults(op crashfs.Op) (faults []crashfs.Fault) {
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EROFS} {
		full := errno == syscall.ENOSPC || errno == syscall.EDQUOT
		for way := range 8 {
			f := crashfs.Fault{At: op.Number, Err: errno, Stays: way&1 != 0, Short: way&2 != 0, Roomy: way&4 != 0}
			switch {
			case !f.Hits(op.Kind), f.Short && !full, f.Roomy && !(full && f.Stays), f.Stays && op.Kind == crashfs.Output:
				continue
			case errno == syscall.EDQUOT && !x.full:
				continue // no other than ENOSPC to the program
			}
			faults = append(faults, f)
		}
	}
	return faults
}

// checkFailed checks what a command says whose disk failed, and moves the
// bounds of s to what it acknowledged.
func (x *explorer) checkFailed(c command, op crashfs.Op, f crashfs.Fault, s *state, out *outcome) error {
	code := out.failure().Code
	switch {
	case out.panicked != nil:
		return fmt.Errorf("%v", out)
	case out.exit == c.exit && c.exit == 0:
		s.before = s.after
		return nil
	case out.exit == c.exit:
		return nil // it failed as it was to, and promised nothing
	case c.raw() && out.stdout.Len() > 0:
		return fmt.Errorf("it failed and printed %q", out.stdout.String())
	case out.exit == 79 && code == "killswitch_partial":
		return x.checkPartial(f, s)
	case out.exit != 74 || code != "io" && code != "audit_failed":
		return fmt.Errorf("code %q, %v", code, out)
	}
	return nil
}

// checkPartial checks a killswitch that ended in part on a failing disk. Whatever
// it says, no lease of before may be in force when the disk works again.
func (x *explorer) checkPartial(f crashfs.Fault, s *state) error {
	if f.Stays && (f.Err == syscall.EIO || f.Err == syscall.EROFS) {
		return nil // nothing can be changed on such a disk
	}
	s.before, s.partial = s.after, true
	m := s.clone()
	out := m.run(command{args: []string{"lease", "beta"}, client: recoveryClient})
	if out.exit != 0 && out.exit != 65 && out.exit != 77 {
		return fmt.Errorf("lease after it: %v", out)
	}
	w, err := m.readLeases()
	if err != nil {
		return nil // nobody is granted anything until a person has looked
	}
	return s.checkLeases(w)
}

// judge lets the recovery run on s and checks everything that was promised.
func (x *explorer) judge(s *state) {
	x.states.Add(1)
	key := fmt.Sprintf("%x %p %p %v %v %d %v %v", s.disk.Fingerprint(x.seed), s.before, s.after, s.delivered, s.lost, s.recovering, s.leased, s.partial)
	if x.seen[key] {
		return
	}
	x.seen[key] = true
	x.judged.Add(1)
	s.marked = s.disk.Files()["killswitch"] != nil
	s.identity = string(s.disk.Files()["identity.age"])
	s.machine = &machine{disk: s.disk.Clone(), wrap: x.wrap, now: x.after.Add(time.Duration(s.recovering) * time.Minute)}
	stops, err := x.recover(s)
	if err != nil {
		x.broke(s, err)
		return
	}
	if s.recovering > 0 || !s.deep {
		return
	}
	for _, stop := range stops {
		if !stop.wrote {
			continue // it is s
		}
		stop.bounds, stop.delivered, stop.recovering, stop.partial, stop.lost = s.bounds, s.delivered, s.recovering+1, s.partial, s.lost
		stop.words = s.words + "; " + stop.words
		x.crash(stop, x.someFates())
	}
}

func (x *explorer) someFates() []crashfs.Fate {
	if x.full {
		return crashfs.Fates()
	}
	return []crashfs.Fate{crashfs.Lost}
}

func (x *explorer) broke(s *state, err error) {
	x.broken.Add(1)
	if x.shown++; x.shown <= 3 {
		x.report("%s\n\t%v", s.words, err)
	}
}

// recover reads what is left, lets the next writers put it in order, and checks
// the outcome. It returns the places where the last writer can be stopped.
func (x *explorer) recover(s *state) (stops []*state, err error) {
	if err := x.checkReaders(s); err != nil {
		return nil, err
	}
	if name := s.plaintext(); name != "" {
		return nil, fmt.Errorf("%s holds a value", name)
	}
	for _, c := range x.sc.recovery(s) {
		c.client = recoveryClient
		var failed error
		more, _ := x.watch(s.machine, c, func(string, ...any) { failed = errors.New("unexpected") })
		if failed != nil && !(c.args[0] == "init" && s.initialized()) {
			out := s.clone().run(c)
			return nil, fmt.Errorf("recovery: %s: %v", c, out)
		}
		for _, stop := range more {
			stop.leased = stop.leased && c.args[0] == "lease" && !x.sc.corrupt && !s.partial
		}
		stops = append(stops, more...)
	}
	return stops, x.checkRecovered(s)
}

func (m *machine) initialized() bool { return m.disk.Files()["config.json"] != nil }

// checkReaders runs the commands that only read, which must work on whatever a
// crash left and show none of it in a wrong light.
func (x *explorer) checkReaders(s *state) error {
	for _, name := range []string{"status", "leases", "list"} {
		if (s.recovering > 0 || !s.deep) && name != "leases" {
			continue // they read what the recovery and the judge read again
		}
		out := s.run(run(name))
		if out.panicked != nil || !x.sc.readerMay(s, out) {
			return fmt.Errorf("%s: %v", name, out)
		}
	}
	if s.disk.Writes() > 0 {
		return errors.New("a reader wrote")
	}
	w, err := s.readLeases()
	if err != nil {
		if x.sc.corrupt && s.before != s.after || s.partial {
			return nil
		}
		return err
	}
	for _, id := range s.delivered {
		if !w.granted[id] {
			return fmt.Errorf("the value of lease %s got out, and the log has no grant", id)
		}
	}
	if s.lost {
		// The ledger may have got further than the log: both were unsynced.
		w.granted = everything(w)
	}
	return s.checkLeases(w)
}

func everything(w *world) map[string]bool {
	all := map[string]bool{}
	for id := range w.leases {
		all[id] = true
	}
	return all
}

func (x *explorer) checkRecovered(s *state) error {
	w, err := x.read(s.machine)
	if err != nil {
		return fmt.Errorf("after the recovery: %w", err)
	}
	if err := s.checkLeases(w); err != nil {
		return fmt.Errorf("after the recovery: %w", err)
	}
	if x.sc.fresh {
		delete(w.secrets, "beta") // the recovery added it
	}
	if err := s.checkSecrets(w); err != nil {
		return fmt.Errorf("after the recovery: %w", err)
	}
	if s.identity != "" && w.identity != s.identity {
		return errors.New("the identity was replaced")
	}
	for _, id := range s.delivered {
		if !w.active(id) && s.after.active(id) {
			return fmt.Errorf("the value of lease %s got out, and the ledger has no entry", id)
		}
	}
	// A marker that a power cut brought back ends what was granted meanwhile.
	if s.leased && !s.marked && !x.hasRecoveryLease(w) {
		return errors.New("the lease of the first recovery is lost")
	}
	return x.checkVerified(s)
}

// hasRecoveryLease looks for a lease of the recovery that was stopped.
func (x *explorer) hasRecoveryLease(w *world) bool {
	for id, l := range w.leases {
		if l.ClientID == recoveryClient && l.GrantedAt.Before(x.after.Add(time.Minute)) && w.active(id) {
			return true
		}
	}
	return false
}

func (x *explorer) checkVerified(s *state) error {
	opened, err := s.open()
	if err != nil {
		return err
	}
	v, err := opened.Verify()
	if err == nil && len(v.Notes) > 0 {
		err = fmt.Errorf("it is not in order: %v", v.Notes)
	}
	if err != nil {
		return fmt.Errorf("audit --verify: %w", err)
	}
	if files := s.disk.Files(); slices.Contains(keys(files), "killswitch") {
		return errors.New("the killswitch has not finished")
	}
	return nil
}

func keys(m map[string][]byte) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	return names
}

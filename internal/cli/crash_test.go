package cli_test

import (
	"fmt"
	"hash/maphash"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"agent-secrets/internal/crashfs"
	"agent-secrets/internal/fsx"
)

const recoveryClient = "recovery"

// tally counts crash states. The same state is judged once.
type tally struct{ states, judged, broken atomic.Int64 }

func (n *tally) add(other *tally) {
	n.states.Add(other.states.Load())
	n.judged.Add(other.judged.Load())
	n.broken.Add(other.broken.Load())
}

func (n *tally) String() string {
	return fmt.Sprintf("%d crash states, %d of them distinct, %d broken", n.states.Load(), n.judged.Load(), n.broken.Load())
}

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
	words     string
	delivered []string // leases whose value got out
	lost      bool     // a power cut took what was not synced
	marked    bool     // the marker of a killswitch was there
	partial   bool     // a killswitch said that it ended in part
	deep      bool     // the recovery is to be stopped too
	again     bool     // the recovery was stopped before
	leased    bool     // and had printed the value of its lease

	acked bool // the command that was stopped had said that it was done
	wrote bool // it had changed something
}

// TestCrashModel stops every command that changes state after each of its
// operations, in each way in which a process, a machine or a disk can fail,
// stops the recovery in the same ways, and looks at what is left.
func TestCrashModel(t *testing.T) {
	prepareProcess(t)
	total := &tally{}
	start := time.Now()
	t.Run("commands", func(t *testing.T) {
		for _, sc := range scenarios() {
			t.Run(sc.name, func(t *testing.T) {
				t.Parallel()
				one := &tally{}
				explore(t, sc, nil, one, t.Errorf)
				t.Log(one)
				total.add(one)
			})
		}
	})
	t.Logf("%v in %v", total, time.Since(start).Round(time.Millisecond))
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
	out, ops, stops := m.watch(c)
	if out.exit != c.exit || out.panicked != nil {
		t.Fatalf("%s: %v", c, out)
	}
	after, err := x.read(m)
	if err != nil {
		t.Fatalf("%s: %v", c, err)
	}
	for _, s := range stops {
		s.bounds = bounds{before, after}
		if s.acked {
			s.before, s.delivered = after, newLeases(before, after, c)
		}
		s.deep = x.wrap == nil && (x.full || !x.sc.large && !x.sc.alike)
		x.crash(s, crashfs.Fates())
	}
	if x.wrap == nil {
		x.fail(start, c, ops, bounds{before, after})
	}
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

// watch runs c to its end and returns its outcome, its operations and every
// place where it can be stopped.
func (m *machine) watch(c command) (out *outcome, ops []crashfs.Op, stops []*state) {
	printed, wrote := false, false
	stop := func(words string) {
		stops = append(stops, &state{machine: m.clone(), words: fmt.Sprintf("%s: %s", c, words), acked: printed, wrote: wrote})
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
	out = m.run(c)
	m.disk = m.disk.Clone()
	printed = true
	stop("after its end")
	return out, ops, stops
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
	chosen, deep = true, true
	var partly []crashfs.Fate
	for name, fate := range cut.Fates {
		if fate > crashfs.Kept {
			partly = append(partly, fate)
			chosen = chosen && fate == partly[0]
			deep = deep && fate == crashfs.Half && strings.HasSuffix(name, ".jsonl")
		}
	}
	chosen = chosen && (len(partly) == 0 || len(partly) == len(cut.Fates))
	return chosen || x.full, deep || x.full
}

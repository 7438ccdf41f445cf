package cli_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"agent-secrets/internal/crashfs"
	"agent-secrets/lease"
)

// secretValues are the values of the secrets in all scenarios.
func secretValues() []string {
	return []string{"first value of alpha", "other value of alpha", "the value of beta", "the value of gamma"}
}

// scenario is a prepared state and the commands that are stopped on it.
type scenario struct {
	name    string
	prepare func(t *testing.T, m *machine)
	steps   []command
	check   func(t *testing.T, w *world) // of the state that the commands make
	corrupt bool                         // the prepared ledger is corrupt
	fresh   bool                         // nothing is initialised
	large   bool                         // everything takes long
	// alike: its operations are those of another scenario, so that its
	// recovery need not be stopped as well.
	alike bool
}

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// prepared returns the state to begin with, all of it durable.
func (sc scenario) prepared(t *testing.T) *machine {
	t.Helper()
	m := &machine{disk: crashfs.New(), now: start()}
	if sc.prepare != nil {
		sc.prepare(t, m)
	}
	m.disk.Settle()
	return m
}

// worldOf reads the prepared state. A ledger that is corrupt has the leases
// that it had before.
func (x *explorer) worldOf(m *machine) (*world, error) {
	if x.sc.corrupt {
		m = m.clone()
		damage(m)
	}
	return x.read(m)
}

// recovery is the commands that follow on a crash.
func (sc scenario) recovery(s *state) []command {
	use := run("lease", "beta")
	switch {
	case sc.fresh && s.before.initialized:
		return []command{run("add", "beta", "--force").input("the value of beta"), use}
	case sc.fresh:
		return []command{run("init"), run("add", "beta", "--force").input("the value of beta"), use}
	case sc.corrupt, s.partial:
		return []command{run("revoke", "--all"), use}
	}
	return []command{use}
}

func (sc scenario) readerMay(s *state, out *outcome) bool {
	unfinished := s.before != s.after || s.partial
	switch {
	case out.exit == 0:
		return true
	case sc.fresh && unfinished:
		return out.exit == 78 && out.failure().Code == "not_initialized"
	case (sc.corrupt || s.partial) && unfinished:
		return out.exit == 65 && out.failure().Code == "corrupt_ledger"
	}
	return false
}

func scenarios() []scenario {
	alpha := run("lease", "alpha")
	return []scenario{
		{name: "init", steps: []command{run("init")}, fresh: true, check: holds(0, "")},
		{name: "init and add", steps: []command{run("init"), run("add", "alpha").input(secretValues()[0])}, fresh: true, check: holds(0, "alpha")},
		{name: "add", prepare: secrets, steps: []command{run("add", "gamma").input(secretValues()[3])}, check: holds(0, "alpha beta gamma")},
		{name: "add force", prepare: secrets, steps: []command{run("add", "--force", "alpha").input(secretValues()[1])}, check: holds(0, "alpha beta"), alike: true},
		{name: "import", prepare: secrets, steps: []command{run("import").input("gamma='" + secretValues()[3] + "'\ndelta='" + secretValues()[1] + "'\n")}, check: holds(0, "alpha beta delta gamma"), alike: true},
		{name: "update", prepare: leased, steps: []command{run("update", "alpha").input(secretValues()[1])}, check: holds(3, "alpha beta")},
		{name: "update hook", prepare: secrets, steps: []command{run("update", "alpha", "--rotate-via", "true")}, check: holds(0, "alpha beta"), alike: true},
		{name: "remove", prepare: leased, steps: []command{run("remove", "alpha", "--yes")}, check: holds(1, "beta")},
		{name: "lease", prepare: leased, steps: []command{alpha}, check: holds(4, "alpha beta")},
		{name: "lease json", prepare: secrets, steps: []command{run("lease", "alpha", "--json")}, check: holds(1, "alpha beta"), alike: true},
		{name: "denial", prepare: leased, steps: []command{run("lease", "nothing").exits(66)}, check: holds(3, "alpha beta")},
		{name: "two leases", prepare: secrets, steps: []command{alpha, alpha}, check: holds(2, "alpha beta")},
		{name: "lease to a full output", prepare: leased, steps: []command{{args: alpha.args, client: "tester", full: true, exit: 74}}, check: holds(3, "alpha beta")},
		{name: "revoke id", prepare: leased, steps: []command{run("revoke", firstLease())}, check: holds(2, "alpha beta")},
		{name: "revoke secret", prepare: leased, steps: []command{run("revoke", "--secret", "alpha")}, check: holds(1, "alpha beta"), alike: true},
		{name: "revoke client", prepare: leased, steps: []command{run("revoke", "--client-id", "tester")}, check: holds(0, "alpha beta"), alike: true},
		{name: "revoke all", prepare: leased, steps: []command{run("revoke", "--all")}, check: holds(0, "alpha beta")},
		{name: "revoke all, ledger corrupt", prepare: damaged, steps: []command{run("revoke", "--all")}, corrupt: true, check: holds(0, "alpha beta")},
		{name: "lease and revoke", prepare: secrets, steps: []command{alpha, run("revoke", "--secret", "alpha")}, check: holds(0, "alpha beta")},
		{name: "revoke and lease", prepare: leased, steps: []command{run("revoke", "--secret", "alpha"), alpha}, check: holds(2, "alpha beta")},
		{name: "lease and revoke all", prepare: secrets, steps: []command{alpha, run("revoke", "--all")}, check: holds(0, "alpha beta")},
		{name: "revoke all and lease", prepare: leased, steps: []command{run("revoke", "--all"), alpha}, check: holds(1, "alpha beta")},
		{name: "update and lease", prepare: secrets, steps: []command{run("update", "alpha").input(secretValues()[1]), alpha}, check: holds(1, "alpha beta")},
		{name: "rotate", prepare: hooked, steps: []command{run("rotate", "alpha")}, check: holds(1, "alpha beta")},
		{name: "rotate, refreshed elsewhere", prepare: refreshed, steps: []command{run("rotate", "alpha")}, check: holds(1, "alpha beta"), alike: true},
		{name: "rotate, failing", prepare: failing, steps: []command{run("rotate", "alpha").exits(79)}, check: holds(3, "alpha beta"), alike: true},
		{name: "rollback", prepare: rotated, steps: []command{run("rollback", "alpha")}, check: holds(1, "alpha beta"), alike: true},
		{name: "revoke all, rotate", prepare: hooked, steps: []command{run("revoke", "--all", "--rotate")}, check: holds(0, "alpha beta"), alike: true},
		{name: "watch", prepare: expired, steps: []command{run("watch")}, check: holds(2, "alpha beta")},
		{name: "watch rotates", prepare: overdue, steps: []command{run("watch")}, check: holds(0, "alpha beta"), alike: true},
		{name: "compaction", prepare: nearlyLarge, steps: []command{alpha}, check: compacted, large: true},
		{name: "first writer after expiry", prepare: expired, steps: []command{run("revoke", "--secret", "alpha")}, check: holds(1, "alpha beta")},
	}
}

// holds checks that so many leases are in force and that there are the secrets.
func holds(active int, names string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		t.Helper()
		n, have := 0, []string{}
		for id := range w.leases {
			if w.active(id) {
				n++
			}
		}
		for name := range w.secrets {
			have = append(have, name)
		}
		slices.Sort(have)
		if n != active || strings.Join(have, " ") != names {
			t.Fatalf("%d leases and the secrets %v: want %d and %s", n, have, active, names)
		}
	}
}

func secrets(t *testing.T, m *machine) {
	t.Helper()
	m.must(t, run("init"),
		run("add", "alpha").input(secretValues()[0]),
		run("add", "beta").input(secretValues()[2]))
}

// leased has two leases on alpha and one on beta.
func leased(t *testing.T, m *machine) {
	t.Helper()
	secrets(t, m)
	m.must(t, run("lease", "alpha"), run("lease", "alpha"), run("lease", "beta"))
}

// hooked is leased, with a hook for alpha.
func hooked(t *testing.T, m *machine) { t.Helper(); hook(t, m, "echo "+secretValues()[1]) }

func refreshed(t *testing.T, m *machine) { t.Helper(); hook(t, m, "true") }

func failing(t *testing.T, m *machine) { t.Helper(); hook(t, m, "false") }

func hook(t *testing.T, m *machine, command string) {
	t.Helper()
	leased(t, m)
	m.must(t, run("update", "alpha", "--rotate-via", command))
}

// rotated has a value before the present one.
func rotated(t *testing.T, m *machine) {
	t.Helper()
	leased(t, m)
	m.must(t, run("update", "alpha").input(secretValues()[1]))
}

func overdue(t *testing.T, m *machine) {
	t.Helper()
	hooked(t, m)
	m.must(t, run("update", "alpha", "--rotate-every", "1h"))
	m.now = m.now.Add(2 * time.Hour)
}

// firstLease is the id of the first lease of leased, made by its fourth process.
func firstLease() string {
	at := start().Add(4 * time.Second)
	id, err := lease.NewID(at, randomAt(at))
	if err != nil {
		panic(err)
	}
	return id
}

func damaged(t *testing.T, m *machine) {
	t.Helper()
	leased(t, m)
	damage(m)
}

// damage changes a byte in the middle of the ledger, or changes it back.
func damage(m *machine) {
	ledger := slices.Clone(m.disk.Files()["leases.jsonl"])
	ledger[len(ledger)/2] ^= 1
	m.disk.Put("leases.jsonl", ledger)
}

func expired(t *testing.T, m *machine) {
	t.Helper()
	leased(t, m)
	m.now = m.now.Add(2 * time.Hour)
	m.must(t, run("lease", "alpha", "--ttl", "2h"), run("lease", "beta"))
}

const (
	compactAt = 64 << 10
	shortLine = 200 // no grant in the ledger is shorter
)

// nearlyLarge has a ledger of expired leases that the next lease makes large
// enough to be compacted.
func nearlyLarge(t *testing.T, m *machine) {
	t.Helper()
	secrets(t, m)
	long := strings.Repeat("long", 32)
	m.must(t, run("add", long).input(secretValues()[3]))
	size := func() int { return len(m.disk.Files()["leases.jsonl"]) }
	before := size()
	grant := run("lease", long, "--client-id", long, "--ttl", "10m")
	m.must(t, grant)
	// A lease of alpha alone must come to pass the size.
	for line := size() - before; size()+line < compactAt; {
		m.must(t, grant)
	}
	for size()+shortLine < compactAt {
		m.must(t, run("lease", "beta", "--ttl", "10m"))
	}
	m.now = m.now.Add(2 * time.Hour)
}

func compacted(t *testing.T, w *world) {
	t.Helper()
	if len(w.leases) != 1 {
		t.Fatalf("%d leases in the ledger: it was not compacted", len(w.leases))
	}
}

package store

import (
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"agent-secrets/audit"
)

// holders is by whom the store is held, sorted, as a new process sees it.
func (h *home) holders() []string {
	h.t.Helper()
	holds, err := h.open(h.options()).Holds()
	check(h.t, err)
	var by []string
	for _, hold := range holds {
		by = append(by, hold.By)
	}
	slices.Sort(by)
	return by
}

func (h *home) freeze(by ...string) {
	h.t.Helper()
	for _, one := range by {
		_, err := h.Freeze(ctx, one)
		check(h.t, err)
	}
}

// refused is the error of a grant.
func (h *home) refused() error {
	_, err := h.Grant(ctx, requests("a"), nil)
	return err
}

func TestAHoldIsLiftedByWhomItConcerns(t *testing.T) {
	t.Parallel()
	p, b, k := ByPerson, ByHeartbeat, ByKillswitch
	for _, test := range []struct {
		name          string
		held          []string
		thaw          bool // or the heartbeat's lift
		lifted, after int  // how many
		err           error
	}{
		{"the heartbeat lifts its own", []string{b}, false, 1, 0, nil},
		{"and leaves a person's", []string{b, p}, false, 1, 1, nil},
		{"whichever came first", []string{p, b}, false, 1, 1, nil},
		{"it has none", []string{p}, false, 0, 1, nil},
		{"it has none, beside a killswitch", []string{k, p}, false, 0, 2, nil},
		{"its own, beside a killswitch", []string{k, b}, false, 1, 1, nil},
		{"nobody has one", nil, false, 0, 0, nil},
		{"a person lifts all", []string{b, p}, true, 2, 0, nil},
		{"a person lifts the heartbeat's", []string{b}, true, 1, 0, nil},
		{"nothing to lift", nil, true, 0, 0, nil},
		{"a killswitch has to be finished", []string{k, p}, true, 2, 2, ErrUnfinished},
	} {
		h := newHome(t, "a")
		h.freeze(test.held...)
		lift := h.Lift
		if test.thaw {
			lift = h.Thaw
		}
		lifted, err := lift(ctx)
		if !errors.Is(err, test.err) || len(lifted) != test.lifted || len(h.holders()) != test.after {
			t.Errorf("%s: lifted %v, %v; left %v", test.name, lifted, err, h.holders())
		}
		if n, thaws := h.events()[audit.Thaw], min(test.lifted, 1); test.err == nil && n != thaws {
			t.Errorf("%s: %d thaws in the log, want %d", test.name, n, thaws)
		}
		if err := h.refused(); (err != nil) != (test.after > 0) || err != nil && !errors.Is(err, ErrFrozen) {
			t.Errorf("%s: a grant: %v", test.name, err)
		}
	}
}

// A freeze by the same is one hold, however often.
func TestAFreezeIsOneHoldForEach(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	for i, by := range []string{ByPerson, ByPerson, ByHeartbeat, ByPerson, ByHeartbeat} {
		if already, err := h.Freeze(ctx, by); err != nil || already != (i != 0 && i != 2) {
			t.Errorf("freeze %d by the %s: already %t, %v", i, by, already, err)
		}
	}
	if got := h.holders(); !slices.Equal(got, []string{ByHeartbeat, ByPerson}) {
		t.Errorf("held by %v", got)
	}
	h.prune() // what is frozen can be put in order
	h.verified()
}

// unreadables is what can stand in the place of the file, none of it written
// by this program.
func unreadables() map[string]func(path string) error {
	text := func(s string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(s), 0o600) }
	}
	hold := `{"by":"heartbeat","since":"2026-01-01T00:00:00Z","client_id":"x"}`
	return map[string]func(string) error{
		"empty, as on a full disk": text(""),
		"cut short":                text(`{"version":1,"holds":[` + hold[:30]),
		"another version":          text(`{"version":2,"holds":[` + hold + `]}`),
		"no holds":                 text(`{"version":1,"holds":[]}`),
		"an unknown member":        text(`{"version":1,"until":"noon","holds":[` + hold + `]}`),
		"more than it can be":      text(string(make([]byte, maxFreeze+1))),
		"open to others": func(path string) error {
			return errors.Join(text(`{"version":1,"holds":[`+hold+`]}`)(path), os.Chmod(path, 0o666))
		},
		"a link":      func(path string) error { return os.Symlink("identity.age", path) },
		"a dead link": func(path string) error { return os.Symlink("nowhere", path) },
	}
}

// What cannot be read is a person's: the heartbeat does not lift it, not beside
// its own either, and a thaw does.
func TestAFrozenFileThatCannotBeReadIsAPersons(t *testing.T) {
	t.Parallel()
	for name, put := range unreadables() {
		t.Run(name, func(t *testing.T) {
			h := newHome(t, "a")
			identity := string(h.read(identityFile))
			check(t, put(h.file(frozenFile)))
			if err := h.refused(); !errors.Is(err, ErrFrozen) || errors.Is(err, ErrUnfinished) {
				t.Errorf("a grant: %v", err)
			}
			if up, err := h.Frozen(); !up || err != nil {
				t.Errorf("frozen %t, %v", up, err)
			}
			for range 2 {
				if lifted, err := h.Lift(ctx); err != nil || len(h.holders()) != 1 || h.holders()[0] != ByPerson {
					t.Errorf("lifted %v, %v; left %v", lifted, err, h.holders())
				}
				h.freeze(ByHeartbeat)
			}
			if _, err := h.Thaw(ctx); err != nil || h.refused() != nil {
				t.Errorf("thaw: %v; a grant: %v", err, h.refused())
			}
			if string(h.read(identityFile)) != identity {
				t.Error("what it was a link to has changed")
			}
		})
	}
}

// What cannot be removed stays in force, and whoever thaws it is told.
func TestADirectoryInThePlaceOfTheFileStaysFrozen(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	check(t, os.Mkdir(h.file(frozenFile), 0o700))
	if _, err := h.Thaw(ctx); err == nil || !errors.Is(h.refused(), ErrFrozen) {
		t.Errorf("thaw: %v; a grant: %v", err, h.refused())
	}
}

// A freeze that cannot have the lock, or cannot be logged, is in force.
func TestAFreezeIsInForceThoughItCannotBeLogged(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	h.write(auditFile, []byte("hello\n"))
	if already, err := h.Freeze(ctx, ByPerson); err == nil || already {
		t.Errorf("already %t, %v", already, err)
	}
	if got := h.holders(); !slices.Equal(got, []string{ByPerson}) {
		t.Errorf("held by %v", got)
	}

	h = newHome(t, "a")
	h.write(configFile, []byte(`{"lock_timeout":"1ms"}`))
	s := h.open(h.options())
	held, err := s.lock(ctx)
	check(t, err)
	if _, err := s.Freeze(ctx, ByPerson); err == nil {
		t.Error("a freeze without the lock is done, it says")
	}
	check(t, held.Unlock())
	if got := h.holders(); !slices.Equal(got, []string{ByPerson}) {
		t.Errorf("held by %v", got)
	}
}

func TestARefusalSaysSinceWhenAndByWhom(t *testing.T) {
	t.Parallel()
	for by, want := range map[string]string{
		ByPerson:    "frozen since 2026-01-02T03:04:05Z by me@host",
		ByHeartbeat: "frozen since 2026-01-02T03:04:05Z by the heartbeat",
	} {
		h := newHome(t, "a")
		h.freeze(by)
		h.now = h.now.Add(time.Hour)
		if err := h.refused(); err == nil || err.Error() != want {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

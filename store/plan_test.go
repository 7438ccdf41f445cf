package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"agent-secrets/audit"
	"agent-secrets/internal/fsx"
	"agent-secrets/lease"
)

// as is the store as another process has it open, which knows who is alive.
func (h *home) as(owner string, alive ...string) *Store {
	h.t.Helper()
	opts := h.options()
	opts.Owner = func() string { return owner }
	opts.Alive = func(who string) bool { return slices.Contains(alive, who) }
	return h.open(opts)
}

// begun is a killswitch by the process "one" that ended every lease and has
// the rest of its plan before it.
func begun(t *testing.T, p Plan) *home {
	t.Helper()
	h := newHome(t, "a")
	h.grant("a")
	s := h.as("one", "one")
	check(t, errors.Join(s.RaiseMarker(p)))
	kill, err := s.RevokeAll(ctx, p)
	check(t, err, kill.Marker)
	return h
}

func TestAnUnfinishedPlanIsTakenOverFromTheDeadOnly(t *testing.T) {
	t.Parallel()
	plan := Plan{By: ByHeartbeat, Rotate: true, Wipe: true}
	want := Plan{By: ByPerson, Rotate: true, Wipe: true}
	h := begun(t, plan)
	if _, err := h.as("two", "one", "two").Claim(ctx); !errors.Is(err, ErrUnfinished) {
		t.Errorf("while its process runs: %v", err)
	}
	if got, err := h.as("one", "one").Claim(ctx); err != nil || got != want {
		t.Errorf("by its own process: %+v, %v", got, err)
	}
	if got, err := h.as("two", "two").Claim(ctx); err != nil || got != want {
		t.Errorf("after its process: %+v, %v", got, err)
	}
	// Now it is the second one's.
	if _, err := h.as("three", "two", "three").Claim(ctx); !errors.Is(err, ErrUnfinished) {
		t.Errorf("after it was taken over: %v", err)
	}
	if err := h.refused(); !errors.Is(err, ErrUnfinished) {
		t.Errorf("a grant meanwhile: %v", err)
	}
}

// The marker carries the plan too: whoever finds it ends the leases, and leaves
// the rest to its process while that runs.
func TestAMarkerIsTakenOverAsAPlan(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	g := h.grant("a")[0]
	check(t, errors.Join(h.as("one", "one").RaiseMarker(Plan{By: ByPerson, Freeze: true, Rotate: true})))
	if _, err := h.as("two", "one", "two").Claim(ctx); !errors.Is(err, ErrUnfinished) {
		t.Errorf("while its process runs: %v", err)
	}
	if got := h.states()[g.LeaseID]; got != lease.Killswitch {
		t.Errorf("the lease is %s", got)
	}
	if got, err := h.as("two", "two").Claim(ctx); err != nil || got != (Plan{By: ByPerson, Rotate: true}) {
		t.Errorf("after its process: %+v, %v", got, err)
	}
	if got := h.holders(); !slices.Equal(got, []string{ByKillswitch, ByPerson}) {
		t.Errorf("held by %v", got)
	}
}

func TestWithNothingUnfinishedThereIsNothingToClaim(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	h.freeze(ByPerson, ByHeartbeat)
	if h.Unfinished() {
		t.Error("it is unfinished, it says")
	}
	if got, err := h.Claim(ctx); err != nil || got != (Plan{By: ByPerson}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAPlanHoldsGrantsBackUntilItIsSettled(t *testing.T) {
	t.Parallel()
	steps := []StepOutcome{{Name: "rotate", Code: "rotation_failed"}, {Name: "wipe"}}
	for _, finished := range []bool{false, true} {
		h := begun(t, Plan{By: ByPerson, Freeze: true, Rotate: true})
		check(t, h.as("one").Settle(ctx, steps, finished))
		if h.Unfinished() == finished {
			t.Errorf("finished %t, and unfinished %t", finished, h.Unfinished())
		}
		if n := h.events()[audit.KillswitchStep]; n != len(steps) {
			t.Errorf("%d steps in the log", n)
		}
		if h.refused() == nil {
			t.Error("a grant is not refused")
		}
		_, err := h.Thaw(ctx)
		if (err == nil) != finished || (h.refused() == nil) != finished {
			t.Errorf("finished %t: thaw: %v; a grant: %v", finished, err, h.refused())
		}
	}
}

// A copy of a file that existed before shows what became of its bytes.
func TestAWipeOverwritesWhatItRemoves(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	h.add("a", string(bytes.Repeat([]byte("long "), maxValueInTest))) // and so there is a generation before
	check(t, os.WriteFile(h.file(identityFile+".tmp"), h.read(identityFile), 0o600))
	names := []string{identityFile, identityFile + ".tmp", storeFile, backupFile}
	copies, before := t.TempDir(), map[string][]byte{}
	for _, name := range names {
		before[name] = h.read(name)
		check(t, os.Link(h.file(name), filepath.Join(copies, name)))
	}
	check(t, errors.Join(h.Wipe(ctx)))
	for _, name := range names {
		if _, err := os.Lstat(h.file(name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
		left, err := os.ReadFile(filepath.Join(copies, name))
		check(t, err)
		head := min(len(left), 64<<10)
		if head != min(len(before[name]), 64<<10) || !bytes.Equal(left[:head], make([]byte, head)) {
			t.Errorf("%s: %d bytes, which are not overwritten", name, len(left))
		}
	}
	if _, err := h.Secrets(); !errors.Is(err, ErrWiped) {
		t.Errorf("the secrets: %v", err)
	}
	check(t, errors.Join(h.Wipe(ctx))) // of what is not there
	if n := h.events()[audit.KillswitchWipe]; n != 2 {
		t.Errorf("%d wipes in the log", n)
	}
}

const maxValueInTest = 40 << 10 // times five bytes: more than is overwritten

// What a link points to is not ours, and a link is no reason to leave the rest.
func TestAWipeFollowsNoLinks(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	elsewhere := filepath.Join(t.TempDir(), "key")
	key := h.read(identityFile)
	check(t, os.WriteFile(elsewhere, key, 0o600), os.Remove(h.file(identityFile)), os.Symlink(elsewhere, h.file(identityFile)))
	check(t, errors.Join(h.Wipe(ctx)))
	left, err := os.ReadFile(elsewhere)
	if check(t, err); !bytes.Equal(left, key) {
		t.Error("what the link points to was overwritten")
	}
	for _, name := range []string{identityFile, storeFile} {
		if _, err := os.Lstat(h.file(name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A store that is locked is wiped all the same. It is not over with that: the
// holder may be about to write it.
func TestAWipeDoesNotNeedTheLock(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	h.write(configFile, []byte(`{"lock_timeout":"1ms"}`))
	s := h.open(h.options())
	held, err := s.lock(ctx)
	check(t, err)
	if destroyed, logged := s.Wipe(ctx); destroyed != nil || logged == nil {
		t.Errorf("%v; it is written down, it says", destroyed)
	}
	if _, err := os.Lstat(h.file(identityFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the identity: %v", err)
	}
	check(t, held.Unlock())
}

// Who could not have the lock for a revocation does not wait for it again: the
// identity would be there all the while.
func TestAKillswitchWaitsForTheLockOnce(t *testing.T) {
	t.Parallel()
	const wait = 250 * time.Millisecond
	h := newHome(t, "a")
	h.write(configFile, []byte(`{"lock_timeout":"250ms"}`))
	s := h.open(h.options())
	held, err := h.lock(ctx)
	check(t, err)
	begun := time.Now()
	if _, err := s.RevokeAll(ctx, Plan{By: ByPerson, Wipe: true}); !errors.Is(err, fsx.ErrBusy) || time.Since(begun) < wait {
		t.Errorf("after %v: %v", time.Since(begun), err)
	}
	begun = time.Now()
	if destroyed, logged := s.Wipe(ctx); destroyed != nil || !errors.Is(logged, fsx.ErrBusy) || time.Since(begun) >= wait {
		t.Errorf("after %v: %v, %v", time.Since(begun), destroyed, logged)
	}
	// Whoever waits: the lock may first go to the one that gave up above.
	check(t, held.Unlock(), errors.Join(h.open(h.options()).Wipe(ctx)))
}

// The rest of a plan is not forgotten because a weaker one comes after it. What
// a process that runs is about stays its own.
func TestAPlanInheritsFromOneThatWasInterrupted(t *testing.T) {
	t.Parallel()
	began := map[string]func(h *home, p Plan){
		"at its marker": func(h *home, p Plan) { check(h.t, errors.Join(h.as("one").RaiseMarker(p))) },
		"after the leases": func(h *home, p Plan) {
			kill, err := h.as("one").RevokeAll(ctx, p)
			check(h.t, err, kill.Marker)
		},
		"at its marker, before it froze": func(h *home, p Plan) {
			check(h.t, errors.Join(h.as("one").RaiseMarker(p)), os.Remove(h.file(frozenFile)))
		},
	}
	for when, begin := range began {
		h := newHome(t, "a")
		begin(h, Plan{By: ByHeartbeat, Freeze: true, Rotate: true, Wipe: true})
		weak := Plan{By: ByPerson}
		if up, _ := h.markerUp(); !up { // its process goes on by itself
			s := h.as("two", "one", "two")
			kill, err := s.RevokeAll(ctx, weak)
			if check(t, err, kill.Marker, s.Settle(ctx, nil, true)); kill.Plan != weak || !h.Unfinished() {
				t.Errorf("%s: while its process runs: %+v, unfinished: %t", when, kill.Plan, h.Unfinished())
			}
		}
		s := h.as("two", "two")
		kill, err := s.RevokeAll(ctx, weak)
		check(t, err, kill.Marker)
		if kill.Plan.Freeze == (when == "after the leases") || !kill.Plan.Rotate || !kill.Plan.Wipe {
			t.Errorf("%s: %+v", when, kill.Plan)
		}
		if !h.Unfinished() {
			t.Errorf("%s: it is finished before its rest is done", when)
		}
		check(t, s.Settle(ctx, nil, true))
		if h.Unfinished() || !slices.Equal(h.holders(), []string{ByHeartbeat}) { // whose freeze it was
			t.Errorf("%s: unfinished %t, held by %v", when, h.Unfinished(), h.holders())
		}
	}
}

func TestSomeTimeAfterItAWipedStoreSaysSo(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	check(t, errors.Join(h.Wipe(ctx)))
	h.now = h.now.Add(time.Hour)
	check(t, h.Deny(ctx, Denial{Secret: "a", ClientID: "x", Via: lease.ViaStdout, Code: "not_initialized"}))
	if _, err := h.Secrets(); !errors.Is(err, ErrWiped) {
		t.Errorf("%v", err)
	}
}

// While the process that raised the marker lives, nobody else finishes its
// killswitch: it would be told that it ended nothing.
func TestAMarkerIsLeftToItsProcessWhileThatLives(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	g := h.grant("a")[0]
	alive := true
	opts := h.options()
	opts.Owner = func() string { return "theirs" }
	check(t, raise(h.open(opts)))
	opts.Owner = func() string { return "ours" }
	opts.Alive = func(owner string) bool { return owner == "theirs" && alive }
	ours := h.open(opts)
	if _, err := ours.Grant(ctx, requests("a"), nil); !errors.Is(err, errElsewhere) {
		t.Errorf("a grant: %v", err)
	}
	if _, err := ours.Prune(ctx); !errors.Is(err, errElsewhere) {
		t.Errorf("another command: %v", err)
	}
	alive = false
	if _, err := ours.Grant(ctx, requests("a"), nil); err != nil {
		t.Error(err)
	}
	if got := h.states()[g.LeaseID]; got != lease.Killswitch {
		t.Errorf("the lease of before is %s", got)
	}
}

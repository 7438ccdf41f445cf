package store

import (
	"errors"
	"testing"
	"time"

	"agent-secrets/audit"
	"agent-secrets/internal/fsx"
	"agent-secrets/lease"
)

// hooked is a store with the secret "a", whose value is "first", with a hook.
func hooked(t *testing.T) *home {
	t.Helper()
	h := newHome(t)
	h.add("a", "first")
	hook := "true"
	_, err := h.Update(ctx, "a", Change{RotateVia: &hook})
	check(t, err)
	return h
}

// valueOf is what a secret has, and what it had before.
func (h *home) valueOf(name string) (value, previous string) {
	h.t.Helper()
	g := h.grant(name)[0]
	return string(g.Value.Reveal()), string(g.Previous.Reveal())
}

// rotateTo is a rotation by a hook that prints value, with what others did
// meanwhile.
func (h *home) rotateTo(value string, meanwhile func()) (Rotated, error) {
	h.t.Helper()
	r, err := h.BeginRotation(ctx, "a")
	check(h.t, err)
	h.now = h.now.Add(time.Second)
	meanwhile()
	return h.FinishRotation(ctx, r, NewValue([]byte(value)))
}

func TestWhatARotationLeaves(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, printed   string
		meanwhile       func(h *home)
		err             error
		changed         bool
		value, previous string
	}{
		{"a new value", "second", nil, nil, true, "second", "first"},
		{"nothing: refreshed elsewhere", "", nil, nil, false, "first", ""},
		{"the same value", "first", nil, nil, false, "first", ""},
		{"an update meanwhile", "second", func(h *home) { h.add("a", "updated") }, ErrRotationConflict, false, "updated", "second"},
		{"an update meanwhile, and nothing printed", "", func(h *home) { h.add("a", "updated") }, ErrRotationConflict, false, "updated", "first"},
		{"an update to what it was", "second", func(h *home) { h.add("a", "first") }, nil, true, "second", "first"},
		{"another secret is changed", "second", func(h *home) { h.add("b", "x") }, nil, true, "second", "first"},
	} {
		h := hooked(t)
		before := h.grant("a")[0]
		began := h.now
		got, err := h.rotateTo(test.printed, func() {
			if test.meanwhile != nil {
				test.meanwhile(h)
			}
		})
		if !errors.Is(err, test.err) || got.Changed != test.changed {
			t.Errorf("%s: changed %t, %v", test.name, got.Changed, err)
		}
		// Of a conflict nobody can tell whether the old value is worthless.
		if ended := h.states()[before.LeaseID] == lease.Rotated; ended != (err == nil) || len(got.Ended) == 1 != ended {
			t.Errorf("%s: the lease on the old value is %s, %v", test.name, h.states()[before.LeaseID], got.Ended)
		}
		if moved := got.Secret.RotatedAt.After(began); moved != (err == nil) {
			t.Errorf("%s: rotated at %v", test.name, got.Secret.RotatedAt)
		}
		if value, previous := h.valueOf("a"); value != test.value || previous != test.previous {
			t.Errorf("%s: %q, and before that %q", test.name, value, previous)
		}
		h.verified()
	}
}

func TestARotationOfWhatWasRemovedMeanwhileIsAConflict(t *testing.T) {
	t.Parallel()
	h := hooked(t)
	_, err := h.rotateTo("second", func() {
		_, err := h.Remove(ctx, "a")
		check(t, err)
	})
	if !errors.Is(err, ErrRotationConflict) || errors.Is(err, ErrSecretNotFound) {
		t.Errorf("%v", err)
	}
	if secrets, err := h.Secrets(); err != nil || len(secrets) != 0 {
		t.Errorf("%v, %v", secrets, err)
	}
}

func TestAValueThatNoSecretCanHaveIsNotStored(t *testing.T) {
	t.Parallel()
	h := hooked(t)
	if _, err := h.rotateTo(string(make([]byte, MaxValue+1)), func() {}); !errors.Is(err, ErrValueTooLarge) {
		t.Errorf("%v", err)
	}
	if value, _ := h.valueOf("a"); value != "first" {
		t.Errorf("%d bytes", len(value))
	}
}

// The value before is one back, however it came: a rollback is its own inverse,
// and what changes no value keeps it.
func TestTheValueBeforeIsKept(t *testing.T) {
	t.Parallel()
	h := hooked(t)
	if _, err := h.Rollback(ctx, "a"); !errors.Is(err, ErrNoPreviousValue) {
		t.Errorf("with no value before: %v", err)
	}
	hook, every := "other", time.Hour
	rollback := func() { _, err := h.Rollback(ctx, "a"); check(t, err) }
	for i, step := range []struct {
		do              func()
		value, previous string
	}{
		{func() { h.add("a", "second") }, "second", "first"},
		{func() { h.add("a", "second") }, "second", "first"},
		{func() { _, err := h.Update(ctx, "a", Change{RotateVia: &hook, RotateEvery: &every}); check(t, err) }, "second", "first"},
		{rollback, "first", "second"},
		{rollback, "second", "first"},
		{func() { _, err := h.rotateTo("", func() {}); check(t, err) }, "second", "first"},
		{func() { _, err := h.rotateTo("third", func() {}); check(t, err) }, "third", "second"},
		{rollback, "second", "third"},
	} {
		step.do()
		if value, previous := h.valueOf("a"); value != step.value || previous != step.previous {
			t.Errorf("step %d: %q, and before that %q", i, value, previous)
		}
	}
	h.verified()
}

// What is due counts from when the secret got its value, or was refreshed.
func TestWhenASecretIsDue(t *testing.T) {
	t.Parallel()
	h := hooked(t)
	every := time.Hour
	var since time.Time
	hook := "other"
	for i, step := range []struct {
		do    func()
		moves bool
	}{
		{func() { _, err := h.Update(ctx, "a", Change{RotateEvery: &every}); check(t, err) }, false},
		{func() { _, err := h.Update(ctx, "a", Change{RotateVia: &hook}); check(t, err) }, false},
		{func() { h.grant("a") }, false},
		{func() { h.add("a", "first") }, false},
		{func() { h.add("a", "second") }, true},
		{func() { _, err := h.rotateTo("third", func() {}); check(t, err) }, true},
		{func() { _, err := h.rotateTo("", func() {}); check(t, err) }, true},
		{func() { _, err := h.Rollback(ctx, "a"); check(t, err) }, true},
		{func() {
			if _, err := h.rotateTo("x", func() { h.add("a", "y") }); !errors.Is(err, ErrRotationConflict) {
				t.Error(err)
			}
		}, true},
	} {
		if since.IsZero() {
			since = h.now
		}
		h.now = h.now.Add(10 * time.Minute)
		step.do()
		if step.moves {
			since = h.now
		}
		secrets, err := h.Secrets()
		check(t, err)
		due := since.Add(every)
		if got := secrets[0]; !got.DueAt.Equal(due) || got.Overdue(due.Add(-1)) || !got.Overdue(due) {
			t.Errorf("step %d: due at %v, want %v", i, got.DueAt, due)
		}
	}
	never := time.Duration(0)
	_, err := h.Update(ctx, "a", Change{RotateEvery: &never})
	check(t, err)
	if secrets, err := h.Secrets(); err != nil || !secrets[0].DueAt.IsZero() || secrets[0].Overdue(h.now.Add(1e5*time.Hour)) {
		t.Errorf("%+v, %v", secrets, err)
	}
}

// A hook does not run where nothing can be written down about it.
func TestAHookDoesNotBeginWithoutALine(t *testing.T) {
	t.Parallel()
	h := hooked(t)
	n := h.events()[audit.RotateStart]
	if _, err := h.BeginRotation(ctx, "a"); err != nil || h.events()[audit.RotateStart] != n+1 {
		t.Errorf("%v, %d lines", err, h.events()[audit.RotateStart]-n)
	}
	h.write(auditFile, []byte("hello\n"))
	if r, err := h.BeginRotation(ctx, "a"); err == nil {
		t.Errorf("%+v", r.Name)
	}
}

func TestOneRotationAtATime(t *testing.T) {
	t.Parallel()
	h := hooked(t)
	release, err := h.RotationLock(time.Second)
	check(t, err)
	other := h.open(h.options())
	if _, err := other.RotationLock(0); !errors.Is(err, fsx.ErrBusy) {
		t.Errorf("%v", err)
	}
	// The state is not locked meanwhile, nor is watch.
	h.grant("a")
	watching, err := other.StartWatching(0)
	check(t, err, watching.End(), release())
	release, err = other.RotationLock(0)
	check(t, err, release())
}

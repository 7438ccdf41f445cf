package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"agent-secrets/audit"
	"agent-secrets/internal/fsx"
	"agent-secrets/lease"
)

// rotateLockFile keeps rotations apart. It is taken before the lock, never
// while that is held, and held while a hook runs.
const rotateLockFile = "rotate.lock"

// RotationLock waits for other rotations to end, for at most wait, and keeps
// them from beginning until release is called. The error of a wait that was in
// vain says that the lock is busy.
func (s *Store) RotationLock(wait time.Duration) (release func() error, err error) {
	return s.dir.Guard(rotateLockFile, wait)
}

// Rotation is a secret whose hook is about to run.
type Rotation struct {
	Name  string
	Hook  string
	Value Value   // as it is now
	Known []Value // every value in the store: what a hook prints may quote them
}

// BeginRotation reads what a hook needs, makes sure that there will be room for
// its value, and writes to the log that it is about to run.
func (s *Store) BeginRotation(ctx context.Context, name string) (Rotation, error) {
	if !lease.ValidName(name) {
		return Rotation{}, fmt.Errorf("%w: %q", ErrInvalidName, name)
	}
	snap, err := s.load()
	if err != nil {
		return Rotation{}, err
	}
	found, err := snap.find(name)
	if err != nil {
		return Rotation{}, err
	}
	if found.RotateVia == "" {
		return Rotation{}, &said{fmt.Sprintf("secret %q has no rotation hook", name), ErrNoRotationHook}
	}
	records, err := snap.all()
	if err != nil {
		return Rotation{}, inFile(s.dir.Path(storeFile), err)
	}
	r := Rotation{Name: name, Hook: found.RotateVia, Value: NewValue(found.Value)}
	for _, one := range records {
		r.Known = append(r.Known, NewValue(one.Value), NewValue(one.Previous))
	}
	return r, s.update(ctx, func(t *tx) error {
		if err := s.dir.Replace(t.held, reserveFile, make([]byte, 2*(len(snap.ciphertext)+reserved))); err != nil {
			return fmt.Errorf("reserve room for the new value: %w", err)
		}
		return t.note(audit.Event{Event: audit.RotateStart, OK: true, Secret: name, ClientID: s.opts.ClientID})
	})
}

// reserveFile keeps room on the disk for the store with the new value, and for
// the one before, while the hook runs. reserved is what a value may add.
const (
	reserveFile = storeFile + ".reserve"
	reserved    = 64 << 10 // bytes
)

// freeReserve gives the room back.
func (t *tx) freeReserve() error {
	there, err := t.store.dir.Exists(reserveFile)
	if err != nil || !there {
		return err
	}
	return t.store.dir.Remove(t.held, reserveFile)
}

// patience is how long the end of a rotation waits for the lock, or for a
// killswitch to come to its end: the new value may be the only one that is good.
const patience = time.Minute

// Rotated is what became of a secret.
type Rotated struct {
	Secret  Secret
	Changed bool           // it has another value
	Ended   []*lease.Lease // that were in force on it
}

// FinishRotation gives the secret the value that its hook printed, or, where
// that is empty, notes that it was refreshed elsewhere, and ends its leases. If
// the secret was changed while the hook ran it keeps the value that it was
// given, the hook's, if any, is kept as the one before, and the error is an
// [ErrRotationConflict].
func (s *Store) FinishRotation(ctx context.Context, r Rotation, value Value) (Rotated, error) {
	if value.Len() > MaxValue {
		return Rotated{}, CheckValue(value)
	}
	conflict := false
	var rotated Rotated
	err := s.patiently(func() (err error) {
		rotated, err = s.turn(ctx, r.Name, func(found *record, now time.Time) (audit.Event, error) {
			if conflict = !bytes.Equal(found.Value, r.Value.Reveal()); conflict {
				if value.Len() > 0 {
					found.Previous = value.Reveal()
				}
				return audit.Event{Event: audit.Rotate, Secret: r.Name, Code: "rotation_conflict"}, nil
			}
			return found.rotate(value.Reveal(), now), nil
		})
		return err
	})
	switch {
	case errors.Is(err, ErrSecretNotFound):
		err = &said{fmt.Sprintf("secret %q was removed while its hook ran: what the hook issued was not kept", r.Name), ErrRotationConflict}
	case err == nil && conflict:
		err = &said{fmt.Sprintf("secret %q was changed while its hook ran: it keeps that value", r.Name), ErrRotationConflict}
	}
	return rotated, err
}

// rotate gives the record a new value, unless it is empty: then it was renewed
// elsewhere.
func (r *record) rotate(value []byte, now time.Time) audit.Event {
	event := audit.Event{Event: audit.Rotate, Secret: r.Name}
	if len(value) > 0 {
		r.setValue(value, now)
	} else {
		event.Reason = "refreshed elsewhere"
	}
	r.RotatedAt = now
	return event
}

// patiently tries again for as long as only somebody else is in the way.
func (s *Store) patiently(try func() error) error {
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		err := try()
		if !errors.Is(err, fsx.ErrBusy) && !errors.Is(err, errElsewhere) || time.Since(begun) > patience {
			return err
		}
	}
}

// Rollback gives the secret the value that it had before, keeps the present one
// as the one before, and ends its leases.
func (s *Store) Rollback(ctx context.Context, name string) (Rotated, error) {
	if !lease.ValidName(name) {
		return Rotated{}, fmt.Errorf("%w: %q", ErrInvalidName, name)
	}
	return s.turn(ctx, name, func(found *record, now time.Time) (audit.Event, error) {
		if len(found.Previous) == 0 {
			return audit.Event{}, &said{fmt.Sprintf("secret %q has no value before this one", name), ErrNoPreviousValue}
		}
		found.setValue(found.Previous, now)
		return audit.Event{Event: audit.Rollback, Secret: name}, nil
	})
}

// turn changes one secret as f says and ends the leases on a value that it no
// longer has.
func (s *Store) turn(ctx context.Context, name string, f func(*record, time.Time) (audit.Event, error)) (Rotated, error) {
	var rotated Rotated
	changed := false
	err := s.change(ctx, func(t *tx, records []record) ([]record, audit.Event, error) {
		i := slices.IndexFunc(records, func(r record) bool { return r.Name == name })
		if i < 0 {
			return nil, audit.Event{}, notFound(name)
		}
		before := records[i]
		event, err := f(&records[i], t.now)
		if err != nil {
			return nil, audit.Event{}, err
		}
		changed = !bytes.Equal(before.Value, records[i].Value)
		if err := t.freeReserve(); err != nil {
			return nil, audit.Event{}, err
		}
		if event.Code == "" {
			records[i].UpdatedAt = t.now
			ended, err := t.endAll(Selector{Secret: name}, lease.Rotated)
			if err != nil {
				return nil, audit.Event{}, err
			}
			rotated.Ended, event.Count = ended.Leases, len(ended.Leases)
		}
		rotated.Secret = records[i].describe()
		return records, event, nil
	})
	rotated.Changed = changed && err == nil
	return rotated, err
}

// RotationFailed writes to the log that a hook has failed, with the code of its
// error.
func (s *Store) RotationFailed(ctx context.Context, name, code string) error {
	return s.update(ctx, func(t *tx) error {
		if err := t.freeReserve(); err != nil {
			return err
		}
		return t.note(audit.Event{Event: audit.Rotate, Secret: name, ClientID: s.opts.ClientID, Code: code})
	})
}

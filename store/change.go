package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"agent-secrets/audit"
	"agent-secrets/lease"
)

// Change is what add and update set. A nil member stays as it is.
type Change struct {
	Value       *Value
	RotateVia   *string        // command that renews the secret; empty for none
	RotateEvery *time.Duration // how often; 0 for when somebody asks for it
}

// Add puts a new secret into the store, or with replace changes the one that is
// there.
func (s *Store) Add(ctx context.Context, name string, c Change, replace bool) (Secret, error) {
	if c.Value == nil {
		return Secret{}, ErrEmptyValue
	}
	return s.put(ctx, audit.Add, name, c, func(there bool) error {
		if there && !replace {
			return exists(name)
		}
		return nil
	})
}

// Update changes a secret that is in the store.
func (s *Store) Update(ctx context.Context, name string, c Change) (Secret, error) {
	return s.put(ctx, audit.Update, name, c, func(there bool) error {
		if !there {
			return notFound(name)
		}
		return nil
	})
}

func (s *Store) put(ctx context.Context, event, name string, c Change, allow func(there bool) error) (Secret, error) {
	if err := c.check(name); err != nil {
		return Secret{}, err
	}
	var result Secret
	err := s.change(ctx, func(t *tx, records []record) ([]record, audit.Event, error) {
		i := slices.IndexFunc(records, func(r record) bool { return r.Name == name })
		if err := allow(i >= 0); err != nil {
			return nil, audit.Event{}, err
		}
		if i < 0 {
			i = len(records)
			records = append(records, record{Name: name, CreatedAt: t.now})
		}
		c.apply(&records[i], t.now)
		result = records[i].describe()
		return records, audit.Event{Event: event, Secret: name}, nil
	})
	return result, err
}

func (c Change) check(name string) error {
	if !lease.ValidName(name) {
		return fmt.Errorf("%w: %q", ErrInvalidName, name)
	}
	if c.Value == nil {
		return nil
	}
	return CheckValue(*c.Value)
}

// CheckValue refuses values that no secret can have.
func CheckValue(v Value) error {
	switch {
	case v.Len() == 0:
		return ErrEmptyValue
	case v.Len() > MaxValue:
		return fmt.Errorf("%w: at most %d bytes", ErrValueTooLarge, MaxValue)
	}
	return nil
}

func (c Change) apply(r *record, now time.Time) {
	if c.Value != nil {
		r.setValue(c.Value.Reveal(), now)
	}
	if c.RotateVia != nil {
		r.RotateVia = *c.RotateVia
	}
	if c.RotateEvery != nil {
		r.RotateEvery = Duration(*c.RotateEvery)
	}
	r.UpdatedAt = now
}

// Remove takes a secret out of the store and ends its leases, which it returns.
func (s *Store) Remove(ctx context.Context, name string) ([]*lease.Lease, error) {
	if !lease.ValidName(name) {
		return nil, fmt.Errorf("%w: %q", ErrInvalidName, name)
	}
	var ended Ended
	err := s.change(ctx, func(t *tx, records []record) ([]record, audit.Event, error) {
		kept := slices.DeleteFunc(records, func(r record) bool { return r.Name == name })
		if len(kept) == len(records) {
			return nil, audit.Event{}, notFound(name)
		}
		var err error
		ended, err = t.endAll(Selector{Secret: name}, lease.Removed)
		return kept, audit.Event{Event: audit.Remove, Secret: name, Count: len(ended.Leases)}, err
	})
	return ended.Leases, err
}

// change is changeWith for a change that one line of the log tells.
func (s *Store) change(ctx context.Context, f func(*tx, []record) ([]record, audit.Event, error)) error {
	return s.changeWith(ctx, func(t *tx, records []record) ([]record, []audit.Event, error) {
		records, event, err := f(t, records)
		return records, []audit.Event{event}, err
	})
}

// changeWith replaces the store by one with the records that f returns: it is
// announced in the log, the generation before is kept, and then the file is
// replaced.
func (s *Store) changeWith(ctx context.Context, f func(*tx, []record) ([]record, []audit.Event, error)) error {
	snap, err := s.load()
	if err != nil {
		return err
	}
	return s.update(ctx, func(t *tx) error {
		if snap, err = t.current(snap); err != nil {
			return err
		}
		records, err := snap.all()
		if err != nil {
			return inFile(s.dir.Path(storeFile), err)
		}
		records, events, err := f(t, records)
		if err != nil {
			return err
		}
		next, err := snap.with(records)
		if err != nil {
			return err
		}
		for i := range events {
			events[i].OK, events[i].ClientID = events[i].Code == "", s.opts.ClientID
		}
		return t.replaceStore(snap, next, events)
	})
}

func (t *tx) replaceStore(snap *snapshot, next payload, events []audit.Event) error {
	ciphertext, err := encrypt(next, snap.identity.Recipient())
	if err != nil {
		return err
	}
	if len(ciphertext) > maxStore {
		return fmt.Errorf("%w: the store would have %d bytes, at most %d", ErrValueTooLarge, len(ciphertext), maxStore)
	}
	for i := range events {
		events[i].Generation = next.Generation
	}
	if err := t.note(events...); err != nil {
		return err
	}
	dir := t.store.dir
	err = dir.Replace(t.held, backupFile, snap.ciphertext)
	if err == nil {
		err = dir.Replace(t.held, storeFile, ciphertext)
	}
	if err != nil {
		return errors.Join(err, t.withdraw(snap.Generation))
	}
	return nil
}

// withdraw notes that an announced write did not take place. Where that cannot
// be told the next writer finds out.
func (t *tx) withdraw(generation uint64) error {
	found, err := t.store.load()
	if err != nil || found.Generation != generation {
		return err
	}
	return t.noteGeneration(generation)
}

package store

import (
	"context"
	"errors"
	"fmt"

	"agent-secrets/audit"
)

// Plan is what a killswitch is to do besides ending every lease.
type Plan struct {
	By     string // ByPerson or ByHeartbeat
	Freeze bool   // refuse every grant until it is lifted
	Rotate bool   // run every rotation hook
	Wipe   bool   // destroy the store and its identity
}

// owner is this process, or empty.
func (s *Store) owner() string {
	if s.opts.Owner == nil {
		return ""
	}
	return s.opts.Owner()
}

// rest is what of a plan outlives the marker: under what holds grants stay
// refused once every lease has ended.
func (s *Store) rest(p Plan, owner string) []Hold {
	var holds []Hold
	if p.Freeze {
		holds = append(holds, s.newHold(p.By))
	}
	if p.Rotate || p.Wipe {
		h := s.newHold(ByKillswitch)
		h.Rotate, h.Wipe, h.Owner = p.Rotate, p.Wipe, owner
		holds = append(holds, h)
	}
	return holds
}

// Unfinished reports whether a killswitch was begun and has not come to its
// end, as far as can be seen without the lock.
func (s *Store) Unfinished() bool {
	if up, _ := s.markerUp(); up {
		return true
	}
	return s.heldBy(ByKillswitch)
}

// Claim finishes what is left of ending the leases, and takes over the rest of
// a killswitch whose process has ended: what the plan returned says is for the
// caller to do, who calls Settle then. While that process still runs the error
// is an [ErrUnfinished].
func (s *Store) Claim(ctx context.Context) (Plan, error) {
	var plan Plan
	err := s.update(ctx, func(t *tx) error {
		holds, err := s.Holds()
		if err != nil {
			return err
		}
		for _, h := range holds {
			if h.By != ByKillswitch {
				continue
			}
			if h.Owner != "" && h.Owner != s.owner() && s.opts.Alive != nil && s.opts.Alive(h.Owner) {
				return fmt.Errorf("%w: another process is about it", ErrUnfinished)
			}
			plan = Plan{By: ByPerson, Rotate: h.Rotate, Wipe: h.Wipe}
			h.Owner = s.owner()
			return t.hold(h)
		}
		return nil
	})
	return plan, err
}

// Settle writes to the log what came of a killswitch's steps. Once they have
// all been tried as they should, finished, grants are no longer refused for its
// sake.
func (s *Store) Settle(ctx context.Context, steps []StepOutcome, finished bool) error {
	return s.update(ctx, func(t *tx) error {
		events := make([]audit.Event, len(steps))
		for i, step := range steps {
			events[i] = audit.Event{Event: audit.KillswitchStep, OK: step.Code == "", ClientID: s.opts.ClientID, Reason: step.Name, Code: step.Code}
		}
		if err := t.note(events...); err != nil {
			return err
		}
		if !finished {
			return nil
		}
		return t.dropKillswitchHold()
	})
}

// StepOutcome is what came of a step of a killswitch.
type StepOutcome struct {
	Name string
	Code string // of its error; empty if it was done
}

func (t *tx) dropKillswitchHold() error {
	if !t.store.heldBy(ByKillswitch) {
		return nil
	}
	return t.release(func(h Hold) bool { return h.By == ByKillswitch })
}

// Wipe destroys the identity, and with it every value, and then the store. It
// goes on without the lock and without a log: what cannot be read any more
// needs neither.
func (s *Store) Wipe(ctx context.Context) error {
	held, locked := s.lock(ctx)
	err := s.destroy()
	if locked != nil {
		return errors.Join(err, locked)
	}
	t := &tx{store: s, held: held, now: s.now()}
	if err == nil {
		err = t.openLog()
	}
	if err == nil {
		err = t.note(audit.Event{Event: audit.KillswitchWipe, OK: true, ClientID: s.opts.ClientID})
	}
	return errors.Join(err, held.Unlock(), t.close())
}

func (s *Store) destroy() error {
	var errs []error
	for _, name := range []string{identityFile, storeFile, backupFile} {
		for _, file := range []string{name, name + ".tmp"} {
			errs = append(errs, s.dir.Destroy(file))
		}
	}
	return errors.Join(append(errs, s.dir.Sync())...)
}

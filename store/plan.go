package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"agent-secrets/audit"
)

// Plan is what a killswitch is to do besides ending every lease.
type Plan struct {
	By     string // ByPerson or ByHeartbeat
	Freeze bool   // refuse every grant until it is lifted
	Rotate bool   // run every rotation hook
	Wipe   bool   // destroy the store and its identity
}

// and is both plans together: who finishes a killswitch does what either of
// them wanted done.
func (p Plan) and(other Plan) Plan {
	return Plan{By: p.By, Freeze: p.Freeze || other.Freeze, Rotate: p.Rotate || other.Rotate, Wipe: p.Wipe || other.Wipe}
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
	plan := Plan{By: ByPerson}
	err := s.update(ctx, func(t *tx) error {
		holds, err := s.Holds()
		if err != nil {
			return err
		}
		for _, h := range holds {
			if h.By == ByKillswitch && s.another(h.Owner) {
				return errElsewhere
			}
		}
		plan, err = t.takeOver(plan)
		return err
	})
	return plan, err
}

// errElsewhere: the process that set off a killswitch is about to finish it.
var errElsewhere = fmt.Errorf("%w: another process is about it", ErrUnfinished)

// another reports whether owner is another process, which still runs.
func (s *Store) another(owner string) bool {
	return owner != "" && owner != s.owner() && s.opts.Alive != nil && s.opts.Alive(owner)
}

// takeOver makes the holds of killswitches whose processes have ended ours, in
// one write, and returns plan with what they had still to do.
func (t *tx) takeOver(plan Plan) (Plan, error) {
	holds, err := t.store.Holds()
	if err != nil {
		return plan, err
	}
	var kept []Hold
	for _, h := range holds {
		if h.By == ByKillswitch && !t.store.another(h.Owner) {
			plan = plan.and(Plan{Rotate: h.Rotate, Wipe: h.Wipe})
		} else {
			kept = append(kept, h)
		}
	}
	if len(kept) == len(holds) {
		return plan, nil
	}
	ours := t.store.rest(Plan{Rotate: plan.Rotate, Wipe: plan.Wipe}, t.store.owner())
	return plan, t.writeHolds(append(kept, ours...))
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
		return t.dropOwnHold()
	})
}

// StepOutcome is what came of a step of a killswitch.
type StepOutcome struct {
	Name string
	Code string // of its error; empty if it was done
}

// dropOwnHold lets go of what this process, or one that has ended, held for a
// killswitch. What another is about stays.
func (t *tx) dropOwnHold() error {
	if !t.store.heldBy(ByKillswitch) {
		return nil
	}
	return t.release(func(h Hold) bool { return h.By == ByKillswitch && !t.store.another(h.Owner) })
}

// Wipe destroys the identity, and with it every value, and then the store. It
// goes on without the lock and without a log: what cannot be read any more
// needs neither. logged is the error of writing it down.
func (s *Store) Wipe(ctx context.Context) (destroyed, logged error) {
	held, err := s.lock(ctx)
	destroyed = s.destroy()
	if err != nil || destroyed != nil {
		if err == nil {
			err = held.Unlock()
		}
		return destroyed, err
	}
	t := &tx{store: s, held: held, now: s.now()}
	if err = t.openLog(); err == nil {
		err = t.noteWipe()
	}
	return nil, errors.Join(err, held.Unlock(), t.close())
}

func (t *tx) noteWipe() error {
	return t.note(audit.Event{Event: audit.KillswitchWipe, OK: true, ClientID: t.store.opts.ClientID})
}

// wipePending reports whether a killswitch is still to wipe the store, as far as
// can be seen without the lock.
func (s *Store) wipePending() bool {
	if m, up, err := s.marker(); err == nil && up && m.Wipe {
		return true
	}
	holds, _ := s.Holds()
	return slices.ContainsFunc(holds, func(h Hold) bool { return h.By == ByKillswitch && h.Wipe })
}

func (s *Store) destroy() error {
	var errs []error
	for _, name := range []string{identityFile, storeFile, backupFile, reserveFile} {
		for _, file := range []string{name, name + ".tmp"} {
			errs = append(errs, s.dir.Destroy(file))
		}
	}
	return errors.Join(append(errs, s.dir.Sync())...)
}

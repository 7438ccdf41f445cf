package rotate

import (
	"context"
	"errors"
	"io"
	"time"

	"agent-secrets/store"
)

// Runner rotates secrets, one after the other.
type Runner struct {
	Hook    func(context.Context, Hook) (Output, error) // runs one: [Hook.Run]
	Environ []string                                    // of the caller, see [Hook]
	Timeout time.Duration                               // of one hook
	Wait    time.Duration                               // for rotations that others have under way
	// Stderr gets the last lines that a hook which failed wrote to its
	// standard error, without the values that are known.
	Stderr io.Writer
	// Code is the code of an error, for the log.
	Code func(error) string
	// Begin and End, unless they are nil, are told how it goes.
	Begin func(name string)
	End   func(Outcome)
}

// Outcome is what became of one secret.
type Outcome struct {
	store.Rotated
	Name string
	Err  error // nil: it was rotated
}

// Run rotates the secrets that choose names. While it does, no other rotation
// runs, and choose is called once none does: what was due before the wait may
// have been rotated meanwhile. The error is that of the lock or of choose; what
// happened to each secret is in its outcome. After a ^C the rest is left alone,
// and has no outcome.
func (r Runner) Run(ctx context.Context, s *store.Store, choose func() ([]string, error)) ([]Outcome, error) {
	release, err := s.RotationLock(r.Wait)
	if err != nil {
		return nil, err
	}
	names, err := choose()
	if err != nil {
		return nil, errors.Join(err, release())
	}
	var outcomes []Outcome
	for _, name := range names {
		if r.Begin != nil {
			r.Begin(name)
		}
		outcome, interrupted := r.one(ctx, s, name)
		if r.End != nil {
			r.End(outcome)
		}
		outcomes = append(outcomes, outcome)
		if interrupted {
			break
		}
	}
	return outcomes, release()
}

func (r Runner) one(ctx context.Context, s *store.Store, name string) (o Outcome, interrupted bool) {
	o.Name = name
	rotation, err := s.BeginRotation(ctx, name)
	if err != nil {
		o.Err = err
		return o, false
	}
	hook := Hook{Command: rotation.Hook, Name: name, Value: rotation.Value.Reveal(), Environ: r.Environ, Timeout: r.Timeout}
	out, err := r.Hook(ctx, hook)
	if err != nil {
		r.show(name, out, rotation.Known)
		o.Err = errors.Join(err, s.RotationFailed(ctx, name, r.Code(err)))
		return o, out.Interrupted
	}
	o.Rotated, o.Err = s.FinishRotation(ctx, rotation, store.NewValue(out.Value))
	if o.Err != nil && !errors.Is(o.Err, store.ErrRotationConflict) { // that is in the log
		o.Err = errors.Join(o.Err, s.RotationFailed(ctx, name, r.Code(o.Err)))
	}
	return o, false
}

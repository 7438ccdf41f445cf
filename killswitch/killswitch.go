// Package killswitch cuts everything off at once, as a plan of steps each of
// which is tried whatever became of the others and reports what really came of
// it. The first step, a marker file, needs neither a lock nor room on the disk;
// from then on no lease is in force and none is granted until the plan has been
// finished, by this process or by the next one that writes.
//
// The package also asks the heartbeat's endpoint, and decides when its silence
// sets the killswitch off.
package killswitch

import (
	"context"
	"errors"
	"time"

	"agent-secrets/lease"
	"agent-secrets/store"
)

// The steps of the plan.
const (
	RefuseGrants   = "refuse_grants" // raise the marker
	EndLeases      = "end_leases"
	WriteAudit     = "write_audit"
	Freeze         = "freeze"
	LowerMarker    = "lower_marker"
	RemoveEnvFiles = "remove_env_files"
	Rotate         = "rotate"
	Wipe           = "wipe"
)

// Step is one step of the plan and its outcome.
type Step struct {
	Name string
	Err  error // nil: it was done
}

// Report is the outcome of the plan.
type Report struct {
	Steps []Step
	// Plan is what was carried out: what was asked for, and what killswitches
	// that were interrupted had left to do.
	Plan store.Plan
	// Leases that were in force, as far as the ledger could be read.
	Leases []*lease.Lease
}

// Failed returns the steps that were not done.
func (r Report) Failed() []Step {
	var failed []Step
	for _, step := range r.Steps {
		if step.Err != nil {
			failed = append(failed, step)
		}
	}
	return failed
}

// Err returns what became of a step, nil if it was done or was not to be.
func (r Report) Err(name string) error {
	for _, step := range r.Steps {
		if step.Name == name {
			return step.Err
		}
	}
	return nil
}

// Tools are what the plan is carried out with.
type Tools struct {
	// Wake continues what is suspended, so that it sees that its lease ended.
	Wake func([]*lease.Lease)
	// RemoveEnvFiles removes the env files on which no lease is in force. logged
	// is the error of writing it down.
	RemoveEnvFiles func() (removed, logged error)
	// RotateAll runs every rotation hook.
	RotateAll func() error
	// Code is the code of an error, for the log.
	Code func(error) string
}

// Run carries out a plan.
func Run(ctx context.Context, s *store.Store, plan store.Plan, tools Tools) Report {
	begun := s.Now()
	raised, frozen := s.RaiseMarker(plan)
	killed := wakeAll(s, tools, begun)
	kill, locked := s.RevokeAll(ctx, plan)
	if locked != nil {
		kill = store.Kill{Plan: plan, Leases: killed, Ledger: locked, Audit: locked, Frozen: frozen, Marker: locked}
	}
	if raised != nil && kill.Ledger != nil && s.RaiseLedger() == nil {
		raised = nil
	}
	r := Report{Plan: kill.Plan, Leases: kill.Leases}
	r.add(RefuseGrants, raised)
	r.add(EndLeases, kill.Ledger)
	r.add(WriteAudit, kill.Audit)
	if kill.Plan.Freeze {
		r.add(Freeze, kill.Frozen)
	}
	r.add(LowerMarker, kill.Marker)
	r.rest(ctx, s, tools, locked)
	return r
}

// Finish carries out what an interrupted killswitch has left to do. While the
// process that is about it still runs, the error is a [store.ErrUnfinished].
func Finish(ctx context.Context, s *store.Store, tools Tools) (Report, error) {
	plan, err := s.Claim(ctx)
	if err != nil {
		return Report{}, err
	}
	r := Report{Plan: plan}
	r.rest(ctx, s, tools, nil)
	return r, nil
}

func (r *Report) add(name string, err error) {
	r.Steps = append(r.Steps, Step{name, err})
}

// rest is what comes after the leases have ended. locked is the error of a lock
// that could not be had: then nobody waits for it again, and only what needs
// none is done.
func (r *Report) rest(ctx context.Context, s *store.Store, tools Tools, locked error) {
	removed, logged := tools.RemoveEnvFiles()
	r.add(RemoveEnvFiles, removed)
	if r.Plan.Rotate {
		err := locked
		if err == nil {
			err = tools.RotateAll()
		}
		r.add(Rotate, err)
	}
	if r.Plan.Wipe {
		destroyed, unlogged := s.Wipe(ctx)
		r.add(Wipe, destroyed)
		logged = errors.Join(logged, unlogged)
	}
	if locked == nil {
		logged = errors.Join(logged, s.Settle(ctx, r.outcomes(tools), r.Err(Wipe) == nil))
	}
	if logged != nil {
		r.unwritten(logged)
	}
}

func (r *Report) outcomes(tools Tools) []store.StepOutcome {
	outcomes := make([]store.StepOutcome, len(r.Steps))
	for i, step := range r.Steps {
		outcomes[i].Name = step.Name
		if step.Err != nil {
			outcomes[i].Code = tools.Code(step.Err)
		}
	}
	return outcomes
}

// unwritten makes the log's step a failed one. Its first error says most.
func (r *Report) unwritten(err error) {
	for i, step := range r.Steps {
		if step.Name == WriteAudit {
			if step.Err == nil {
				r.Steps[i].Err = err
			}
			return
		}
	}
	r.add(WriteAudit, err)
}

// wakeAll looks for what is suspended before anybody waits for the lock, and
// returns the leases that the marker, which was raised since begun, has ended.
// What it cannot find is left to find out by itself.
func wakeAll(s *store.Store, tools Tools, begun time.Time) []*lease.Lease {
	leases, err := s.Leases()
	if err != nil {
		return nil
	}
	var killed []*lease.Lease
	for _, l := range leases.All {
		if l.EndReason == lease.Killswitch && leases.Now.Before(l.ExpiresAt) && !l.EndedAt.Before(begun) {
			killed = append(killed, l)
		}
	}
	tools.Wake(killed)
	return killed
}

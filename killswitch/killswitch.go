// Package killswitch cuts everything off at once, as a plan of steps each of
// which is tried whatever became of the others and reports what really came of
// it. The first step, a marker file, needs neither a lock nor room on the disk;
// from then on no lease is in force and none is granted until the plan has been
// finished, by this process or by the next one that writes.
package killswitch

import (
	"context"

	"agent-secrets/lease"
	"agent-secrets/store"
)

// Step is one step of the plan and its outcome.
type Step struct {
	Name string
	Err  error // nil: it was done
}

// Report is the outcome of the plan.
type Report struct {
	Steps []Step
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

// Run revokes every lease. wipe removes the env files on which none is left.
func Run(ctx context.Context, s *store.Store, wipe func() error) Report {
	raised := s.RaiseMarker()
	kill, err := s.RevokeAll(ctx)
	if err != nil {
		kill.Ledger, kill.Audit, kill.Marker = err, err, err
	}
	if raised != nil && kill.Ledger != nil && s.RaiseLedger() == nil {
		raised = nil
	}
	return Report{
		Leases: kill.Leases,
		Steps: []Step{
			{"refuse_grants", raised},
			{"end_leases", kill.Ledger},
			{"write_audit", kill.Audit},
			{"allow_grants", kill.Marker},
			{"remove_env_files", wipe()},
		},
	}
}

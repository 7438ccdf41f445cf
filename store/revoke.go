package store

import (
	"context"
	"fmt"

	"agent-secrets/audit"
	"agent-secrets/lease"
)

// Selector says which leases are meant. The empty selector means none.
type Selector struct {
	IDs      []string // ids or unique prefixes of ids
	Secret   string
	ClientID string
}

// Ended is what a revocation did.
type Ended struct {
	Leases  []*lease.Lease // that it ended
	Already []*lease.Lease // named by id, that had ended before
}

// Revoke ends the leases that are meant, or none if an id is not known. It
// needs neither the identity nor the store.
func (s *Store) Revoke(ctx context.Context, meant Selector) (Ended, error) {
	return s.end(ctx, meant, lease.Revoked)
}

// Undelivered ends a lease whose value could not be handed over.
func (s *Store) Undelivered(ctx context.Context, ids ...string) error {
	_, err := s.end(ctx, Selector{IDs: ids}, lease.Undelivered)
	return err
}

func (s *Store) end(ctx context.Context, meant Selector, reason string) (Ended, error) {
	var ended Ended
	err := s.update(ctx, func(t *tx) error {
		var err error
		if ended, err = t.endAll(meant, reason); err != nil {
			return err
		}
		return t.prune()
	})
	return ended, err
}

func (t *tx) endAll(meant Selector, reason string) (Ended, error) {
	state, err := t.state()
	if err != nil {
		return Ended{}, err
	}
	ended, err := t.choose(state, meant)
	if err != nil {
		return Ended{}, err
	}
	return ended, t.enforce(t.endEvents(ended.Leases, reason)...)
}

func (t *tx) choose(state *lease.State, meant Selector) (Ended, error) {
	var ended Ended
	chosen := map[*lease.Lease]bool{}
	for _, id := range meant.IDs {
		l, err := state.Find(id)
		if err != nil {
			return Ended{}, err
		}
		if !l.Active(t.now) {
			ended.Already = append(ended.Already, l)
		}
		chosen[l] = true
	}
	files := map[string]bool{}
	for _, l := range state.Active(t.now) {
		chosen[l] = chosen[l] || l.Secret == meant.Secret || l.ClientID == meant.ClientID
		if chosen[l] && l.Path != "" {
			files[l.Path] = true
		}
	}
	// An env file goes as a whole, and so do the leases in it.
	for _, l := range state.Active(t.now) {
		if chosen[l] || files[l.Path] {
			ended.Leases = append(ended.Leases, l)
		}
	}
	return ended, nil
}

func (t *tx) endEvents(leases []*lease.Lease, reason string) []audit.Event {
	events := make([]audit.Event, len(leases))
	for i, l := range leases {
		events[i] = audit.Event{
			Event: endEvent(reason), OK: reason != lease.Undelivered, Secret: l.Secret, LeaseID: l.ID,
			ClientID: l.ClientID, Via: l.Via, Path: l.Path, Reason: reason,
		}
		if reason == lease.Expired {
			events[i].At = l.ExpiresAt
		}
	}
	return events
}

// orphans are the leases in force whose process was killed.
func (s *Store) orphans(state *lease.State) []*lease.Lease {
	var orphans []*lease.Lease
	for _, l := range state.Active(s.now()) {
		if l.Owner != "" && s.opts.Alive != nil && !s.opts.Alive(l.Owner) {
			orphans = append(orphans, l)
		}
	}
	return orphans
}

// prune writes down which leases have expired or lost their process, and compacts a ledger that is
// mostly of the past.
func (t *tx) prune() error {
	state, err := t.state()
	if err != nil {
		return err
	}
	var expired []*lease.Lease
	for _, l := range state.Leases {
		if l.EndedAt.IsZero() && !l.Active(t.now) {
			expired = append(expired, l)
		}
	}
	orphans := t.store.orphans(state)
	events := append(t.endEvents(expired, lease.Expired), t.endEvents(orphans, lease.OwnerDead)...)
	if err := t.announceDurably(events...); err != nil {
		return err
	}
	if t.ledgers.Size() < compactAt {
		return nil
	}
	return t.compactFrom()
}

func (t *tx) compactFrom() error {
	state, err := t.state()
	if err != nil {
		return err
	}
	data, err := lease.Compact(state, t.now)
	if err != nil {
		return err
	}
	if int64(len(data)) >= t.ledgers.Size()/2 {
		return nil
	}
	// The log must be durable before the lines that repeat it are dropped.
	if err := auditFailure(t.log.Sync()); err != nil {
		return err
	}
	if err := t.store.dir.Replace(t.held, ledgerFile, data); err != nil {
		return fmt.Errorf("%w: %w", ErrLedgerFailed, err)
	}
	return nil
}

// Prune writes down which leases have expired or lost their process, and
// returns how many.
func (s *Store) Prune(ctx context.Context) (ended int, err error) {
	err = s.update(ctx, func(t *tx) error {
		before := t.ledger.Seq()
		err := t.prune()
		ended = int(t.ledger.Seq() - before)
		return err
	})
	return ended, err
}

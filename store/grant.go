package store

import (
	"context"
	"fmt"
	"math/bits"
	"time"

	"agent-secrets/audit"
	"agent-secrets/lease"
)

// Request asks for one secret.
type Request struct {
	Secret   string
	ClientID string
	Via      string        // one of the Via constants of package lease
	TTL      time.Duration // 0: the default of the settings
	Path     string        // of the env file that the value will be written to
	Owner    string        // process that the lease is bound to
}

// Grant is one secret, leased.
type Grant struct {
	LeaseID   string
	Secret    string
	ClientID  string
	ExpiresAt time.Time
	TTL       time.Duration
	Value     Value
	Previous  Value // the value before; there may be none
}

// Grant leases every secret that is asked for, or none. When it returns without
// an error, the audit log has the leases on disk, and only then are there
// values: they are the reward for having been written down.
//
// approve, unless it is nil, sees the grants before anything is written down,
// and an error of its refuses them all.
func (s *Store) Grant(ctx context.Context, requests []Request, approve func([]Grant) error) ([]Grant, error) {
	if err := s.checkRequests(requests); err != nil {
		return nil, err
	}
	snap, err := s.load()
	if err != nil {
		return nil, err
	}
	// What is not there is refused before the lock is asked for.
	if _, err := snap.records(requests); err != nil {
		return nil, err
	}
	var grants []Grant
	err = s.update(ctx, func(t *tx) error {
		if err := s.refuseFrozen(); err != nil {
			return err
		}
		if snap, err = t.current(snap); err != nil {
			return err
		}
		if grants, err = t.prepare(snap, requests); err != nil {
			return err
		}
		if approve != nil {
			if err := approve(grants); err != nil {
				return err
			}
		}
		t.syncLate = true
		return t.grant(grants, requests)
	})
	if err != nil {
		return nil, err
	}
	// A killswitch that could not have the lock could not see these leases.
	up, err := s.markerUp()
	if up {
		err = fmt.Errorf("%w: a killswitch was set off", ErrFrozen)
	}
	if err != nil {
		return nil, err
	}
	return grants, nil
}

// CheckGrant says whether Grant would refuse the requests, and grants nothing.
func (s *Store) CheckGrant(requests []Request) error {
	if err := s.checkRequests(requests); err != nil {
		return err
	}
	snap, err := s.load()
	if err != nil {
		return err
	}
	_, err = snap.records(requests)
	return err
}

func (s *Store) checkRequests(requests []Request) error {
	for i := range requests {
		r := &requests[i]
		if !lease.ValidName(r.Secret) {
			return fmt.Errorf("%w: %q", ErrInvalidName, r.Secret)
		}
		if !lease.ValidClientID(r.ClientID) {
			return fmt.Errorf("%w: %q", ErrInvalidClientID, r.ClientID)
		}
		if r.TTL < 0 {
			return fmt.Errorf("%w: %s", lease.ErrInvalidDuration, r.TTL)
		}
		if r.TTL == 0 {
			r.TTL = s.config.DefaultLeaseTTL.Duration()
		}
		if limit := s.config.MaxLeaseTTL.Duration(); r.TTL > limit {
			return fmt.Errorf("%w: %s is more than %s", ErrTTLExceedsMax, lease.FormatDuration(r.TTL), lease.FormatDuration(limit))
		}
	}
	return nil
}

func (p *snapshot) records(requests []Request) ([]record, error) {
	records := make([]record, len(requests))
	for i, r := range requests {
		found, err := p.find(r.Secret)
		if err != nil {
			return nil, err
		}
		records[i] = found
	}
	return records, nil
}

func (t *tx) prepare(snap *snapshot, requests []Request) ([]Grant, error) {
	records, err := snap.records(requests)
	if err != nil {
		return nil, err
	}
	grants := make([]Grant, len(requests))
	for i, r := range requests {
		id, err := lease.NewID(t.now, t.store.opts.Rand)
		if err != nil {
			return nil, err
		}
		grants[i] = Grant{
			LeaseID: id, Secret: r.Secret, ClientID: r.ClientID, ExpiresAt: t.now.Add(r.TTL), TTL: r.TTL,
			Value: NewValue(records[i].Value), Previous: NewValue(records[i].Previous),
		}
	}
	return grants, nil
}

func (t *tx) grant(grants []Grant, requests []Request) error {
	events := make([]audit.Event, len(grants))
	for i, g := range grants {
		events[i] = audit.Event{
			Event: audit.LeaseGrant, OK: true, Secret: g.Secret, LeaseID: g.LeaseID, ClientID: g.ClientID,
			Via: requests[i].Via, Path: requests[i].Path, Owner: requests[i].Owner, ExpiresAt: g.ExpiresAt,
		}
	}
	before := t.ledgers.Size()
	if err := t.announce(events...); err != nil {
		return err
	}
	if grown(before, t.ledgers.Size()) {
		// The leases are granted whatever becomes of this: the next command
		// that prunes tries again.
		_ = t.prune()
	}
	return nil
}

// compactAt is the size, in bytes, below which a ledger is left alone.
const compactAt = 64 << 10

// grown reports whether the ledger has passed another power of two: looking
// into it at these sizes alone costs each grant the same, however many leases
// there are.
func grown(before, after int64) bool {
	return after >= compactAt && bits.Len64(uint64(before)) != bits.Len64(uint64(after))
}

// current returns the store as it is under the lock, reading it again only if
// it was replaced since snap was read, and notes a write that a crash prevented.
func (t *tx) current(snap *snapshot) (*snapshot, error) {
	info, err := t.store.dir.Lstat(storeFile)
	if err != nil {
		return nil, missing(err, ErrCorrupt)
	}
	if !info.SameFile(snap.info) || info.Size != snap.info.Size || !info.ModTime.Equal(snap.info.ModTime) {
		if snap, err = readStore(t.store.dir, snap.identity); err != nil {
			return nil, err
		}
	}
	return snap, t.noteGeneration(snap.Generation)
}

// noteGeneration compares the store with what the log announced.
func (t *tx) noteGeneration(generation uint64) error {
	announced := t.log.Head().Generation
	switch {
	case generation == announced:
		return nil
	case announced == 0:
		return fmt.Errorf("%s: %w: the log says that it was wiped", t.store.opts.Path, ErrIncomplete)
	case generation > announced:
		return fmt.Errorf("%s: %w: it ends at generation %d of the store, which is at %d: lines are missing", t.logFile.Path(), audit.ErrCorrupt, announced, generation)
	}
	return t.note(audit.Event{
		Event: audit.StoreRepair, OK: true, Generation: generation,
		Reason: fmt.Sprintf("generation %d was announced, the store is at %d", announced, generation),
	})
}

// Denial is a grant that was refused.
type Denial struct {
	Secret   string
	ClientID string
	Via      string
	Code     string // error code
}

// Deny writes denials to the log.
func (s *Store) Deny(ctx context.Context, denials ...Denial) error {
	return s.update(ctx, func(t *tx) error {
		events := make([]audit.Event, len(denials))
		for i, d := range denials {
			events[i] = audit.Event{Event: audit.LeaseDenied, Secret: d.Secret, ClientID: d.ClientID, Via: d.Via, Code: d.Code}
		}
		return t.note(events...)
	})
}

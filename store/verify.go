package store

import (
	"errors"
	"fmt"
	"time"

	"agent-secrets/audit"
	"agent-secrets/lease"
)

// Verified is what a verification found to be in order.
type Verified struct {
	audit.Report
	Grants int      // in the log
	Notes  []string // what the next command that writes will put in order
}

// Verify checks the whole chain of the log, and the ledger and the store
// against it. The error names the first thing that does not fit. It takes no
// lock: the log is opened first, so that what others write meanwhile is newer
// than it, and is not held against it.
func (s *Store) Verify() (Verified, error) {
	log, err := s.openLog()
	if err != nil {
		return Verified{}, err
	}
	defer log.Close()
	state, err := s.readState()
	if err != nil && !errors.Is(err, audit.ErrCorrupt) {
		return Verified{}, err
	}
	check := newCrossCheck(state, s.now())
	var v Verified
	v.Report, err = audit.Verify(log, check.event)
	v.Grants = check.grants
	if err != nil {
		return v, err
	}
	if err := check.finish(v.Head); err != nil {
		return v, inFile(s.dir.Path(ledgerFile), err)
	}
	// The store before the end of the log: a generation is announced there first.
	snap, unread := s.load()
	newest, err := s.newestHead()
	if err != nil {
		return v, err
	}
	if state != nil && state.Seq > newest.LedgerSeq {
		v.Notes = append(v.Notes, "the ledger is ahead of the log: a crash took the end of the log, or somebody did")
	}
	if v.Torn > 0 {
		v.Notes = append(v.Notes, fmt.Sprintf("%d torn bytes at the end of the log", v.Torn))
	}
	switch {
	case errors.Is(unread, ErrWiped):
		return v, nil
	case errors.Is(unread, ErrIdentityMissing):
		v.Notes = append(v.Notes, "the store was not compared: there is no identity")
		return v, nil
	case unread != nil:
		return v, unread
	}
	return v, s.verifyGeneration(&v, snap, newest.Generation)
}

// verifyGeneration compares the store with the generations in the log. newest is
// the one that was announced by the time the store had been read: somebody may
// have written since the log was opened.
func (s *Store) verifyGeneration(v *Verified, snap *snapshot, newest uint64) error {
	announced := v.Head.Generation
	switch {
	case announced <= snap.Generation && snap.Generation <= newest:
		return nil
	case snap.Generation+1 == announced:
		v.Notes = append(v.Notes, fmt.Sprintf("generation %d of the store was announced and not written", announced))
		return nil
	case snap.Generation > announced:
		return fmt.Errorf("%s: %w: it ends at generation %d of the store, which is at %d: lines are missing", s.dir.Path(auditFile), audit.ErrCorrupt, announced, snap.Generation)
	default:
		return fmt.Errorf("%s: %w: it is at generation %d, the log says %d", s.dir.Path(storeFile), ErrCorrupt, snap.Generation, announced)
	}
}

// newestHead is the end of the log as it is now.
func (s *Store) newestHead() (audit.Head, error) {
	log, err := s.openLog()
	if err != nil {
		return audit.Head{}, err
	}
	defer log.Close()
	return audit.ReadHead(log)
}

// crossCheck holds the ledger against the events of the log as they go by.
type crossCheck struct {
	now    time.Time
	seq    uint64 // of the newest audit line that the ledger stands for
	ledger map[string]*lease.Lease
	seen   map[string]bool // leases of the ledger that the log granted
	open   map[string]bool // leases that are in force by the log
	grants int
}

func newCrossCheck(state *lease.State, now time.Time) *crossCheck {
	c := &crossCheck{now: now, ledger: map[string]*lease.Lease{}, seen: map[string]bool{}, open: map[string]bool{}}
	if state != nil {
		c.seq = state.Seq
		for _, l := range state.Leases {
			c.ledger[l.ID] = l
		}
	}
	return c
}

func (c *crossCheck) event(e audit.Event) error {
	switch {
	case e.Event == audit.LeaseGrant:
		c.grants++
		return c.grant(e)
	case e.Event == audit.KillswitchRevoke:
		clear(c.open)
	case e.ForLedger():
		delete(c.open, e.LeaseID)
	}
	if e.Event == audit.LeaseUndelivered {
		c.seen[e.LeaseID] = true // it may be all that the log has of the lease
	}
	return nil
}

func (c *crossCheck) grant(e audit.Event) error {
	if c.now.Before(e.ExpiresAt) {
		c.open[e.LeaseID] = true
	}
	l := c.ledger[e.LeaseID]
	if l == nil {
		return nil
	}
	c.seen[e.LeaseID] = true
	if l.Secret != e.Secret || l.ClientID != e.ClientID || l.Via != e.Via || !l.ExpiresAt.Equal(e.ExpiresAt) || !l.GrantedAt.Equal(e.When()) {
		return fmt.Errorf("lease %s is not what the ledger says it is", e.LeaseID)
	}
	return nil
}

// finish compares what is left. Lines of the ledger that are newer than the log
// are of a crash, and the next writer deals with them.
func (c *crossCheck) finish(head audit.Head) error {
	for id, l := range c.ledger {
		if l.Seq > head.LedgerSeq {
			continue
		}
		if !c.seen[id] {
			return fmt.Errorf("%w: lease %s has no line in the audit log", lease.ErrCorrupt, id)
		}
		if l.Active(c.now) && !c.open[id] {
			return fmt.Errorf("%w: lease %s is in force, and has ended in the audit log", lease.ErrCorrupt, id)
		}
	}
	for id := range c.open {
		// A ledger that is newer than the log may have dropped what ended since.
		if c.ledger[id] == nil && c.seq <= head.LedgerSeq {
			return fmt.Errorf("%w: lease %s of the audit log is missing", lease.ErrCorrupt, id)
		}
	}
	return nil
}

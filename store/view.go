package store

import (
	"time"

	"agent-secrets/audit"
	"agent-secrets/lease"
)

// Leases is every lease that the ledger knows.
type Leases struct {
	Now time.Time // when it was read
	All []*lease.Lease
}

// Active returns the leases in force.
func (l Leases) Active() []*lease.Lease {
	var active []*lease.Lease
	for _, one := range l.All {
		if one.Active(l.Now) {
			active = append(active, one)
		}
	}
	return active
}

// Leases reads the ledger without the lock.
func (s *Store) Leases() (Leases, error) {
	state, err := s.readState()
	if err != nil {
		return Leases{}, err
	}
	return Leases{Now: s.now(), All: state.Leases}, nil
}

// Events returns the newest count events that match, oldest first, and how many
// lines could not be read. A count of 0 means all.
func (s *Store) Events(count int, match func(audit.Event) bool) (events []audit.Event, unreadable int, err error) {
	log, err := s.openLog()
	if err != nil {
		return nil, 0, err
	}
	defer log.Close()
	return audit.Recent(log, count, match)
}

// Started is when the store was initialised.
func (s *Store) Started() (time.Time, error) {
	log, err := s.openLog()
	if err != nil {
		return time.Time{}, err
	}
	defer log.Close()
	first, err := audit.First(log)
	return first.Time, err
}

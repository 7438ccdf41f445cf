package lease

import (
	"fmt"
	"io"
	"time"

	"agent-secrets/internal/fsx"
)

// State is the ledger folded: every lease it still knows.
type State struct {
	Leases []*Lease // in the order in which they were granted
	Seq    uint64   // of the last line, which tells how far the ledger has come
	byID   map[string]*Lease
	seen   bool
}

// Fold reads a ledger of size bytes. Where a crash left the file without its
// end, the state is that of the part before and end is less than size; the
// audit log has the rest. Anything else that cannot be read is [ErrCorrupt]
// with the number of its line.
func Fold(r io.ReaderAt, size int64) (state *State, end int64, err error) {
	state = &State{byID: map[string]*Lease{}}
	number := 0
	for line, err := range fsx.Forward(r, 0, size, MaxLine) {
		if err != nil {
			return nil, 0, err
		}
		if !line.Terminated || line.Zeroed {
			break
		}
		number++
		op, err := Decode(line.Text)
		if err == nil {
			err = state.Apply(op)
		}
		if err != nil {
			return nil, 0, fmt.Errorf("%w: line %d: %v", ErrCorrupt, number, err)
		}
		end = line.End()
	}
	if !state.seen {
		return nil, 0, fmt.Errorf("%w: it holds no header", ErrCorrupt)
	}
	return state, end, nil
}

// Apply carries out one operation. Operations that are repeated change nothing,
// because a crash can repeat them.
func (s *State) Apply(op Op) error {
	if s.seen == (op.Op == KindHeader) {
		return fmt.Errorf("a header must stand first and only there")
	}
	s.seen, s.Seq = true, op.Seq
	switch op.Op {
	case KindGrant:
		return s.grant(op)
	case KindEnd:
		// A lease that is not known was dropped, ended, by a compaction.
		if l := s.byID[op.LeaseID]; l != nil {
			l.End(op.Time, op.Reason)
		}
	case KindRevokeAll:
		s.RevokeAll(op.Time)
	case KindWipe:
		for _, l := range s.Leases {
			l.Wiped = l.Wiped || l.Path == op.Path
		}
	}
	return nil
}

func (s *State) grant(op Op) error {
	l := &Lease{
		ID: op.LeaseID, Seq: op.Seq, Secret: op.Secret, ClientID: op.ClientID, Via: op.Via,
		Path: op.Path, Owner: op.Owner, GrantedAt: op.Time, ExpiresAt: op.ExpiresAt,
	}
	if old := s.byID[l.ID]; old == nil {
		s.byID[l.ID] = l
		s.Leases = append(s.Leases, l)
	} else if old.Secret != l.Secret || old.ClientID != l.ClientID || !old.ExpiresAt.Equal(l.ExpiresAt) {
		return fmt.Errorf("lease %s is granted twice, differently", l.ID)
	}
	return nil
}

// RevokeAll ends every lease at the given time.
func (s *State) RevokeAll(at time.Time) {
	for _, l := range s.Leases {
		l.End(at, Killswitch)
	}
}

// End ends the lease, unless it has ended already.
func (l *Lease) End(at time.Time, reason string) {
	if l.EndedAt.IsZero() {
		l.EndedAt, l.EndReason = at, reason
	}
}

// Active returns the leases in force at now.
func (s *State) Active(now time.Time) []*Lease {
	var active []*Lease
	for _, l := range s.Leases {
		if l.Active(now) {
			active = append(active, l)
		}
	}
	return active
}

// Find returns the lease whose id is, or alone begins with, prefix.
func (s *State) Find(prefix string) (*Lease, error) {
	var found *Lease
	for _, l := range s.Leases {
		if !hasPrefix(l.ID, prefix) || prefix == "" {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("%w: %s stands for %s, %s and maybe more", ErrAmbiguous, prefix, found.ID, l.ID)
		}
		found = l
	}
	if found == nil {
		return nil, fmt.Errorf("%w: %q", ErrNotFound, prefix)
	}
	return found, nil
}

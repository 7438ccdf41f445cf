package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"agent-secrets/audit"
	"agent-secrets/internal/fsx"
	"agent-secrets/lease"
)

// ErrLeaseEnded means that a lease which is in use has expired or was revoked.
var ErrLeaseEnded = errors.New("the lease has ended")

// Watch follows leases that are in use.
type Watch struct {
	store   *Store
	ids     []string
	expires time.Time // of the first to expire
	seen    fsx.Info  // of the ledger when it was last read
}

// Watch returns a watch over leases.
func (s *Store) Watch(grants []Grant) *Watch {
	w := &Watch{store: s}
	for i, g := range grants {
		w.ids = append(w.ids, g.LeaseID)
		if i == 0 || g.ExpiresAt.Before(w.expires) {
			w.expires = g.ExpiresAt
		}
	}
	return w
}

// Check returns an [ErrLeaseEnded] once a lease is no longer in force. It goes
// by the wall clock, because timers stop while a machine sleeps, and reads the
// ledger only if it has changed.
func (w *Watch) Check() error {
	if !w.store.now().Before(w.expires) {
		return fmt.Errorf("%w: it expired", ErrLeaseEnded)
	}
	if up, err := w.store.markerUp(); up || err != nil {
		return fmt.Errorf("%w: a killswitch was set off", ErrLeaseEnded)
	}
	info, err := w.store.dir.Lstat(ledgerFile)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: the ledger is gone", ErrLeaseEnded)
	}
	if err != nil || info == w.seen {
		return nil // a passing fault is not a revocation
	}
	ended, err := w.ended()
	if err != nil {
		return nil // as above; the next check reads it again
	}
	w.seen = info
	if ended {
		return fmt.Errorf("%w: it was revoked", ErrLeaseEnded)
	}
	return nil
}

func (w *Watch) ended() (bool, error) {
	state, err := w.store.readState()
	if err != nil {
		return false, err
	}
	active := 0
	for _, l := range state.Active(w.store.now()) {
		if slices.Contains(w.ids, l.ID) {
			active++
		}
	}
	return active < len(w.ids), nil
}

// Release ends leases because the process that they were for has ended.
func (s *Store) Release(ctx context.Context, ids ...string) error {
	_, err := s.end(ctx, Selector{IDs: ids}, lease.Released)
	return err
}

// NoteExec writes to the log that a child was started, or how it ended.
func (s *Store) NoteExec(ctx context.Context, started bool, clientID string, leases int, status int) error {
	return s.update(ctx, func(t *tx) error {
		e := audit.Event{Event: audit.ExecStart, OK: true, ClientID: clientID, Count: leases}
		if !started {
			e.Event, e.Status = audit.ExecExit, &status
		}
		return t.note(e)
	})
}

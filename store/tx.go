package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"
	"time"

	"agent-secrets/audit"
	"agent-secrets/internal/fsx"
	"agent-secrets/lease"
)

// tx is one change of the state, made while the lock is held. The clock is read
// once for all of it.
type tx struct {
	store   *Store
	held    *fsx.Held
	now     time.Time
	logFile *fsx.Journal
	log     *audit.Log // nil where the log cannot be written: only a killswitch goes on then
	ledgers *fsx.Journal
	ledger  *lease.Ledger
	// syncLate: the log is synced after the lock was given back, so that the
	// kernel can merge the syncs of processes that run at once.
	syncLate bool
}

// update runs f with the lock held, on state from which every trace of a crash
// has been cleared. When it returns nil, what f did is durable.
func (s *Store) update(ctx context.Context, f func(*tx) error) error {
	held, err := s.lock(ctx)
	if err != nil {
		return err
	}
	t := &tx{store: s, held: held, now: s.now()}
	err = t.open()
	if err == nil {
		err = t.recover()
	}
	if err == nil {
		err = f(t)
	}
	err = errors.Join(err, held.Unlock())
	if err == nil && t.syncLate {
		err = auditFailure(t.log.Sync())
	}
	return errors.Join(err, t.close())
}

// now is the time in UTC without the monotonic reading, as files keep it.
func (s *Store) now() time.Time { return s.opts.Now().UTC().Round(0) }

// Now is the time by the clock that the store goes by, in UTC.
func (s *Store) Now() time.Time { return s.now() }

func (t *tx) open() error {
	if err := t.openLog(); err != nil {
		return err
	}
	return t.openLedger()
}

func (t *tx) openLog() (err error) {
	if t.logFile, err = t.store.dir.AppendJournal(t.held, auditFile); err != nil {
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
			return auditFailure(err)
		}
		return missing(err, audit.ErrCorrupt)
	}
	log, err := audit.Open(t.logFile, t.now)
	if err == nil {
		t.log = log
	}
	return err
}

func (t *tx) openLedger() (err error) {
	if t.ledgers, err = t.store.dir.AppendJournal(t.held, ledgerFile); err != nil {
		return missing(err, lease.ErrCorrupt)
	}
	tail, err := lease.ReadTail(t.ledgers)
	if err != nil {
		return err
	}
	if err := t.mendLedger(tail); err != nil {
		return err
	}
	t.ledger = lease.OpenLedger(t.ledgers, tail)
	return nil
}

// close closes what was opened. Everything was synced before, so that an error
// here loses nothing and is not worth failing for.
func (t *tx) close() error {
	for _, j := range []*fsx.Journal{t.logFile, t.ledgers} {
		if j != nil {
			_ = j.Close()
		}
	}
	return nil
}

// announce appends events to the log first and then the ledger lines that they
// stand for: the order for a grant. Neither is durable before a sync. If the
// ledger does not take its lines, the log's are taken back.
func (t *tx) announce(events ...audit.Event) error {
	mark := t.log.Mark()
	if err := t.log.Append(t.now, events...); err != nil {
		return auditFailure(err)
	}
	if err := t.ledger.Append(opsFor(events)...); err != nil {
		return errors.Join(fmt.Errorf("%w: %w", ErrLedgerFailed, err), t.log.Rollback(mark))
	}
	return nil
}

// enforce makes ledger lines durable first and then the events they stand for:
// the order for a revocation, which must have effect even if it cannot be
// logged.
func (t *tx) enforce(events ...audit.Event) error {
	if len(events) == 0 {
		return nil
	}
	t.log.Number(t.now, events)
	if err := t.ledger.Append(opsFor(events)...); err != nil {
		return fmt.Errorf("%w: %w", ErrLedgerFailed, err)
	}
	if err := t.ledger.Sync(); err != nil {
		return fmt.Errorf("%w: %w", ErrLedgerFailed, err)
	}
	return t.note(events...)
}

// note makes events durable in the log alone, a few at a time, so that a hole
// which a power cut leaves is never far from the log's end. A killswitch goes
// on without a log that could not be opened.
func (t *tx) note(events ...audit.Event) error {
	if t.log == nil {
		return auditFailure(errors.New("it could not be opened"))
	}
	for some := range slices.Chunk(events, eventsPerSync) {
		if err := t.log.Append(t.now, some...); err != nil {
			return auditFailure(err)
		}
		if err := t.log.Sync(); err != nil {
			return auditFailure(err)
		}
	}
	return nil
}

const eventsPerSync = 32

func auditFailure(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrAuditFailed, err)
}

// opsFor returns the ledger lines of events. It is the one place that says what
// the ledger keeps of the log.
func opsFor(events []audit.Event) []lease.Op {
	var ops []lease.Op
	for _, e := range events {
		if !e.ForLedger() {
			continue
		}
		op := lease.Op{Seq: e.Seq, Time: e.When(), LeaseID: e.LeaseID}
		switch e.Event {
		case audit.LeaseGrant:
			op.Op, op.Secret, op.ClientID, op.Via = lease.KindGrant, e.Secret, e.ClientID, e.Via
			op.Path, op.Owner, op.ExpiresAt = e.Path, e.Owner, e.ExpiresAt
		case audit.EnvWipe:
			op.Op, op.Path = lease.KindWipe, e.Path
		case audit.KillswitchRevoke:
			op.Op = lease.KindRevokeAll
		default:
			op.Op, op.Reason = lease.KindEnd, e.Reason
		}
		ops = append(ops, op)
	}
	return ops
}

func inFile(path string, err error) error { return fmt.Errorf("%s: %w", path, err) }

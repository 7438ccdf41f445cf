package store

import (
	"fmt"

	"agent-secrets/audit"
	"agent-secrets/internal/fsx"
	"agent-secrets/lease"
)

// recover brings ledger and log together after a crash, and finishes a
// killswitch that was interrupted. After it the state is as if nothing had
// happened but what the log says.
func (t *tx) recover() error {
	if err := t.reconcile(); err != nil {
		return err
	}
	m, up, err := t.store.marker()
	if err != nil || !up {
		return err
	}
	if t.store.another(m.Owner) {
		return errElsewhere
	}
	if err := t.finishKillswitch(m); err != nil {
		return fmt.Errorf("%w: %w", ErrUnfinished, err)
	}
	return nil
}

// mendLedger cuts off what a crash tore. The log says what it was.
func (t *tx) mendLedger(tail lease.Tail) error {
	switch {
	case tail.End == t.ledgers.Size():
		return nil
	case tail.Adopt:
		if err := t.ledgers.Append([]byte{'\n'}); err != nil {
			return fmt.Errorf("%w: %w", ErrLedgerFailed, err)
		}
		return t.ledgers.Sync()
	}
	return t.cutLedger(tail.End)
}

func (t *tx) cutLedger(end int64) error {
	repair, err := audit.Describe(t.ledgers, ledgerFile, end)
	if err != nil {
		return err
	}
	if err := t.note(audit.Event{Event: audit.LogRepair, OK: true, Repair: &repair}); err != nil {
		return err
	}
	if err := t.ledgers.Truncate(end); err != nil {
		return fmt.Errorf("%w: %w", ErrLedgerFailed, err)
	}
	return nil
}

// reconcile compares how far ledger and log have come. It is a comparison of
// two numbers unless there was a crash.
func (t *tx) reconcile() error {
	ledger, log := t.ledger.Seq(), t.log.Head().LedgerSeq
	switch {
	case ledger < log:
		return t.replay(ledger)
	case ledger > log:
		return t.confirm(log)
	}
	return nil
}

// replay writes the ledger lines again that a crash took.
func (t *tx) replay(after uint64) error {
	events, err := audit.Since(t.logFile, after)
	if err != nil {
		return err
	}
	ops := opsFor(events)
	if err := t.ledger.Append(ops...); err != nil {
		return fmt.Errorf("%w: %w", ErrLedgerFailed, err)
	}
	if err := t.ledger.Sync(); err != nil {
		return fmt.Errorf("%w: %w", ErrLedgerFailed, err)
	}
	if t.ledger.Seq() != t.log.Head().LedgerSeq {
		return fmt.Errorf("%s: %w: it does not fit the audit log", t.ledgers.Path(), lease.ErrCorrupt)
	}
	return t.note(audit.Event{Event: audit.LedgerRepair, OK: true, Count: len(ops)})
}

// confirm writes to the log what only the ledger knows: revocations whose audit
// line a crash took, and grants whose audit line it took, which nobody received
// and which end here. The ledger takes the new lines first: once the log has
// them, nothing else tells that the ledger was ahead.
func (t *tx) confirm(after uint64) error {
	ops, err := lease.Since(t.ledgers, after)
	if err != nil {
		return err
	}
	events := make([]audit.Event, len(ops))
	for i, op := range ops {
		events[i] = eventFor(op)
	}
	return t.enforce(events...)
}

// announceDurably is announce, with both files synced in their order.
func (t *tx) announceDurably(events ...audit.Event) error {
	if len(events) == 0 {
		return nil
	}
	if err := t.note(events...); err != nil {
		return err
	}
	if err := t.ledger.Append(opsFor(events)...); err != nil {
		return fmt.Errorf("%w: %w", ErrLedgerFailed, err)
	}
	return nil
}

// eventFor returns the audit event of a ledger line that has none.
func eventFor(op lease.Op) audit.Event {
	e := audit.Event{OK: true, At: op.Time, LeaseID: op.LeaseID, Secret: op.Secret, ClientID: op.ClientID, Via: op.Via, Path: op.Path}
	switch {
	case op.Op == lease.KindRevokeAll:
		e.Event = audit.KillswitchRevoke
	case op.Op == lease.KindWipe:
		e.Event = audit.EnvWipe
	case op.Op == lease.KindGrant:
		e.Event, e.Reason = audit.LeaseUndelivered, lease.Undelivered
	default:
		e.Event, e.Reason = endEvent(op.Reason), op.Reason
	}
	return e
}

func endEvent(reason string) string {
	switch reason {
	case lease.Expired:
		return audit.LeaseExpired
	case lease.Undelivered:
		return audit.LeaseUndelivered
	case lease.Released:
		return audit.LeaseReleased
	}
	return audit.LeaseRevoked
}

// state folds the ledger. Where a crash left a hole in the middle of it, what
// follows the hole is written again from the log first.
func (t *tx) state() (*lease.State, error) {
	state, end, err := lease.Fold(t.ledgers, t.ledgers.Size())
	if err != nil {
		return nil, inFile(t.ledgers.Path(), err)
	}
	if end == t.ledgers.Size() {
		return state, nil
	}
	if err := t.cutLedger(end); err != nil {
		return nil, err
	}
	t.ledger = lease.OpenLedger(t.ledgers, lease.Tail{Seq: state.Seq, End: end})
	if err := t.replay(state.Seq); err != nil {
		return nil, err
	}
	state, _, err = lease.Fold(t.ledgers, t.ledgers.Size())
	return state, err
}

// readState is the ledger as a reader sees it, without the lock: what a crash
// took from it is read from the log, and nothing is in force while a killswitch
// is unfinished. One that was finished while the ledger was read may have been
// missed there, so that the ledger is read once more.
func (s *Store) readState() (*lease.State, error) {
	_, before, err := s.marker()
	if err != nil {
		return nil, err
	}
	state, err := s.foldState()
	if err != nil {
		return nil, err
	}
	m, up, err := s.marker()
	switch {
	case err != nil:
		return nil, err
	case up:
		state.RevokeAll(m.StartedAt)
	case before:
		return s.foldState()
	}
	return state, nil
}

func (s *Store) foldState() (*lease.State, error) {
	ledger, err := s.dir.OpenJournal(ledgerFile)
	if err != nil {
		return nil, missing(err, lease.ErrCorrupt)
	}
	defer ledger.Close()
	state, _, err := lease.Fold(ledger, ledger.Size())
	if err != nil {
		return nil, inFile(ledger.Path(), err)
	}
	if err := s.catchUp(state); err != nil && !s.lenient {
		return nil, err
	}
	for _, l := range s.orphans(state) {
		l.End(s.now(), lease.OwnerDead)
	}
	return state, nil
}

// catchUp adds what the log says beyond the ledger.
func (s *Store) catchUp(state *lease.State) error {
	log, err := s.openLog()
	if err != nil {
		return err
	}
	defer log.Close()
	head, err := audit.ReadHead(log)
	if err != nil || head.LedgerSeq <= state.Seq {
		return err
	}
	events, err := audit.Since(log, state.Seq)
	if err != nil {
		return err
	}
	for _, op := range opsFor(events) {
		if err := state.Apply(op); err != nil {
			return fmt.Errorf("%w: %v", lease.ErrCorrupt, err)
		}
	}
	return nil
}

func (s *Store) openLog() (*fsx.Journal, error) {
	log, err := s.dir.OpenJournal(auditFile)
	if err != nil {
		return nil, missing(err, audit.ErrCorrupt)
	}
	return log, nil
}

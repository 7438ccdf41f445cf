package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"agent-secrets/audit"
	"agent-secrets/lease"
)

// Kill is what came of ending every lease.
type Kill struct {
	// Plan is what is to be done besides: the caller's, and what killswitches
	// that were interrupted had left to do.
	Plan Plan
	// Leases that were in force, as far as the ledger could be read.
	Leases []*lease.Lease
	// What went wrong with each file, or nil.
	Ledger, Audit, Frozen, Marker error
}

// RevokeAll ends every lease and takes the marker down if nothing went wrong.
// It does what can be done: a ledger that cannot be used is set aside and begun
// anew, a log that cannot be written does not keep the ledger from being. What
// the plan says besides is the caller's to do: until Settle is called, grants
// stay refused for it. The error is that of the lock, without which it does
// nothing.
func (s *Store) RevokeAll(ctx context.Context, p Plan) (Kill, error) {
	held, err := s.lock(ctx)
	if err != nil {
		s.impatient = true
		return Kill{}, err
	}
	t := &tx{store: s, held: held, now: s.now()}
	kill := t.revokeAll(p)
	return kill, errors.Join(held.Unlock(), t.close())
}

func (t *tx) revokeAll(p Plan) Kill {
	kill := Kill{Plan: p}
	if m, up, err := t.store.marker(); err == nil && up {
		kill.Plan = p.and(m.plan())
		if !p.Freeze { // one that it finds stays whose it was
			kill.Plan.By = m.By
		}
	}
	kill.Audit = t.openLog()
	kill.Ledger = t.openLedger()
	if kill.Ledger == nil && kill.Audit == nil {
		kill.Ledger = t.reconcile()
	}
	if kill.Ledger == nil {
		kill.Leases, kill.Ledger = t.inForce()
	}
	if kill.Ledger != nil {
		kill.Ledger = t.beginLedgerAnew(kill.Audit == nil)
		if kill.Ledger == nil {
			kill.Leases, kill.Ledger = t.inForce()
		}
	}
	if kill.Ledger == nil {
		kill.Ledger, kill.Audit = t.writeRevokeAll(kill, p.By, t.store.opts.ClientID)
	}
	held := t.holdRest(&kill)
	if kill.Plan.Freeze {
		kill.Frozen = t.store.unlessFrozen(held)
	}
	kill.Marker = errors.Join(kill.Ledger, kill.Audit, held)
	if kill.Marker == nil {
		kill.Audit = t.noteConfig()
		kill.Marker = t.lowerMarker()
	} else if up, err := t.store.markerUp(); err == nil && !up {
		kill.Marker = nil // it could not be raised
	}
	return kill
}

// holdRest keeps grants refused for what is left to do, and takes over what
// others have left.
func (t *tx) holdRest(kill *Kill) error {
	var err error
	if kill.Plan, err = t.takeOver(kill.Plan); err != nil {
		return err
	}
	return t.hold(t.store.rest(kill.Plan, t.store.owner())...)
}

// unlessFrozen is err, unless there is a freeze all the same: a file without
// content is one.
func (s *Store) unlessFrozen(err error) error {
	if frozen, _ := s.dir.Exists(frozenFile); frozen {
		return nil
	}
	return err
}

// noteConfig says in the log that the settings were broken.
func (t *tx) noteConfig() error {
	if t.store.configErr == nil {
		return nil
	}
	return t.note(audit.Event{Event: audit.ConfigInvalid, ClientID: t.store.opts.ClientID})
}

func (t *tx) inForce() ([]*lease.Lease, error) {
	state, err := t.state()
	if err != nil {
		return nil, err
	}
	return state.Active(t.now), nil
}

// writeRevokeAll ends every lease in the ledger, and then in the log if that
// can be written.
func (t *tx) writeRevokeAll(kill Kill, by, client string) (ledger, log error) {
	event := audit.Event{Event: audit.KillswitchRevoke, OK: true, ClientID: client, Count: len(kill.Leases), Reason: by}
	if kill.Audit != nil {
		event.Seq, event.Time = t.ledger.Seq()+1, t.now
		return t.endInLedger(event), kill.Audit
	}
	err := t.enforce(event)
	if errors.Is(err, ErrAuditFailed) {
		return nil, err
	}
	return err, nil
}

func (t *tx) endInLedger(event audit.Event) error {
	if err := t.ledger.Append(opsFor([]audit.Event{event})...); err != nil {
		return err
	}
	return t.ledger.Sync()
}

// beginLedgerAnew writes a ledger from the log, or one without leases if the
// log cannot be read either, and sets aside what was in its place: every lease
// is about to end, so that nothing is lost but its history.
func (t *tx) beginLedgerAnew(haveLog bool) error {
	err := t.writeLedger(haveLog)
	if errors.Is(err, audit.ErrCorrupt) {
		err = t.writeLedger(false)
	}
	if err != nil {
		return err
	}
	return t.openLedger()
}

// writeLedger makes a ledger of what the log says, and keeps what is in its
// place under another name.
func (t *tx) writeLedger(fromLog bool) error {
	var events []audit.Event
	if fromLog {
		var err error
		if events, err = audit.Since(t.logFile, 0); err != nil {
			return err
		}
	}
	data, err := lease.Write(t.now, opsFor(events)...)
	if err != nil {
		return err
	}
	if err := t.store.dir.ReplaceKeeping(t.held, ledgerFile, setAsideName(ledgerFile, t.now), data); err != nil {
		return fmt.Errorf("%w: %w", ErrLedgerFailed, err)
	}
	return nil
}

func setAsideName(name string, now time.Time) string {
	return name + ".damaged-" + now.Format("20060102T150405.000000000Z")
}

func (t *tx) lowerMarker() error {
	up, err := t.store.markerUp()
	if err != nil || !up {
		return err
	}
	return t.store.dir.Remove(t.held, markerFile)
}

// finishKillswitch ends the leases that an interrupted killswitch had yet to
// end. What its plan says besides goes on holding grants back.
func (t *tx) finishKillswitch(m marker) error {
	leases, err := t.inForce()
	if err != nil {
		return err
	}
	ledger, log := t.writeRevokeAll(Kill{Leases: leases}, m.By, m.ClientID)
	if err := errors.Join(ledger, log); err != nil {
		return err
	}
	if err := t.hold(t.store.rest(m.plan(), m.Owner)...); err != nil {
		return err
	}
	return t.lowerMarker()
}

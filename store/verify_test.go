package store

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"agent-secrets/lease"
)

// tampered applies change to the operations of the ledger, with good checksums.
func (h *home) tampered(change func([]lease.Op) []lease.Op) {
	h.t.Helper()
	var ops []lease.Op
	for _, line := range h.lines(ledgerFile) {
		op, err := lease.Decode(bytes.TrimSuffix(line, []byte("\n")))
		check(h.t, err)
		ops = append(ops, op)
	}
	var lines [][]byte
	for _, op := range change(ops) {
		line, err := op.Encode()
		check(h.t, err)
		lines = append(lines, line)
	}
	h.write(ledgerFile, lines...)
}

func TestVerifyFindsALedgerOrAStoreThatDoesNotFitTheLog(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	first := map[string]string{storeFile: string(h.read(storeFile))}
	g := append(h.grant("a"), h.grant("a", "a")...) // lines 1, 2, 3
	h.revoke(g[0])                                  // line 4
	h.grant("a")                                    // line 5
	h.add("a", "x")
	h.add("b", "x")
	good := h.files()
	forged := lease.Op{
		Op: lease.KindGrant, Seq: 4, Time: h.now, LeaseID: "00000000000000000000000001", Secret: "a", ClientID: "agent",
		Via: lease.ViaStdout, ExpiresAt: h.now.Add(time.Hour),
	}
	edit := func(i int, f func(*lease.Op)) func() {
		return func() {
			h.tampered(func(ops []lease.Op) []lease.Op { f(&ops[i]); return ops })
		}
	}
	remove := func(i int) func() {
		return func() {
			h.tampered(func(ops []lease.Op) []lease.Op { return append(ops[:i], ops[i+1:]...) })
		}
	}
	for name, tamper := range map[string]func(){
		"secret changed":       edit(2, func(op *lease.Op) { op.Secret = "b" }),
		"client changed":       edit(2, func(op *lease.Op) { op.ClientID = "b" }),
		"via changed":          edit(2, func(op *lease.Op) { op.Via = lease.ViaExec }),
		"expiry changed":       edit(2, func(op *lease.Op) { op.ExpiresAt = op.ExpiresAt.Add(1) }),
		"time changed":         edit(2, func(op *lease.Op) { op.Time = op.Time.Add(1) }),
		"id changed":           edit(2, func(op *lease.Op) { op.LeaseID = "00000000000000000000000001" }),
		"end of another lease": edit(4, func(op *lease.Op) { op.LeaseID = g[1].LeaseID }),
		"grant removed":        remove(2),
		"end removed":          remove(4),
		"end made a grant":     edit(4, func(op *lease.Op) { *op = forged }),
		"grant without log line": func() {
			h.tampered(func(ops []lease.Op) []lease.Op { return slices.Insert(ops, 3, forged) })
		},
		"checksum not renewed": func() {
			h.write(ledgerFile, bytes.Replace(h.read(ledgerFile), []byte(`"agent"`), []byte(`"agenT"`), 1))
		},
		"store rolled back": func() { h.write(storeFile, []byte(first[storeFile])) },
	} {
		h.restore(good)
		h.verified()
		tamper()
		before := h.files()
		if v, err := h.Verify(); err == nil || !corrupt(err) && name != "store rolled back" {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
		h.unchanged(before, name)
	}
}

func TestVerifyPassesOverExpiredCompactedAndRemovedLeases(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a", "b")
	h.grant("a", "b")
	_, err := h.Remove(ctx, "b")
	check(t, err)
	h.now = h.now.Add(2 * time.Hour)
	h.verified()
	h.prune()
	for id, state := range h.states() {
		if state != lease.Expired && state != lease.Removed {
			t.Errorf("%s is %s", id, state)
		}
	}
	if v := h.verified(); v.Grants != 2 || v.Notes != nil {
		t.Errorf("%+v", v)
	}
}

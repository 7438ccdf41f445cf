package store

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"agent-secrets/audit"
	"agent-secrets/lease"
)

func TestAGrantIsAllOrNothing(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a", "b")
	good := requests("a", "b")
	before := h.files()
	for want, bad := range map[error]Request{
		ErrSecretNotFound:  {Secret: "c", ClientID: "agent"},
		ErrInvalidName:     {Secret: "../c", ClientID: "agent"},
		ErrInvalidClientID: {Secret: "a", ClientID: "a\nb"},
		ErrTTLExceedsMax:   {Secret: "a", ClientID: "agent", TTL: 24*time.Hour + 1},
	} {
		grants, err := h.Grant(ctx, append(slices.Clone(good), bad), nil)
		if !errors.Is(err, want) || grants != nil {
			t.Errorf("%v, want %v", err, want)
		}
		h.unchanged(before, want.Error())
	}
	grants, err := h.Grant(ctx, good, nil)
	if check(t, err); len(grants) != 2 || grants[0].TTL != time.Hour || !grants[1].ExpiresAt.Equal(h.now.Add(time.Hour)) {
		t.Errorf("%+v", grants)
	}
	for _, g := range grants {
		if state := h.states()[g.LeaseID]; state != "active" {
			t.Errorf("%s is %q", g.Secret, state)
		}
	}
	if h.events()[audit.LeaseGrant] != 2 || h.verified().Grants != 2 {
		t.Error("the log does not have both")
	}
}

func TestAGrantIsInTheLogBeforeTheLedgerAndOnDiskBeforeTheValueLeaves(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	var ops []string
	d := &disk{before: func(op, name string) error {
		if op != "open" {
			ops = append(ops, op+" "+name)
		}
		return nil
	}}
	opts := h.options()
	opts.OpenDir = d.openDir
	s := h.open(opts)
	_, err := s.Grant(ctx, requests("a"), nil)
	check(t, err)
	if got := strings.Join(ops, ", "); got != "write audit.jsonl, write leases.jsonl, sync audit.jsonl" {
		t.Error(got)
	}
}

func TestAGrantThatCannotBeWrittenDownLeavesNothing(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	before := h.files()
	fault := errors.New("no space")
	for op, want := range map[string]error{
		"write " + auditFile: ErrAuditFailed, "sync " + auditFile: ErrAuditFailed, "write " + ledgerFile: ErrLedgerFailed, "open " + ledgerFile: fault, "open " + storeFile: fault,
	} {
		d := &disk{before: func(o, name string) error {
			if o+" "+name == op {
				return fault
			}
			return nil
		}}
		opts := h.options()
		opts.OpenDir = d.openDir
		grants, err := h.open(opts).Grant(ctx, requests("a", "a"), nil)
		if !errors.Is(err, want) || !errors.Is(err, fault) || grants != nil {
			t.Errorf("%s: %v", op, err)
		}
		if op != "sync "+auditFile { // then it may be on disk: over-reported
			h.unchanged(before, op)
			continue
		}
		before = h.files()
	}
	h.verified()
}

func TestARevocationIsOnDiskInTheLedgerBeforeTheLog(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	g := h.grant("a")[0]
	fault := errors.New("no space")
	d := &disk{before: func(op, name string) error {
		if name == auditFile && op != "open" {
			return fault
		}
		return nil
	}}
	opts := h.options()
	opts.OpenDir = d.openDir
	if _, err := h.open(opts).Revoke(ctx, Selector{IDs: []string{g.LeaseID}}); !errors.Is(err, ErrAuditFailed) {
		t.Error(err)
	}
	check(t, d.cut())
	if got := h.states()[g.LeaseID]; got != lease.Revoked {
		t.Errorf("it is %s", got)
	}
	h.prune()
	if n := h.events()[audit.LeaseRevoked]; n != 1 {
		t.Errorf("%d lines of the log", n)
	}
	h.verified()
}

func TestSelectorsEndTheLeasesTheyMean(t *testing.T) {
	t.Parallel()
	for name, meant := range map[string]func([]Grant) Selector{
		"100 undelivered": func(g []Grant) Selector { return Selector{IDs: []string{g[0].LeaseID}} },
		"110 secret":      func([]Grant) Selector { return Selector{Secret: "a"} },
		"111 client":      func([]Grant) Selector { return Selector{ClientID: "agent"} },
		"000 nobody":      func([]Grant) Selector { return Selector{ClientID: "agents"} },
		"000 empty":       func([]Grant) Selector { return Selector{} },
		"000 not known":   func(g []Grant) Selector { return Selector{IDs: []string{g[0].LeaseID, "Z"}} },
	} {
		h := newHome(t, "a", "b")
		grants := h.grant("a", "a", "b")
		_, err := h.Revoke(ctx, meant(grants))
		if errors.Is(err, lease.ErrNotFound) != strings.HasSuffix(name, "not known") {
			t.Error(name, err)
		}
		got := ""
		for _, g := range grants {
			got += map[bool]string{true: "1", false: "0"}[h.states()[g.LeaseID] == lease.Revoked]
		}
		if !strings.HasPrefix(name, got) {
			t.Errorf("%s: %s", name, got)
		}
		h.verified()
	}
}

func TestRemovingASecretEndsItsLeases(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a", "b")
	grants := h.grant("a", "b")
	ended, err := h.Remove(ctx, "a")
	check(t, err)
	if got := h.states(); len(ended) != 1 || got[grants[0].LeaseID] != lease.Removed || got[grants[1].LeaseID] != "active" {
		t.Error(got)
	}
	if _, err := h.Grant(ctx, requests("a"), nil); !errors.Is(err, ErrSecretNotFound) {
		t.Error(err)
	}
	h.verified()
}

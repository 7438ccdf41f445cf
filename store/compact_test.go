package store

import (
	"maps"
	"slices"
	"testing"
	"time"
)

func many(n int) []string { return slices.Repeat([]string{"a"}, n) }

func TestALedgerMostlyOfThePastIsCompactedToItsOpenLeases(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	h.grant(many(150)...)
	_, err := h.Revoke(ctx, Selector{Secret: "a"})
	check(t, err)
	before := len(h.read(ledgerFile))
	want := map[string]string{}
	for _, g := range h.grant(many(150)...) {
		want[g.LeaseID] = "active"
	}
	if after := len(h.read(ledgerFile)); before >= compactAt || after >= compactAt || !maps.Equal(h.states(), want) {
		t.Errorf("%d bytes, then %d, and %d leases", before, after, len(h.states()))
	}
	h.recovered(want)
	g := h.grant("a")[0]
	h.revoke(g)
	want[g.LeaseID] = "revoked"
	h.recovered(want)
}

func TestALedgerMostlyOfOpenLeasesIsLeftAlone(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	h.grant(many(10)...)
	_, err := h.Revoke(ctx, Selector{Secret: "a"})
	check(t, err)
	h.grant(many(300)...)
	if n := len(h.states()); n != 310 {
		t.Errorf("%d leases", n)
	}
	h.verified()
}

func TestACompactionStoppedAnywhereLosesNoOpenLease(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	h.grant(many(210)...)
	h.now = h.now.Add(time.Hour)
	want := map[string]string{h.grant("a")[0].LeaseID: "active"}
	left := h.files()
	for stop, whole := 0, false; !whole; stop++ {
		for _, power := range []bool{true, false} {
			h.restore(left)
			whole = h.stopped(stop, power)
			h.verified()
			h.recovered(want)
		}
	}
}

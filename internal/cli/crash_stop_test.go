package cli_test

import (
	"bytes"
	"context"
	"hash/maphash"
	"slices"
	"testing"

	"agent-secrets/internal/crashfs"
	"agent-secrets/lease"
	"agent-secrets/store"
)

// TestDeathLeavesWhatWasSeen kills commands for real, before and after each
// operation, and compares the disk with the one that the model judges in its
// place: the disk of an undisturbed run at that moment.
func TestDeathLeavesWhatWasSeen(t *testing.T) {
	prepareProcess(t)
	seed := maphash.MakeSeed()
	for _, sc := range scenarios() {
		if !slices.Contains([]string{"init", "update", "lease", "lease to a full output", "revoke all"}, sc.name) {
			continue
		}
		begin, c := sc.prepared(t), sc.steps[0]
		undisturbed := begin.clone()
		moments := []uint64{begin.disk.Fingerprint(seed)}
		undisturbed.disk.Watch(func(op crashfs.Op) {
			if op.Torn {
				return
			}
			for len(moments) < op.Number { // those between had no effect
				moments = append(moments, moments[len(moments)-1])
			}
			moments = append(moments, undisturbed.disk.Fingerprint(seed))
		})
		full := undisturbed.run(c)
		for op := 1; op < len(moments); op++ {
			for _, after := range []bool{false, true} {
				m := begin.clone()
				m.disk.Kill(crashfs.Death{At: op, After: after})
				out := m.run(c)
				want := moments[op-1]
				if after {
					want = moments[op]
				}
				if m.disk.Fingerprint(seed) != want || out.panicked != nil {
					t.Fatalf("%s: killed at operation %d, after it: %t: another disk, %v", c, op, after, out)
				}
				if !bytes.HasPrefix(full.stdout.Bytes(), out.stdout.Bytes()) {
					t.Fatalf("%s: killed at operation %d, it printed %q", c, op, out.stdout.String())
				}
			}
		}
	}
}

// TestFewBytesOfTheLogAreUnsynced ends many leases at once: the search for a
// hole at the end of the log does not look through all of their lines.
func TestFewBytesOfTheLogAreUnsynced(t *testing.T) {
	prepareProcess(t)
	m := scenario{prepare: secrets}.prepared(t)
	s, err := m.open()
	if err != nil {
		t.Fatal(err)
	}
	request := store.Request{Secret: "alpha", ClientID: "tester", Via: lease.ViaEnv}
	if _, err := s.Grant(context.Background(), slices.Repeat([]store.Request{request}, 400), nil); err != nil {
		t.Fatal(err)
	}
	m = m.clone()
	synced, most := len(m.disk.Files()["audit.jsonl"]), 0
	m.disk.Watch(func(op crashfs.Op) {
		size := len(m.disk.Files()["audit.jsonl"])
		most = max(most, size-synced)
		if op.Kind == crashfs.Sync && op.What == "fsync audit.jsonl" {
			synced = size
		}
	})
	m.must(t, run("revoke", "--client-id", "tester"))
	if most == 0 || most > 64<<10 {
		t.Errorf("%d bytes of the log were written between two syncs", most)
	}
}

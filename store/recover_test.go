package store

import (
	"errors"
	"maps"
	"os"
	"slices"
	"testing"

	"agent-secrets/audit"
	"agent-secrets/lease"
)

// crashes is what crashes leave of a state in which one lease was revoked and
// one is active. Each function makes its shape and says what the leases beside
// those two must have come to.
var crashes = map[string]func(h *home) map[string]string{
	"nothing": func(h *home) map[string]string { return nil },
	"ledger line lost": func(h *home) map[string]string {
		g := h.grant("a")[0]
		h.drop(ledgerFile, 1)
		return map[string]string{g.LeaseID: "active"}
	},
	"ledger line torn": func(h *home) map[string]string {
		g := h.grant("a")[0]
		h.cut(ledgerFile, 50)
		return map[string]string{g.LeaseID: "active"}
	},
	"ledger line unended": func(h *home) map[string]string {
		g := h.grant("a")[0]
		h.cut(ledgerFile, 1)
		return map[string]string{g.LeaseID: "active"}
	},
	"ledger lost but for its header": func(h *home) map[string]string {
		h.write(ledgerFile, h.lines(ledgerFile)[0])
		return nil
	},
	"hole in the ledger": func(h *home) map[string]string {
		g := h.grant("a", "a")
		lines := h.lines(ledgerFile)
		clear(lines[len(lines)-2][20:60])
		h.write(ledgerFile, lines...)
		return map[string]string{g[0].LeaseID: "active", g[1].LeaseID: "active"}
	},
	"zeros after both": func(h *home) map[string]string {
		h.write(ledgerFile, h.read(ledgerFile), make([]byte, 5000))
		h.write(auditFile, h.read(auditFile), make([]byte, 5000))
		return nil
	},
	"both torn": func(h *home) map[string]string {
		h.grant("a")
		h.cut(ledgerFile, 50)
		h.cut(auditFile, 50)
		return nil
	},
	"log line lost": func(h *home) map[string]string {
		g := h.grant("a")[0]
		h.drop(auditFile, 1)
		return map[string]string{g.LeaseID: lease.Undelivered}
	},
	"log line lost, ledger line unended": func(h *home) map[string]string {
		g := h.grant("a")[0]
		h.drop(auditFile, 1)
		h.cut(ledgerFile, 1)
		return map[string]string{g.LeaseID: lease.Undelivered}
	},
	"log line torn": func(h *home) map[string]string {
		g := h.grant("a")[0]
		h.cut(auditFile, 50)
		return map[string]string{g.LeaseID: lease.Undelivered}
	},
	"log lines zeroed": func(h *home) map[string]string {
		g := h.grant("a", "a")
		lines := h.lines(auditFile)
		clear(lines[len(lines)-1])
		clear(lines[len(lines)-2])
		h.write(auditFile, lines...)
		return map[string]string{g[0].LeaseID: lease.Undelivered, g[1].LeaseID: lease.Undelivered}
	},
	"log lines lost, hole in the ledger": func(h *home) map[string]string {
		h.grant("a", "a")
		h.drop(auditFile, 2)
		lines := h.lines(ledgerFile)
		clear(lines[len(lines)-2][:60])
		h.write(ledgerFile, lines...)
		return nil // nobody received them, and the ledger forgot them
	},
	"revocation not in the log": func(h *home) map[string]string {
		g := h.grant("a")[0]
		h.revoke(g)
		h.drop(auditFile, 1)
		return map[string]string{g.LeaseID: lease.Revoked}
	},
	"revocation torn in the log": func(h *home) map[string]string {
		g := h.grant("a")[0]
		h.revoke(g)
		h.cut(auditFile, 50)
		return map[string]string{g.LeaseID: lease.Revoked}
	},
	"revocation not in the ledger": func(h *home) map[string]string {
		g := h.grant("a")[0]
		h.revoke(g)
		h.drop(ledgerFile, 1)
		return map[string]string{g.LeaseID: lease.Revoked}
	},
	"grant and revocation not in the log": func(h *home) map[string]string {
		g := h.grant("a")[0]
		h.revoke(g)
		h.drop(auditFile, 2)
		return map[string]string{g.LeaseID: lease.Revoked}
	},
	"temporary files": func(h *home) map[string]string {
		h.write(ledgerFile+".tmp", []byte("x"))
		h.write(storeFile+".tmp", []byte("x"))
		return nil
	},
	"marker, empty":   marked(""),
	"marker":          marked(`{"version":1,"started_at":"2026-01-02T03:04:05Z","client_id":"me"}` + "\n"),
	"marker, garbage": marked("\x00{"),
	"marker, log line lost": func(h *home) map[string]string {
		g := h.grant("a")[0]
		h.drop(auditFile, 1)
		h.write(markerFile, nil)
		return map[string]string{g.LeaseID: lease.Undelivered}
	},
}

func marked(content string) func(h *home) map[string]string {
	return func(h *home) map[string]string {
		g := h.grant("a")[0]
		h.write(markerFile, []byte(content))
		return map[string]string{g.LeaseID: lease.Killswitch}
	}
}

func TestTheNextWriterClearsWhatACrashLeftAndMayItselfBeStoppedAnywhere(t *testing.T) {
	t.Parallel()
	for name, crash := range crashes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, "a")
			g := append(h.grant("a"), h.grant("a")...)
			h.revoke(g[0])
			want := crash(h)
			if want == nil {
				want = map[string]string{}
			}
			want[g[0].LeaseID], want[g[1].LeaseID] = lease.Revoked, "active"
			if _, marked := h.files()[markerFile]; marked {
				want[g[1].LeaseID] = lease.Killswitch
			}
			h.verified() // a crash is not tampering
			left := h.files()
			for stop := 0; ; stop++ {
				for _, power := range []bool{true, false} {
					h.restore(left)
					if whole := h.stopped(stop, power); whole && power {
						h.recovered(want)
						return
					}
					h.recovered(want)
				}
			}
		})
	}
}

// stopped runs a writer of which the operations from the one numbered stop on
// fail, with power cut off then or not, and reports whether there were fewer.
func (h *home) stopped(stop int, power bool) (whole bool) {
	h.t.Helper()
	whole = true
	d := &disk{before: func(op, _ string) error {
		if op == "open" {
			return nil
		}
		if stop--; stop >= 0 {
			return nil
		}
		whole = false
		return errors.New("stopped")
	}}
	opts := h.options()
	opts.OpenDir = d.openDir
	if _, err := h.open(opts).Prune(ctx); (err == nil) != whole {
		h.t.Fatalf("stopped: %t, %v", !whole, err)
	}
	if power {
		check(h.t, d.cut())
	}
	return whole
}

// recovered runs a writer to its end and checks that all is well then, and that
// another one finds nothing to do.
func (h *home) recovered(want map[string]string) {
	h.t.Helper()
	h.prune()
	if got := h.states(); !maps.Equal(got, want) {
		h.t.Fatalf("leases are %v, want %v", got, want)
	}
	if v := h.verified(); v.Torn != 0 || v.Notes != nil {
		h.t.Fatalf("%+v", v)
	}
	after := h.files()
	if _, up := after[markerFile]; up {
		h.t.Fatal("the marker is up")
	}
	h.prune()
	h.unchanged(after, "second writer")
}

func TestALedgerTornAnywhereIsWrittenAgainFromTheLog(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	g := append(h.grant("a"), h.grant("a", "a")...)
	h.revoke(g[0])
	good, want := h.files(), h.states()
	whole := []byte(good[ledgerFile])
	for cut := len(h.lines(ledgerFile)[0]); cut < len(whole); cut += 19 {
		h.restore(good)
		h.write(ledgerFile, whole[:cut])
		if got := h.states(); !maps.Equal(got, want) {
			t.Fatalf("cut at %d: a reader sees %v, want %v", cut, got, want)
		}
		h.recovered(want)
	}
}

func TestAWriteOfTheStoreThatWasAnnouncedAndNotDoneIsNoted(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	old := h.read(storeFile)
	h.add("b", "x")
	h.write(storeFile, old)
	if v := h.verified(); len(v.Notes) != 1 {
		t.Errorf("%+v", v)
	}
	h.grant("a")
	if n := h.events()[audit.StoreRepair]; n != 1 {
		t.Errorf("noted %d times", n)
	}
	h.grant("a")
	if v := h.verified(); v.Notes != nil || h.events()[audit.StoreRepair] != 1 {
		t.Errorf("%+v", v)
	}
	h.add("b", "x")
	h.verified()
}

func TestAStoreAheadOfTheLogIsCorrupt(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	h.grant("a")
	h.add("b", "x")
	h.drop(auditFile, 1)
	before := h.files()
	_, granted := h.Grant(ctx, requests("a"), nil)
	v := NewValue([]byte("x"))
	_, added := h.Add(ctx, "c", Change{Value: &v}, false)
	_, verified := h.Verify()
	if !errors.Is(granted, audit.ErrCorrupt) || !errors.Is(added, audit.ErrCorrupt) || !errors.Is(verified, audit.ErrCorrupt) {
		t.Error(granted, added, verified)
	}
	h.unchanged(before, "refused")
}

func TestAGrantIsRefusedOnALogOrLedgerThatIsCorruptOrLost(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	h.grant("a", "a", "a")
	good := h.files()
	for _, name := range []string{auditFile, ledgerFile} {
		lines := h.lines(name)
		for what, data := range map[string][]byte{
			"emptied": {}, "garbage": []byte("hello\n"), "garbage at its end": slices.Concat(append(lines, []byte("hello\n"))...),
			"zeros": make([]byte, 1000),
		} {
			h.restore(good)
			h.write(name, data)
			before := h.files()
			_, err := h.Grant(ctx, requests("a"), nil)
			if _, verr := h.Verify(); !corrupt(err) || !corrupt(verr) {
				t.Errorf("%s, %s: %v, %v", name, what, err, verr)
			}
			h.unchanged(before, name+" "+what)
		}
		h.restore(good)
		check(t, os.Remove(h.file(name)))
		if _, err := h.Grant(ctx, requests("a"), nil); !corrupt(err) {
			t.Errorf("%s, lost: %v", name, err)
		}
	}
}

func corrupt(err error) bool {
	return errors.Is(err, audit.ErrCorrupt) || errors.Is(err, lease.ErrCorrupt)
}

package store

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"agent-secrets/audit"
	"agent-secrets/lease"
)

// damages is what can have become of a ledger or a log.
var damages = map[string]func(h *home, name string) error{
	"nothing":   func(*home, string) error { return nil },
	"missing":   func(h *home, name string) error { return os.Remove(h.file(name)) },
	"empty":     func(h *home, name string) error { return os.Truncate(h.file(name), 0) },
	"garbage":   func(h *home, name string) error { h.write(name, []byte("hello\n")); return nil },
	"zeros":     func(h *home, name string) error { h.write(name, make([]byte, 40000)); return nil },
	"torn":      func(h *home, name string) error { h.cut(name, 30); return nil },
	"zero tail": func(h *home, name string) error { h.write(name, h.read(name), make([]byte, 40000)); return nil },
	"hole": func(h *home, name string) error {
		lines := h.lines(name)
		clear(lines[2][20:100])
		h.write(name, lines...)
		return nil
	},
	"bad end": func(h *home, name string) error { h.write(name, h.read(name), []byte("hello\n")); return nil },
	"bad middle": func(h *home, name string) error {
		h.write(name, slices.Concat(slices.Insert(h.lines(name), 2, []byte("hello\n"))...))
		return nil
	},
	"open to others": func(h *home, name string) error { return os.Chmod(h.file(name), 0o644) },
	"directory": func(h *home, name string) error {
		return errors.Join(os.Remove(h.file(name)), os.Mkdir(h.file(name), 0o700))
	},
	"FIFO": func(h *home, name string) error {
		return errors.Join(os.Remove(h.file(name)), syscall.Mkfifo(h.file(name), 0o600))
	},
	"link": func(h *home, name string) error {
		target := filepath.Join(filepath.Dir(h.path), name)
		return errors.Join(os.Rename(h.file(name), target), os.Symlink(target, h.file(name)))
	},
}

func TestRevokeAllEndsEveryLeaseWhateverBecameOfTheFiles(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	h.revoke(h.grant("a")[0])
	h.grant("a", "a", "a")
	good := h.files()
	for logDamage, damageLog := range damages {
		alike := slices.Contains([]string{"empty", "zeros", "garbage", "directory", "FIFO", "link"}, logDamage)
		for ledgerDamage, damageLedger := range damages {
			if alike && ledgerDamage != "torn" {
				continue // "missing" stands for them beside the others
			}
			t.Run("log "+logDamage+", ledger "+ledgerDamage, func(t *testing.T) {
				h.t = t
				h.restore(good)
				check(t, damageLog(h, auditFile), damageLedger(h, ledgerFile))
				h.killed(logDamage)
			})
		}
	}
}

// killed raises the marker, revokes every lease and checks what is promised
// where the log has the damage.
func (h *home) killed(logDamage string) {
	h.t.Helper()
	s, err := OpenForKillswitch(h.options())
	check(h.t, err, raise(s))
	defer s.Close()
	kill, err := s.RevokeAll(ctx, Plan{})
	check(h.t, err, kill.Ledger)
	ledger, err := s.dir.OpenJournal(ledgerFile)
	check(h.t, err)
	defer ledger.Close()
	state, end, err := lease.Fold(ledger, ledger.Size())
	if check(h.t, err); len(state.Active(h.now)) > 0 || end != ledger.Size() {
		h.t.Errorf("%d leases are active", len(state.Active(h.now)))
	}
	mended := slices.Contains([]string{"nothing", "torn", "zero tail", "hole", "open to others"}, logDamage)
	writable := mended || logDamage == "bad middle"
	if up, err := s.Frozen(); err != nil || up == writable || (kill.Audit == nil) != writable || (kill.Marker == nil) != writable {
		h.t.Errorf("the log can be written: %t; marker %t, %v, %v", writable, up, kill.Audit, err)
	}
	if v, err := s.Verify(); (err == nil) != mended || mended && (v.Notes != nil || v.Torn != 0) {
		h.t.Errorf("%+v, %v", v, err)
	}
}

func TestRevokeAllReportsTheLeasesThatWereInForce(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	h.revoke(h.grant("a")[0])
	g := h.grant("a")[0]
	check(t, os.WriteFile(h.file(configFile), []byte("{"), 0o644), os.Chmod(h.path, 0o755))
	s, err := OpenForKillswitch(h.options())
	check(t, err)
	defer s.Close()
	kill, err := s.RevokeAll(ctx, Plan{})
	if check(t, err, kill.Marker); len(kill.Leases) != 1 || kill.Leases[0].ID != g.LeaseID {
		t.Errorf("%+v", kill)
	}
	if n := h.events(); n[audit.ConfigInvalid] != 1 || h.states()[g.LeaseID] != lease.Killswitch {
		t.Error(n, h.states())
	}
}

func TestWhileTheMarkerIsUpNoLeaseIsInForce(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	g := h.grant("a")[0]
	check(t, raise(h.Store), raise(h.Store))
	if got := h.states()[g.LeaseID]; got != lease.Killswitch {
		t.Error(got)
	}
	h.verified()
	later := h.grant("a")[0] // finishes the killswitch first
	if got := h.states(); got[g.LeaseID] != lease.Killswitch || got[later.LeaseID] != "active" {
		t.Error(got)
	}
	up, err := h.Frozen()
	if check(t, err); up {
		t.Error("the marker is up")
	}
}

func raise(s *Store) error { return errors.Join(s.RaiseMarker(Plan{By: ByPerson})) }

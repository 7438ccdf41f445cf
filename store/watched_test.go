package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestAHookThatFailsIsTriedLessAndLessOften(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	old, changed := Secret{UpdatedAt: at}, Secret{UpdatedAt: at.Add(1)}
	pauses := []time.Duration{
		0, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute, 80 * time.Minute, 160 * time.Minute, 320 * time.Minute,
		6 * time.Hour, 6 * time.Hour,
	}
	for failures, pause := range pauses {
		f := FailedRotation{Failures: failures, At: at}
		if pause > 0 && f.Retry(old, at.Add(pause-1)) || !f.Retry(old, at.Add(pause)) {
			t.Errorf("after %d failures: not after %v", failures, pause)
		}
		if !f.Retry(old, at.Add(-time.Hour)) {
			t.Errorf("after %d failures: a clock that was set back puts it off", failures)
		}
	}
	for _, failures := range []int{-1, 64, 1 << 62} {
		f := FailedRotation{Failures: failures, At: at}
		if f.Retry(old, at) || !f.Retry(old, at.Add(6*time.Hour)) || !f.Retry(changed, at) {
			t.Errorf("after %d failures", failures)
		}
	}
}

// remember is one run of watch. The lock for the state is another's meanwhile.
func (h *home) remember(f func(*Watched)) {
	h.t.Helper()
	held, err := h.lock(ctx)
	check(h.t, err)
	watching, err := h.StartWatching(0)
	check(h.t, err, watching.Remember(f), watching.End(), held.Unlock())
}

func TestWhatWatchRemembersComesBack(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	if w, err := h.Watched(); err != nil || !w.At.IsZero() || w.Heartbeat != (Beat{}) {
		t.Errorf("before the first run: %+v, %v", w, err)
	}
	beat := Beat{Failures: 4, LastCheck: h.now, LastOK: h.now.Add(-time.Hour), Acted: true, Wiped: true}
	h.remember(func(w *Watched) { w.At, w.Heartbeat = h.now, beat })
	h.remember(func(w *Watched) {
		w.Rotations = map[string]FailedRotation{"a": {Failures: 2, At: h.now}}
	})
	w, err := h.open(h.options()).Watched()
	if err != nil || !w.At.Equal(h.now) || w.Heartbeat != beat || w.Rotations["a"].Failures != 2 {
		t.Errorf("%+v, %v", w, err)
	}
}

// What cannot be read is never taken for nothing in silence, and is kept.
func TestWhatWatchCannotReadIsSetAside(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":             "",
		"cut short":         `{"version":1,"heart`,
		"another version":   `{"version":2,"heartbeat":{"failures":1}}`,
		"an unknown member": `{"version":1,"heartbeat":{"failures":1,"mood":"x"}}`,
		"zeros":             string(make([]byte, 100)),
	} {
		h := newHome(t)
		h.write(watchFile, []byte(text))
		if w, err := h.Watched(); !errors.Is(err, ErrWatchDamaged) || w.Version != watchVersion || w.Heartbeat != (Beat{}) {
			t.Errorf("%s: %+v, %v", name, w, err)
		}
		h.remember(func(w *Watched) { w.Heartbeat.Failures++ })
		if w, err := h.Watched(); err != nil || w.Heartbeat.Failures != 1 {
			t.Errorf("%s: afterwards %+v, %v", name, w, err)
		}
		kept, err := filepath.Glob(h.file(watchFile + ".damaged-*"))
		if check(t, err); len(kept) != 1 {
			t.Fatalf("%s: kept as %v", name, kept)
		}
		data, err := os.ReadFile(kept[0])
		if check(t, err); string(data) != text {
			t.Errorf("%s: it was kept as %q", name, data)
		}
	}
}

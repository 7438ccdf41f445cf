package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"agent-secrets/audit"
	"agent-secrets/internal/fsx"
	"agent-secrets/internal/strictjson"
)

const (
	watchFile     = "watch.json"
	watchLockFile = "watch.lock"
	maxWatched    = 16 << 20 // 10,000 failing hooks
	watchVersion  = 1
	watchBlock    = 512 // bytes
)

// Watched is what watch has to remember from one run to the next.
type Watched struct {
	Version   int       `json:"version"`
	At        time.Time `json:"at,omitzero"` // of the last run
	Heartbeat Beat      `json:"heartbeat"`
	// Rotations are those that failed last time, by secret.
	Rotations map[string]FailedRotation `json:"rotations,omitempty"`
}

// Beat is how the heartbeat's endpoint did.
type Beat struct {
	Failures  int       `json:"failures"` // in a row
	LastCheck time.Time `json:"last_check,omitzero"`
	LastOK    time.Time `json:"last_ok,omitzero"`
	Acted     bool      `json:"acted,omitempty"` // in this outage
	Wiped     bool      `json:"wiped,omitempty"` // in this outage
}

// FailedRotation keeps watch from running a hook that fails every minute.
type FailedRotation struct {
	Failures int       `json:"failures"` // in a row
	At       time.Time `json:"at"`       // of the last
}

// Retry reports whether it is time to run the hook of a secret again: five
// minutes after the first failure, then after twice the time each, six hours at
// most. A secret that was changed since begins anew.
func (f FailedRotation) Retry(s Secret, now time.Time) bool {
	pause := 6 * time.Hour
	if f.Failures < 8 {
		pause = min(pause, 5*time.Minute<<max(f.Failures-1, 0))
	}
	since := now.Sub(f.At)
	return f.Failures == 0 || s.UpdatedAt.After(f.At) || since < 0 || since >= pause
}

// Watching is one run of watch, apart from any other.
type Watching struct {
	store   *Store
	release func() error
}

// StartWatching takes the lock that keeps two runs of watch apart, for which it waits at
// most wait. If another run has it, the error says that it is busy; after any
// other error the run can go on, because a guard that cannot be had is no reason
// not to look.
func (s *Store) StartWatching(wait time.Duration) (*Watching, error) {
	release, err := s.dir.Guard(watchLockFile, wait)
	return &Watching{store: s, release: release}, err
}

// End gives the lock back.
func (w *Watching) End() error {
	if w.release == nil {
		return nil
	}
	release := w.release
	w.release = nil
	return release()
}

// Watched returns what the last run of watch left. Before the first there is
// nothing. An [ErrWatchDamaged] comes with what there is to begin anew with.
func (s *Store) Watched() (Watched, error) {
	anew := Watched{Version: watchVersion}
	data, _, err := s.dir.Read(watchFile, maxWatched)
	if errors.Is(err, fs.ErrNotExist) {
		return anew, nil
	}
	if errors.Is(err, fsx.ErrUnsafe) || errors.Is(err, fsx.ErrTooLarge) {
		return anew, fmt.Errorf("%w: %w", ErrWatchDamaged, err)
	}
	if err != nil {
		return anew, err
	}
	var w Watched
	err = strictjson.Decode(data, &w)
	if err == nil && w.Version != watchVersion {
		err = fmt.Errorf("format version %d is not known to this program, which writes %d", w.Version, watchVersion)
	}
	if err != nil {
		return anew, fmt.Errorf("%s: %w: %v", s.dir.Path(watchFile), ErrWatchDamaged, err)
	}
	return w, nil
}

// Remember changes, as f says, what the next run finds. It needs neither the
// lock for the state nor the log: whatever keeps others from writing must not
// keep the heartbeat's failures from being counted. On a full disk it writes
// over what is there. What could not be read stays, under another name.
func (w *Watching) Remember(f func(*Watched)) error {
	s := w.store
	watched, err := s.Watched()
	damaged := errors.Is(err, ErrWatchDamaged)
	if err != nil && !damaged {
		return err
	}
	f(&watched)
	data, err := json.Marshal(watched)
	if err != nil {
		return err
	}
	// Room for it to grow in place.
	data = append(append(data, bytes.Repeat([]byte{' '}, watchBlock-(len(data)+1)%watchBlock)...), '\n')
	if damaged {
		if err := s.dir.Convert(watchFile, setAsideName(watchFile, s.now())); err != nil {
			return err
		}
	}
	return s.dir.ReplaceGuarded(watchFile, data)
}

// NoteHeartbeat writes to the log that the endpoint failed, for the reason
// given, or, with none, that it is alive again after so many failures.
func (s *Store) NoteHeartbeat(ctx context.Context, failures int, reason string) error {
	e := audit.Event{Event: audit.HeartbeatFailed, ClientID: s.opts.ClientID, Count: failures, Reason: reason}
	if reason == "" {
		e.Event, e.OK = audit.HeartbeatAlive, true
	}
	return s.update(ctx, func(t *tx) error { return t.note(e) })
}

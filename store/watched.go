package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"agent-secrets/audit"
	"agent-secrets/internal/strictjson"
)

const (
	watchFile     = "watch.json"
	watchLockFile = "watch.lock"
	maxWatched    = 16 << 20 // 10,000 failing hooks
	watchVersion  = 1
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

// Retry reports whether it is time to run the hook again: five minutes after
// the first failure, then after twice the time each, six hours at most.
func (f FailedRotation) Retry(now time.Time) bool {
	pause := 6 * time.Hour
	if f.Failures < 8 {
		pause = min(pause, 5*time.Minute<<max(f.Failures-1, 0))
	}
	since := now.Sub(f.At)
	return f.Failures == 0 || since < 0 || since >= pause
}

// WatchLock takes the lock that keeps two runs of watch apart, at once or not
// at all: then the error says that it is busy.
func (s *Store) WatchLock() (release func() error, err error) {
	return s.dir.Guard(watchLockFile, 0)
}

// Watched returns what the last run of watch left. Before the first there is
// nothing. An [ErrWatchDamaged] comes with what there is to begin anew with.
func (s *Store) Watched() (Watched, error) {
	anew := Watched{Version: watchVersion}
	data, _, err := s.dir.Read(watchFile, maxWatched)
	if errors.Is(err, fs.ErrNotExist) {
		return anew, nil
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

// UpdateWatched changes, as f says, what the next run finds. What could not be
// read stays, under another name.
func (s *Store) UpdateWatched(ctx context.Context, f func(*Watched)) error {
	return s.update(ctx, func(t *tx) error {
		w, err := s.Watched()
		damaged := errors.Is(err, ErrWatchDamaged)
		if err != nil && !damaged {
			return err
		}
		f(&w)
		data, err := json.Marshal(w)
		if err != nil {
			return err
		}
		data = append(data, '\n')
		if damaged {
			return s.dir.ReplaceKeeping(t.held, watchFile, setAsideName(watchFile, t.now), data)
		}
		return s.dir.Replace(t.held, watchFile, data)
	})
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

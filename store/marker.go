package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"agent-secrets/internal/strictjson"
)

// marker is the content of the marker file. An empty file is a marker too: on
// a full disk there is room for the name alone.
type marker struct {
	Version   int       `json:"version"`
	StartedAt time.Time `json:"started_at"`
	ClientID  string    `json:"client_id"`
}

const maxMarker = 4 << 10

// RaiseMarker puts up the marker of a killswitch. It takes no lock: from the
// moment it returns, no lease is in force and none is granted.
func (s *Store) RaiseMarker() error {
	data, err := json.Marshal(marker{Version: 1, StartedAt: s.now(), ClientID: s.opts.ClientID})
	if err != nil {
		return err
	}
	err = s.dir.Create(markerFile, append(data, '\n'))
	if err == nil {
		return nil
	}
	// It may be there all the same: there was room for the name alone, or
	// whoever made it was killed before it was durable.
	if up, _ := s.dir.Exists(markerFile); up {
		err = s.dir.Sync()
	}
	if err != nil {
		return fmt.Errorf("raise the killswitch marker: %w", err)
	}
	return nil
}

// RaiseLedger makes the ledger itself the marker, where the disk has no room
// for the name of another file. Until a person runs the killswitch again, which
// makes a ledger from the log, every grant is refused.
func (s *Store) RaiseLedger() error {
	if err := s.dir.Convert(ledgerFile, markerFile); err != nil {
		return fmt.Errorf("raise the ledger as the killswitch marker: %w", err)
	}
	return nil
}

func (s *Store) markerUp() (bool, error) { return s.dir.Exists(markerFile) }

// marker reports whether a killswitch has not finished, and when it began. A
// marker that cannot be read began when its file was made.
func (s *Store) marker() (at time.Time, up bool, err error) {
	info, err := s.dir.Lstat(markerFile)
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, false, nil
	}
	if err != nil {
		return time.Time{}, false, err
	}
	return s.readMarker(info.ModTime).StartedAt, true, nil
}

func (s *Store) readMarker(made time.Time) marker {
	m := marker{StartedAt: made.UTC(), ClientID: "unknown"}
	data, _, err := s.dir.Read(markerFile, maxMarker)
	if err != nil {
		return m
	}
	var read marker
	if strictjson.Decode(data, &read) != nil {
		return m
	}
	return read
}

// Frozen reports whether grants are refused at present.
func (s *Store) Frozen() (bool, error) { return s.markerUp() }

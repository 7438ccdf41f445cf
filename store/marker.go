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
	// The plan, and the process that is about it.
	By     string `json:"by"`
	Freeze bool   `json:"freeze,omitempty"`
	Rotate bool   `json:"rotate,omitempty"`
	Wipe   bool   `json:"wipe,omitempty"`
	Owner  string `json:"owner,omitempty"`
}

func (m marker) plan() Plan {
	return Plan{By: m.By, Freeze: m.Freeze, Rotate: m.Rotate, Wipe: m.Wipe}
}

const maxMarker = 4 << 10

// RaiseMarker puts up the marker of a killswitch. It takes no lock: from the
// moment it returns, no lease is in force and none is granted. A freeze comes
// before it, because the marker may have room for its name alone.
func (s *Store) RaiseMarker(p Plan) (raised, frozen error) {
	if p.Freeze {
		frozen = s.raiseFreeze(p.By)
	}
	return s.raiseMarker(p), frozen
}

func (s *Store) raiseMarker(p Plan) error {
	data, err := json.Marshal(marker{
		Version: 1, StartedAt: s.now(), ClientID: s.opts.ClientID,
		By: p.By, Freeze: p.Freeze, Rotate: p.Rotate, Wipe: p.Wipe, Owner: s.owner(),
	})
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

// marker returns the marker of a killswitch that has not finished. One that
// cannot be read began when its file was made, and has no plan.
func (s *Store) marker() (m marker, up bool, err error) {
	info, err := s.dir.Lstat(markerFile)
	if errors.Is(err, fs.ErrNotExist) {
		return marker{}, false, nil
	}
	if err != nil {
		return marker{}, false, err
	}
	return s.readMarker(info.ModTime), true, nil
}

func (s *Store) readMarker(made time.Time) marker {
	m := marker{StartedAt: made.UTC(), ClientID: "unknown", By: ByPerson}
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

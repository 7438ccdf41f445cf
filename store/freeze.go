package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"agent-secrets/audit"
	"agent-secrets/internal/fsx"
	"agent-secrets/internal/strictjson"
)

// Who can hold the store frozen.
const (
	ByPerson     = "person"
	ByHeartbeat  = "heartbeat"
	ByKillswitch = "killswitch" // that has not come to its end
)

// Hold is one reason for which nothing is granted.
type Hold struct {
	By       string    `json:"by"`
	Since    time.Time `json:"since"`
	ClientID string    `json:"client_id"`
	// What a killswitch has still to do, and the process that is about it.
	Rotate bool   `json:"rotate,omitempty"`
	Wipe   bool   `json:"wipe,omitempty"`
	Owner  string `json:"owner,omitempty"`
}

// freeze is the content of the file frozen. While the file is there, whatever
// it holds, nothing is granted: a file that cannot be read, an empty one on a
// full disk say, is a person's.
type freeze struct {
	Version int    `json:"version"`
	Holds   []Hold `json:"holds"`
}

const (
	freezeVersion = 1
	maxFreeze     = 16 << 10
)

// Freeze refuses every grant from now on, and then writes that to the log. It
// takes effect before the lock is asked for, so that it may be in force although
// there was an error. Doing it twice is no error; already says so.
func (s *Store) Freeze(ctx context.Context, by string) (already bool, err error) {
	already = s.heldBy(by)
	raised := s.raiseFreeze(by)
	err = s.update(ctx, func(t *tx) error {
		if err := t.hold(s.newHold(by)); err != nil {
			return err
		}
		raised = nil
		return t.note(audit.Event{Event: audit.Freeze, OK: true, ClientID: s.opts.ClientID, Reason: by})
	})
	return already, errors.Join(raised, err)
}

// raiseFreeze makes the file, unless it is there, without the lock.
func (s *Store) raiseFreeze(by string) error {
	data, err := encodeHolds([]Hold{s.newHold(by)})
	if err != nil {
		return err
	}
	err = s.dir.Create(frozenFile, data)
	if err == nil {
		return nil
	}
	if there, _ := s.dir.Exists(frozenFile); there {
		err = s.dir.Sync()
	}
	if err != nil {
		return fmt.Errorf("freeze: %w", err)
	}
	return nil
}

func (s *Store) newHold(by string) Hold {
	return Hold{By: by, Since: s.now(), ClientID: s.opts.ClientID}
}

func encodeHolds(holds []Hold) ([]byte, error) {
	data, err := json.Marshal(freeze{Version: freezeVersion, Holds: holds})
	return append(data, '\n'), err
}

// Holds returns why nothing is granted, but for a killswitch that has only
// begun. It returns none if grants are allowed.
func (s *Store) Holds() ([]Hold, error) {
	info, err := s.dir.Lstat(frozenFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	unknown := []Hold{{By: ByPerson, Since: info.ModTime.UTC(), ClientID: "unknown"}}
	data, _, err := s.dir.Read(frozenFile, maxFreeze)
	if errors.Is(err, fsx.ErrUnsafe) || errors.Is(err, fsx.ErrTooLarge) {
		return unknown, nil
	}
	if err != nil {
		return nil, err
	}
	var f freeze
	if strictjson.Decode(data, &f) != nil || f.Version != freezeVersion || len(f.Holds) == 0 {
		return unknown, nil
	}
	return f.Holds, nil
}

// heldBy reports whether there is a hold by whom, as far as can be seen.
func (s *Store) heldBy(by string) bool {
	holds, _ := s.Holds()
	return slices.ContainsFunc(holds, func(h Hold) bool { return h.By == by })
}

// Frozen reports whether grants are refused at present.
func (s *Store) Frozen() (bool, error) {
	up, err := s.markerUp()
	if up || err != nil {
		return up, err
	}
	return s.dir.Exists(frozenFile)
}

// refuseFrozen is the error of a grant while the store is frozen.
func (s *Store) refuseFrozen() error {
	frozen, err := s.dir.Exists(frozenFile)
	if err != nil || !frozen {
		return err
	}
	if s.heldBy(ByKillswitch) {
		return ErrUnfinished
	}
	holds, err := s.Holds()
	for _, h := range holds {
		return fmt.Errorf("%w since %s by %s", ErrFrozen, h.Since.Format(time.RFC3339), h.words())
	}
	return errors.Join(ErrFrozen, err)
}

func (h Hold) words() string {
	if h.By == ByHeartbeat {
		return "the heartbeat"
	}
	return h.ClientID
}

// Thaw allows grants again and returns what had held them. A killswitch that
// has not come to its end cannot be lifted, only finished.
func (s *Store) Thaw(ctx context.Context) ([]Hold, error) {
	return s.lift(ctx, ByPerson, func(Hold) bool { return true })
}

// Lift takes back the heartbeat's hold alone.
func (s *Store) Lift(ctx context.Context) ([]Hold, error) {
	return s.lift(ctx, ByHeartbeat, func(h Hold) bool { return h.By == ByHeartbeat })
}

// lift is like a grant in that it needs everything to work, the log first.
func (s *Store) lift(ctx context.Context, by string, which func(Hold) bool) ([]Hold, error) {
	var lifted []Hold
	err := s.update(ctx, func(t *tx) error {
		holds, err := s.Holds()
		if err != nil {
			return err
		}
		for _, h := range holds {
			if which(h) {
				lifted = append(lifted, h)
			}
		}
		if len(lifted) == 0 {
			return nil
		}
		if slices.ContainsFunc(lifted, func(h Hold) bool { return h.By == ByKillswitch }) {
			return ErrUnfinished
		}
		err = t.note(audit.Event{Event: audit.Thaw, OK: true, ClientID: s.opts.ClientID, Reason: by})
		if err != nil {
			return err
		}
		return t.release(which)
	})
	return lifted, err
}

// hold adds holds to those that there are, in the place of those by the same,
// and for killswitches by the same process.
func (t *tx) hold(holds ...Hold) error {
	if len(holds) == 0 {
		return nil
	}
	old, err := t.store.Holds()
	if err != nil {
		return err
	}
	kept := slices.DeleteFunc(old, func(old Hold) bool {
		return slices.ContainsFunc(holds, func(h Hold) bool { return h.By == old.By && (h.By != ByKillswitch || h.Owner == old.Owner) })
	})
	return t.writeHolds(append(kept, holds...))
}

// release drops holds, and with the last one the file.
func (t *tx) release(which func(Hold) bool) error {
	holds, err := t.store.Holds()
	if err != nil {
		return err
	}
	return t.writeHolds(slices.DeleteFunc(holds, which))
}

func (t *tx) writeHolds(holds []Hold) error {
	dir := t.store.dir
	if len(holds) == 0 {
		return dir.Remove(t.held, frozenFile)
	}
	data, err := encodeHolds(holds)
	if err != nil {
		return err
	}
	return dir.Replace(t.held, frozenFile, data)
}

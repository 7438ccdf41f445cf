package store

import (
	"context"

	"agent-secrets/audit"
	"agent-secrets/lease"
)

// EnvFile is an env file that leases were written to.
type EnvFile struct {
	Path   string
	Active int // leases on it that are in force
}

// EnvFiles returns the env files that may still be there, in the order in which
// they were written.
func (s *Store) EnvFiles() ([]EnvFile, error) {
	state, err := s.readState()
	if err != nil {
		return nil, err
	}
	var files []EnvFile
	index := map[string]int{}
	for _, l := range state.Leases {
		if l.Path == "" || l.Wiped {
			continue
		}
		i, known := index[l.Path]
		if !known {
			i = len(files)
			index[l.Path] = i
			files = append(files, EnvFile{Path: l.Path})
		}
		if l.Active(s.now()) {
			files[i].Active++
		}
	}
	return files, nil
}

// EnvWritten writes to the log that an env file was written, and ends the
// leases that were on the file before.
func (s *Store) EnvWritten(ctx context.Context, path, clientID string, current []Grant) error {
	return s.update(ctx, func(t *tx) error {
		state, err := t.state()
		if err != nil {
			return err
		}
		keep := map[string]bool{}
		for _, g := range current {
			keep[g.LeaseID] = true
		}
		var replaced []*lease.Lease
		for _, l := range state.Active(t.now) {
			if l.Path == path && !keep[l.ID] {
				replaced = append(replaced, l)
			}
		}
		if err := t.enforce(t.endEvents(replaced, lease.Replaced)...); err != nil {
			return err
		}
		return t.note(audit.Event{Event: audit.EnvWrite, OK: true, Path: path, ClientID: clientID, Count: len(current)})
	})
}

// EnvWiped writes down that env files are gone.
func (s *Store) EnvWiped(ctx context.Context, paths ...string) error {
	if len(paths) == 0 {
		return nil
	}
	return s.update(ctx, func(t *tx) error {
		events := make([]audit.Event, len(paths))
		for i, path := range paths {
			events[i] = audit.Event{Event: audit.EnvWipe, OK: true, Path: path, ClientID: s.opts.ClientID}
		}
		return t.enforce(events...)
	})
}

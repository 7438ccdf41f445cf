package store

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// stateFiles are the files that may lie in the directory.
func stateFiles() []string {
	return []string{
		lockFile, identityFile, storeFile, backupFile, ledgerFile, auditFile, configFile,
		markerFile, frozenFile, watchFile, watchLockFile, rotateLockFile,
	}
}

// Finding is what is wrong with a file, or with the directory.
type Finding struct {
	File string // its name; empty for the directory
	Err  error
}

// Inspect looks at the kind, owner and mode of the directory and of each file
// in it, on a store that was opened whatever these are.
func (s *Store) Inspect() []Finding {
	var found []Finding
	if err := s.dir.Examine(); err != nil {
		found = append(found, Finding{Err: err})
	}
	for _, name := range stateFiles() {
		if err := s.dir.ExamineFile(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			found = append(found, Finding{File: name, Err: err})
		}
	}
	return found
}

// Restrict gives the directory and its files the modes that they should have.
func (s *Store) Restrict() error { return s.dir.Restrict(stateFiles()...) }

// ConfigError is what is wrong with the settings of a store that was opened
// whatever they are.
func (s *Store) ConfigError() error { return s.configErr }

// Leftovers are the temporary files of writes that were interrupted.
func (s *Store) Leftovers() []string {
	var left []string
	for _, name := range stateFiles() {
		if there, _ := s.dir.Exists(name + ".tmp"); there {
			left = append(left, name+".tmp")
		}
	}
	if there, _ := s.dir.Exists(reserveFile); there {
		left = append(left, reserveFile)
	}
	return left
}

// RemoveLeftovers removes them, while nobody writes.
func (s *Store) RemoveLeftovers(ctx context.Context) error {
	held, err := s.lock(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range s.Leftovers() {
		errs = append(errs, s.dir.Remove(held, name))
	}
	return errors.Join(append(errs, held.Unlock())...)
}

// CheckLock takes the lock and gives it back.
func (s *Store) CheckLock(ctx context.Context) error {
	held, err := s.lock(ctx)
	if err != nil {
		return err
	}
	return held.Unlock()
}

// Newest is when the newest line was written to the log.
func (s *Store) Newest() (time.Time, error) {
	head, err := s.newestHead()
	return head.Time, err
}

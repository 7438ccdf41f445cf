package store

import (
	"fmt"
	"time"

	"agent-secrets/internal/fsx"

	"filippo.io/age"
)

// snapshot is the store as it was read once.
type snapshot struct {
	payload
	identity   *age.X25519Identity
	ciphertext []byte
	info       fsx.Info // of the file that was read
}

// load reads and decrypts the store. It needs no lock, because the file is
// only ever replaced as a whole.
func (s *Store) load() (*snapshot, error) {
	id, _, err := s.opts.identity(s.dir)
	if err != nil {
		return nil, s.orWiped(err)
	}
	snap, err := readStore(s.dir, id)
	return snap, s.orWiped(err)
}

// orWiped explains an error by the log, if that says that there is no store.
func (s *Store) orWiped(err error) error {
	if err == nil {
		return nil
	}
	if there, _ := s.dir.Exists(storeFile); there {
		return err
	}
	if head, unreadable := s.newestHead(); s.wipePending() || unreadable == nil && head.Generation == 0 {
		return fmt.Errorf("%s: %w", s.opts.Path, ErrWiped)
	}
	return err
}

func readStore(dir *fsx.Dir, id *age.X25519Identity) (*snapshot, error) {
	ciphertext, info, err := dir.Read(storeFile, maxStore)
	if err != nil {
		return nil, missing(err, ErrCorrupt)
	}
	p, err := decrypt(ciphertext, id)
	if err != nil {
		return nil, inFile(dir.Path(storeFile), err)
	}
	return &snapshot{payload: p, identity: id, ciphertext: ciphertext, info: info}, nil
}

// Secret describes a secret. Its value is not among it.
type Secret struct {
	Name        string
	RotateVia   string        // command that renews it, or empty
	RotateEvery time.Duration // 0: when somebody asks for it
	CreatedAt   time.Time
	UpdatedAt   time.Time
	RotatedAt   time.Time // zero if never
	DueAt       time.Time // of the next rotation, zero if none is planned
}

// Overdue reports whether the secret should have been rotated before now.
func (s Secret) Overdue(now time.Time) bool { return !s.DueAt.IsZero() && !now.Before(s.DueAt) }

func (r record) describe() Secret {
	return Secret{
		Name: r.Name, RotateVia: r.RotateVia, RotateEvery: r.RotateEvery.Duration(),
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, RotatedAt: r.RotatedAt, DueAt: r.dueAt(),
	}
}

// Secrets describes every secret, sorted by name.
func (s *Store) Secrets() ([]Secret, error) {
	snap, err := s.load()
	if err != nil {
		return nil, err
	}
	records, err := snap.all()
	if err != nil {
		return nil, inFile(s.dir.Path(storeFile), err)
	}
	secrets := make([]Secret, len(records))
	for i, r := range records {
		secrets[i] = r.describe()
	}
	return secrets, nil
}

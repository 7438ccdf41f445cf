package store

import (
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
		return nil, err
	}
	return readStore(s.dir, id)
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
	Name      string
	RotateVia string // command that renews it, or empty
	CreatedAt time.Time
	UpdatedAt time.Time
	RotatedAt time.Time // zero if never
}

func (r record) describe() Secret {
	return Secret{Name: r.Name, RotateVia: r.RotateVia, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, RotatedAt: r.RotatedAt}
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

// Package store is the state directory as one thing: an age-encrypted store of
// secrets, the ledger of leases on them, the audit log and the settings, with
// one lock around every change and one order of writes.
//
// # What is promised
//
// Nothing that was acknowledged is lost to a crash, and no value leaves before
// its audit line is on disk. A grant needs everything to work; a revocation
// needs as little as possible to work. The log is the truth and the ledger its
// index: a grant is appended to the log, then to the ledger, the lock is given
// back, the log is synced once, and only then does the caller get the value.
// Ledger lines that a crash took are written again from the log by the next
// writer. A revocation goes to the ledger first and to the log after. A change
// of the store is announced in the log, with the generation that the store will
// have, before the store is replaced.
//
// # Files
//
//	identity.age   the X25519 identity, as age-keygen writes it
//	secrets.age    the store, one age file; secrets.age.bak is the generation before
//	leases.jsonl   the ledger, see package lease
//	audit.jsonl    the log, see package audit
//	config.json    the settings
//	lock           the lock, never removed or replaced
//	killswitch     the marker of a killswitch that has not finished; while it is
//	               there no lease is in force and none is granted. On a disk
//	               without room for it, it is the ledger under another name
//	frozen         why nothing is granted; while it is there, nothing is
//	watch.json     what watch has to remember from one run to the next
//	rotate.lock    held while a rotation hook runs
//	watch.lock     held by watch
//
// Nothing outside this package knows that state is files.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"agent-secrets/audit"
	"agent-secrets/internal/fsx"
)

const (
	identityFile = "identity.age"
	storeFile    = "secrets.age"
	backupFile   = "secrets.age.bak"
	ledgerFile   = "leases.jsonl"
	auditFile    = audit.FileName
	configFile   = "config.json"
	lockFile     = "lock"
	markerFile   = "killswitch"
	frozenFile   = "frozen"
)

// Options is what a store takes from its surroundings.
type Options struct {
	Path         string // of the state directory
	Identity     string // text of an identity to use, or empty
	IdentityFile string // file of an identity to use, or empty
	ClientID     string // who asks, for the audit log
	Now          func() time.Time
	Rand         io.Reader // cryptographically secure
	// Alive reports whether the process that a lease is bound to still runs.
	Alive func(owner string) bool
	// Owner returns this process as Alive knows it. nil, like an empty text, is
	// one that nobody knows.
	Owner func() string
	// OpenDir opens the state directory, MakeDir makes it first.
	OpenDir, MakeDir func(path string) (fsx.FS, error)
}

// Store is a state directory that has been initialised.
type Store struct {
	opts   Options
	dir    *fsx.Dir
	config Config
	// lenient: it was opened for a killswitch, which works on what others refuse.
	lenient   bool
	configErr error // then only
	impatient bool  // a killswitch waited for the lock in vain: nothing after it waits again
}

// Open opens the state directory. It reads the settings and nothing else.
func Open(opts Options) (*Store, error) {
	fsys, err := openDir(opts)
	if err != nil {
		return nil, err
	}
	dir, err := fsx.NewDir(fsys)
	if err != nil {
		return nil, errors.Join(ifOurs(fsys, err), fsys.Close())
	}
	s := &Store{opts: opts, dir: dir}
	if err := s.checkInitialized(); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	if s.config, err = readConfig(dir); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return s, nil
}

// ifOurs keeps a directory that is not a store from being called an unsafe one,
// whose modes somebody would then change.
func ifOurs(fsys fsx.FS, err error) error {
	if !errors.Is(err, fsx.ErrUnsafe) {
		return err
	}
	for _, name := range []string{lockFile, identityFile, storeFile} {
		if _, missing := fsys.Lstat(name); !errors.Is(missing, fs.ErrNotExist) {
			return err
		}
	}
	return fmt.Errorf("%s: %w", fsys.Path(), ErrNotInitialized)
}

// OpenToRead opens the state directory for reading the log, which must be
// possible while the settings are broken or gone.
func OpenToRead(opts Options) (*Store, error) {
	fsys, err := openDir(opts)
	if err != nil {
		return nil, err
	}
	dir, err := fsx.NewDir(fsys)
	if err != nil {
		return nil, errors.Join(err, fsys.Close())
	}
	s := &Store{opts: opts, dir: dir, config: DefaultConfig()}
	if err := s.checkInUse(); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return s, nil
}

// OpenForKillswitch opens the state directory whatever its settings and modes
// are like: broken settings are replaced by the defaults.
func OpenForKillswitch(opts Options) (*Store, error) {
	fsys, err := openDir(opts)
	if err != nil {
		return nil, err
	}
	s := &Store{opts: opts, dir: fsx.LenientDir(fsys), lenient: true}
	if err := s.checkInUse(); err != nil {
		return nil, errors.Join(err, s.dir.Close())
	}
	if s.config, s.configErr = readConfig(s.dir); s.configErr != nil {
		s.config = DefaultConfig()
	}
	return s, nil
}

func openDir(opts Options) (fsx.FS, error) {
	fsys, err := opts.OpenDir(opts.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", opts.Path, ErrNotInitialized)
	}
	return fsys, err
}

// checkInitialized tells a directory where init never ended from one that lost
// a file later: config.json is the last file that init writes.
func (s *Store) checkInitialized() error {
	for _, name := range []string{configFile, lockFile} {
		ok, err := s.dir.Exists(name)
		if err != nil {
			return err
		}
		if !ok && s.checkInUse() == nil {
			return fmt.Errorf("%s: %w: there is no %s", s.opts.Path, ErrIncomplete, name)
		}
		if !ok {
			return fmt.Errorf("%s: %w", s.opts.Path, ErrNotInitialized)
		}
	}
	return nil
}

// checkInUse asks less: a killswitch works wherever there may be leases, and
// so does looking at the log.
func (s *Store) checkInUse() error {
	for _, name := range []string{ledgerFile, auditFile, storeFile} {
		if ok, err := s.dir.Exists(name); ok || err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: %w", s.opts.Path, ErrNotInitialized)
}

// Config returns the settings.
func (s *Store) Config() Config { return s.config }

// Path returns the path of the state directory.
func (s *Store) Path() string { return s.opts.Path }

// Close closes the directory.
func (s *Store) Close() error { return s.dir.Close() }

// lock waits for the lock for as long as the settings say.
func (s *Store) lock(ctx context.Context) (*fsx.Held, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	wait := s.config.LockTimeout.Duration()
	if s.impatient {
		wait = 0
	}
	held, err := s.dir.Lock(lockFile, wait)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w: there is no %s", s.opts.Path, ErrNotInitialized, lockFile)
	}
	return held, err
}

// missing turns the absence of a file that init made into the corruption that
// it is.
func missing(err, corrupt error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %v", corrupt, err)
	}
	return err
}

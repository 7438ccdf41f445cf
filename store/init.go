package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"agent-secrets/audit"
	"agent-secrets/internal/fsx"

	"filippo.io/age"
)

// Initialized is what init made.
type Initialized struct {
	Path      string
	Identity  string // where the identity is
	Recipient string // its public key
	Completed bool   // an init that was interrupted, or a file that was lost
}

// Init makes the state directory and its files. One that was interrupted is
// completed: what is there is checked and kept, what is missing is made. It
// never replaces an identity, and never makes an empty store where there was
// one, unless the log says that it was wiped. key is the text of an identity to keep in the directory, or nil for a new
// one; it is not used if opts name an identity elsewhere.
func Init(ctx context.Context, opts Options, key []byte) (Initialized, error) {
	fsys, err := opts.MakeDir(opts.Path)
	if err != nil {
		return Initialized{}, createError(err)
	}
	dir, err := fsx.NewDir(fsys)
	if err != nil {
		if errors.Is(ifOurs(fsys, err), ErrNotInitialized) {
			err = fmt.Errorf("%w: %v", ErrCannotCreate, err) // somebody else's directory
		}
		return Initialized{}, errors.Join(err, fsys.Close())
	}
	defer dir.Close()
	s := &Store{opts: opts, dir: dir, config: DefaultConfig()}
	ended, err := dir.Exists(configFile) // an init, before now
	if err != nil {
		return Initialized{}, err
	}
	made := dir.Create(lockFile, nil)
	if made != nil && !errors.Is(made, fs.ErrExist) {
		return Initialized{}, made
	}
	held, err := s.lock(ctx)
	if err != nil {
		return Initialized{}, err
	}
	in := &initializer{tx: tx{store: s, held: held, now: s.now()}, key: key, lockLost: ended && made == nil}
	err = in.run()
	return in.result, errors.Join(err, held.Unlock(), in.close())
}

// createError tells a path at which no directory can be from a disk that takes
// none.
func createError(err error) error {
	for _, place := range []error{syscall.ENOTDIR, syscall.EEXIST, syscall.ENOENT, syscall.EACCES, syscall.EPERM} {
		if errors.Is(err, place) {
			return fmt.Errorf("%w: %w", ErrCannotCreate, err)
		}
	}
	return err
}

// initializer makes the files in the order in which they need each other; the
// settings come last and stand for the end.
type initializer struct {
	tx
	key        []byte
	lockLost   bool // and made anew
	wiped      bool // the log goes on, with another store
	destroyed  bool // and does not say so yet
	there      map[string]bool
	generation uint64
	result     Initialized
}

func (in *initializer) run() error {
	if err := in.survey(); err != nil {
		return err
	}
	for _, step := range []func() error{in.finishWipe, in.makeStore, in.makeLog, in.makeLedger, in.beginAgain, in.makeConfig} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (in *initializer) survey() error {
	in.there = map[string]bool{}
	for _, name := range []string{identityFile, storeFile, backupFile, ledgerFile, auditFile, configFile} {
		there, err := in.store.dir.Exists(name)
		if err != nil {
			return err
		}
		in.there[name] = there
	}
	if in.there[auditFile] {
		head, err := in.store.newestHead()
		in.wiped = err == nil && head.Generation == 0
		in.destroyed = !in.there[storeFile] && !in.there[identityFile] && in.store.wipePending()
	}
	in.result.Path = in.store.opts.Path
	in.result.Completed = in.there[storeFile]
	if !in.lockLost && !in.wiped && in.there[storeFile] && in.there[ledgerFile] && in.there[auditFile] && in.there[configFile] {
		return fmt.Errorf("%s: %w", in.store.opts.Path, ErrAlreadyInitialized)
	}
	return nil
}

// finishWipe writes down a wipe that was interrupted before it was logged.
func (in *initializer) finishWipe() error {
	if !in.destroyed || in.wiped {
		return nil
	}
	if err := in.openLog(); err != nil {
		return err
	}
	in.wiped = true
	err := errors.Join(in.noteWipe(), in.logFile.Close())
	in.logFile, in.log = nil, nil
	return err
}

func (in *initializer) makeStore() error {
	dir := in.store.dir
	if !in.there[storeFile] && !in.wiped && (in.there[backupFile] || in.there[ledgerFile] || in.there[auditFile]) {
		return fmt.Errorf("%s: %w: the file is gone; %s may hold the generation before", dir.Path(storeFile), ErrCorrupt, backupFile)
	}
	id, err := in.identity()
	if err != nil {
		return err
	}
	in.result.Recipient = id.Recipient().String()
	if in.there[storeFile] {
		snap, err := readStore(dir, id)
		if err != nil {
			return err
		}
		in.generation = snap.Generation
		return nil
	}
	in.generation = 1
	empty := payload{header: header{Version: payloadVersion, Generation: in.generation}}
	ciphertext, err := encrypt(empty, id.Recipient())
	if err != nil {
		return err
	}
	return dir.Replace(in.held, storeFile, ciphertext)
}

// identity returns the identity to encrypt to, and keeps it in the directory
// unless it lives elsewhere.
func (in *initializer) identity() (*age.X25519Identity, error) {
	opts, dir := in.store.opts, in.store.dir
	elsewhere := opts.Identity != "" || opts.IdentityFile != ""
	if elsewhere || in.there[identityFile] {
		id, from, err := opts.identity(dir)
		in.result.Identity = from
		return id, in.checkKey(id, err)
	}
	if in.there[storeFile] {
		return nil, fmt.Errorf("%w: the store is there, and %s is not", ErrIdentityMissing, dir.Path(identityFile))
	}
	id, err := in.newIdentity()
	if err != nil {
		return nil, err
	}
	in.result.Identity = dir.Path(identityFile)
	return id, dir.Replace(in.held, identityFile, identityFileFor(id, in.now))
}

// checkKey refuses to go on with an identity that is not the one asked for.
func (in *initializer) checkKey(id *age.X25519Identity, err error) error {
	if err != nil || in.key == nil {
		return err
	}
	wanted, err := parseIdentity(in.key)
	if err == nil && wanted.String() != id.String() {
		err = fmt.Errorf("%s: %w with another identity, which is not replaced", in.result.Identity, ErrAlreadyInitialized)
	}
	return err
}

func (in *initializer) newIdentity() (*age.X25519Identity, error) {
	if in.key != nil {
		return parseIdentity(in.key)
	}
	return age.GenerateX25519Identity()
}

// makeLog begins the log. It is written as a whole, so that no log without its
// first line is ever seen. A log that is made for a store that was in use
// vouches for no lease: the ledger is set aside with it.
func (in *initializer) makeLog() error {
	dir := in.store.dir
	if in.there[auditFile] {
		return in.openLog()
	}
	if in.there[ledgerFile] {
		if err := dir.SetAside(in.held, ledgerFile, setAsideName(ledgerFile, in.now)); err != nil {
			return err
		}
		in.there[ledgerFile] = false
	}
	first, err := audit.FirstLine(in.now, audit.Event{
		Event: audit.Init, OK: true, ClientID: in.store.opts.ClientID, Generation: in.generation,
	})
	if err != nil {
		return err
	}
	if err := dir.Replace(in.held, auditFile, first); err != nil {
		return err
	}
	return in.openLog()
}

// makeLedger writes the ledger that the log speaks of.
func (in *initializer) makeLedger() error {
	if in.there[ledgerFile] {
		return in.openLedger()
	}
	return in.writeLedger(true)
}

// beginAgain notes a store that was made after a wipe. What the killswitch that
// wiped the old one left undone has nothing to do with the new one.
func (in *initializer) beginAgain() error {
	if !in.wiped {
		return nil
	}
	if err := in.recover(); err != nil {
		return err
	}
	if err := in.dropOwnHold(); err != nil {
		return err
	}
	return in.note(audit.Event{Event: audit.Init, OK: true, ClientID: in.store.opts.ClientID, Generation: in.generation})
}

func (in *initializer) makeConfig() error {
	dir := in.store.dir
	if in.there[configFile] {
		_, err := readConfig(dir)
		return err
	}
	data, err := DefaultConfig().encode()
	if err != nil {
		return err
	}
	return dir.Replace(in.held, configFile, data)
}

// IdentityKey reads the identity file that a user named for init.
func IdentityKey(path string) ([]byte, error) {
	key, err := fsx.ReadExternal(path, maxIdentity)
	if errors.Is(err, fsx.ErrTooLarge) {
		return nil, identityError(err, path)
	}
	if err != nil {
		return nil, err
	}
	if _, err := parseIdentity(key); err != nil {
		return nil, inFile(path, err)
	}
	return key, nil
}

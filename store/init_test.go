package store

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
)

// made are the files that init makes, in their order.
var made = []string{lockFile, identityFile, storeFile, auditFile, ledgerFile, configFile}

func TestInitCompletesOneThatWasInterruptedAnywhere(t *testing.T) {
	t.Parallel()
	for kept := range made {
		h := newHome(t)
		identity := h.read(identityFile)
		for _, name := range made[kept:] {
			check(t, os.Remove(h.file(name)))
		}
		if _, err := Open(h.options()); !errors.Is(err, ErrNotInitialized) {
			t.Errorf("%d files: opened: %v", kept, err)
		}
		got, err := Init(ctx, h.options(), nil)
		if check(t, err); got.Completed != (kept > 2) {
			t.Errorf("%d files: %+v", kept, got)
		}
		if kept > 1 && string(h.read(identityFile)) != string(identity) {
			t.Errorf("%d files: the identity was replaced", kept)
		}
		h.add("a", "x")
		h.grant("a")
		h.verified()
		before := h.files()
		if _, err := Init(ctx, h.options(), nil); !errors.Is(err, ErrAlreadyInitialized) {
			t.Error(err)
		}
		h.unchanged(before, "init again")
	}
}

func TestInitMakesNoStoreWhereThereWasOne(t *testing.T) {
	t.Parallel()
	for _, witness := range []string{backupFile, ledgerFile, auditFile} {
		h := newHome(t, "a")
		for _, name := range []string{storeFile, backupFile, ledgerFile, auditFile, configFile} {
			if name != witness {
				check(t, os.Remove(h.file(name)))
			}
		}
		before := h.files()
		if _, err := Init(ctx, h.options(), nil); !errors.Is(err, ErrCorrupt) {
			t.Errorf("only %s: %v", witness, err)
		}
		h.unchanged(before, "only "+witness)
	}
}

func TestInitRefusesWhatItCannotReadAndLeavesIt(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]error{identityFile: ErrIdentityInvalid, storeFile: ErrCorrupt, auditFile: nil, ledgerFile: nil} {
		for _, content := range []string{"", "hello\n"} {
			h := newHome(t, "a")
			check(t, os.Remove(h.file(configFile)))
			h.write(name, []byte(content))
			before := h.files()
			if _, err := Init(ctx, h.options(), nil); err == nil || !errors.Is(err, want) && !corrupt(err) {
				t.Errorf("%s: %v", name, err)
			}
			h.unchanged(before, name)
		}
	}
}

func TestInitNeverReplacesAnIdentity(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	other, err := age.GenerateX25519Identity()
	check(t, err, os.Remove(h.file(configFile)))
	before := h.files()
	if _, err := Init(ctx, h.options(), []byte(other.String())); !errors.Is(err, ErrAlreadyInitialized) {
		t.Error(err)
	}
	opts := h.options()
	opts.Identity = other.String()
	if _, err := Init(ctx, opts, nil); !errors.Is(err, ErrWrongIdentity) {
		t.Error(err)
	}
	h.unchanged(before, "another identity")
	check(t, os.Remove(h.file(identityFile)))
	before = h.files()
	if _, err := Init(ctx, h.options(), nil); !errors.Is(err, ErrIdentityMissing) {
		t.Error(err)
	}
	h.unchanged(before, "no identity")
}

func TestInitTakesTheIdentityThatItIsGiven(t *testing.T) {
	t.Parallel()
	key, err := age.GenerateX25519Identity()
	check(t, err)
	h := newHome(t)
	check(t, os.RemoveAll(h.path))
	got, err := Init(ctx, h.options(), []byte(key.String()))
	if check(t, err); got.Recipient != key.Recipient().String() || !strings.Contains(string(h.read(identityFile)), key.String()) {
		t.Errorf("%+v", got)
	}
	check(t, os.RemoveAll(h.path))
	opts := h.options()
	opts.Identity = key.String()
	got, err = Init(ctx, opts, nil)
	if _, kept := h.files()[identityFile]; err != nil || kept || got.Recipient != key.Recipient().String() {
		t.Error("an identity that lives elsewhere was kept here", err)
	}
}

func TestParallelInitsMakeOneIdentity(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	check(t, os.RemoveAll(h.path))
	var (
		group sync.WaitGroup
		mutex sync.Mutex
		won   []string
	)
	for range 10 {
		group.Go(func() {
			got, err := Init(ctx, h.options(), nil)
			mutex.Lock()
			defer mutex.Unlock()
			if err == nil {
				won = append(won, got.Recipient)
			} else if !errors.Is(err, ErrAlreadyInitialized) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(won) != 1 || !strings.Contains(string(h.read(identityFile)), won[0]) {
		t.Errorf("%d won", len(won))
	}
	h.Store = h.open(h.options())
	h.add("a", "x")
	h.verified()
}

func TestWithoutItsLockAStoreIsNotInitialised(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a")
	check(t, os.Remove(h.file(lockFile)))
	before := h.files()
	_, opened := Open(h.options())
	_, granted := h.Grant(ctx, requests("a"), nil)
	if !errors.Is(opened, ErrNotInitialized) || !errors.Is(granted, ErrNotInitialized) {
		t.Error(opened, granted)
	}
	h.unchanged(before, "without a lock")
	_, err := Open(Options{Path: h.path + "x", OpenDir: h.opts.OpenDir})
	if !errors.Is(err, ErrNotInitialized) {
		t.Error(err)
	}
}

func TestFilesThatOthersCanReachAreRefused(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]os.FileMode{".": 0o750, configFile: 0o640, identityFile: 0o604, storeFile: 0o644, auditFile: 0o620, ledgerFile: 0o602, lockFile: 0o666} {
		h := newHome(t, "a")
		before := h.files()
		check(t, os.Chmod(h.file(name), mode))
		s, err := Open(h.options())
		if err == nil {
			_, err = s.Grant(ctx, requests("a"), nil)
			check(t, s.Close())
		}
		if err == nil || !strings.Contains(err.Error(), "open to others") {
			t.Errorf("%s: %v", name, err)
		}
		h.unchanged(before, name)
	}
}

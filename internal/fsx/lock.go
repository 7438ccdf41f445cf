package fsx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"
)

// ErrBusy means that another process held the lock for as long as we waited.
var ErrBusy = errors.New("locked by another process")

// BusyError says who held the lock. It is an [ErrBusy].
type BusyError struct {
	Path string
	PID  int // 0 where the system does not tell
	Wait time.Duration
}

func (e *BusyError) Error() string {
	holder := "another process"
	if e.PID > 0 {
		holder = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("lock %s: held by %s, waited %s", e.Path, holder, e.Wait)
}

func (e *BusyError) Is(target error) bool { return target == ErrBusy }

// Lock waits in the kernel's queue rather than poll, which keeps waits short
// and fair when many processes queue up. The lock counts only if the path still
// names the locked file: a lock on a file that was renamed away or replaced has
// two holders.
func (d *osDir) Lock(name string, wait time.Duration) (func() error, error) {
	path := filepath.Join(d.path, name)
	fl := flock.New(path, flock.SetFlag(os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK))
	if err := lockWithin(fl, wait); err != nil {
		if errors.Is(err, ErrBusy) {
			return nil, &BusyError{Path: path, PID: d.holder(name), Wait: wait}
		}
		return nil, err
	}
	if err := d.stillNamed(name, fl); err != nil {
		return nil, errors.Join(err, fl.Unlock())
	}
	return fl.Unlock, nil
}

func lockWithin(fl *flock.Flock, wait time.Duration) error {
	if ok, err := fl.TryLock(); ok || err != nil {
		return err
	}
	if wait <= 0 { // nobody is left in the queue, to get the lock later
		return ErrBusy
	}
	locked := make(chan error, 1)
	go func() { locked <- fl.Lock() }()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case err := <-locked:
		return err
	case <-timer.C:
		// A lock that arrives after all is given back at once. The result
		// is of no use to anyone: the descriptor is closed either way.
		go func() {
			if <-locked == nil {
				_ = fl.Unlock()
			}
		}()
		return ErrBusy
	}
}

func (d *osDir) stillNamed(name string, fl *flock.Flock) error {
	named, err := d.Lstat(name)
	if err != nil {
		return err
	}
	held, err := fl.Stat()
	if err != nil {
		return err
	}
	st, ok := held.Sys().(*syscall.Stat_t)
	if !ok || !named.SameFile(Info{Dev: uint64(st.Dev), Inode: st.Ino}) {
		return d.wrap("lock", name, errReplaced)
	}
	return nil
}

var errReplaced = errors.New("the file was replaced meanwhile")

package fsx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrUnsafe means that a file or directory could have been read or planted by
// someone else: its owner, its mode or its kind is wrong.
var ErrUnsafe = errors.New("unsafe permissions")

// UnsafeError says what is unsafe about which file. It is an [ErrUnsafe].
type UnsafeError struct {
	Path    string
	Problem string      // "is a symbolic link", "is readable by others (mode 0644)"
	Perm    fs.FileMode // the mode it should have, where chmod is the cure; else 0
}

func (e *UnsafeError) Error() string        { return e.Path + " " + e.Problem }
func (e *UnsafeError) Is(target error) bool { return target == ErrUnsafe }

// ErrTooLarge means that a file is larger than anything written here can be.
var ErrTooLarge = errors.New("file too large")

// Dir is a directory whose files are opened only after their kind, owner and
// mode were checked on the opened descriptor.
type Dir struct {
	fs      FS
	lenient bool
}

// NewDir checks the owner and mode of the directory and takes it into use.
func NewDir(fsys FS) (*Dir, error) {
	info, err := fsys.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkOwner(fsys.Path(), info, 0o700); err != nil {
		return nil, err
	}
	return &Dir{fs: fsys}, nil
}

// LenientDir takes a directory into use whatever its mode and those of its
// files: the killswitch must work on state that everything else refuses.
func LenientDir(fsys FS) *Dir { return &Dir{fs: fsys, lenient: true} }

// Path is the path of the file called name, for messages.
func (d *Dir) Path(name string) string { return filepath.Join(d.fs.Path(), name) }

// Close closes the directory. Files opened beneath it stay open.
func (d *Dir) Close() error { return d.fs.Close() }

// Exists reports whether something is called name, whatever it is.
func (d *Dir) Exists(name string) (bool, error) {
	_, err := d.fs.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Lstat describes the file called name without opening it.
func (d *Dir) Lstat(name string) (Info, error) { return d.fs.Lstat(name) }

// Read returns the whole of a file of at most limit bytes, and the description
// of the very file that was read.
func (d *Dir) Read(name string, limit int64) ([]byte, Info, error) {
	f, info, err := d.open(name, os.O_RDONLY)
	if err != nil {
		return nil, info, err
	}
	defer f.Close()
	if info.Size > limit {
		return nil, info, fmt.Errorf("%s: %w: %d bytes", d.Path(name), ErrTooLarge, info.Size)
	}
	data := make([]byte, info.Size)
	n, err := f.ReadAt(data, 0)
	if err == io.EOF {
		err = nil
	}
	return data[:n], info, err
}

func (d *Dir) open(name string, flag int) (File, Info, error) {
	f, err := d.fs.Open(name, flag)
	if err != nil {
		return nil, Info{}, d.explain(name, err)
	}
	info, err := f.Stat()
	if err == nil {
		err = d.check(name, info)
	}
	if err != nil {
		return nil, info, errors.Join(err, f.Close())
	}
	return f, info, nil
}

// explain names what stands in the file's place where the system's error for
// a refused link, directory or FIFO would puzzle.
func (d *Dir) explain(name string, err error) error {
	switch {
	case errors.Is(err, syscall.ELOOP):
		return &UnsafeError{Path: d.Path(name), Problem: "is a symbolic link"}
	case errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENXIO):
		return &UnsafeError{Path: d.Path(name), Problem: "is not a regular file"}
	}
	return err
}

func (d *Dir) check(name string, info Info) error {
	path := d.Path(name)
	switch {
	case info.Mode&fs.ModeSymlink != 0:
		return &UnsafeError{Path: path, Problem: "is a symbolic link"}
	case !info.Mode.IsRegular():
		return &UnsafeError{Path: path, Problem: "is not a regular file"}
	case info.Links > 1:
		return &UnsafeError{Path: path, Problem: fmt.Sprintf("has %d hard links", info.Links)}
	case d.lenient:
		return nil
	}
	return checkOwner(path, info, 0o600)
}

func checkOwner(path string, info Info, perm fs.FileMode) error {
	if me := os.Geteuid(); info.UID != me {
		return &UnsafeError{Path: path, Problem: fmt.Sprintf("belongs to user %d, not to %d, who runs this", info.UID, me)}
	}
	if mode := info.Mode.Perm(); mode&0o077 != 0 {
		return &UnsafeError{Path: path, Problem: fmt.Sprintf("is open to others (mode %04o)", mode), Perm: perm}
	}
	return nil
}

// Held is the proof that its holder has the lock of a directory. Whatever
// changes state asks for one.
type Held struct {
	dir    *Dir
	unlock func() error
}

// Lock takes the lock file called name, which must exist: it is never made
// here, because a lock made anew would have a second holder beside the first.
func (d *Dir) Lock(name string, wait time.Duration) (*Held, error) {
	info, err := d.fs.Lstat(name)
	if err == nil {
		err = d.check(name, info)
	}
	if err != nil {
		return nil, err
	}
	unlock, err := d.fs.Lock(name, wait)
	if err != nil {
		return nil, d.explain(name, err)
	}
	return &Held{dir: d, unlock: unlock}, nil
}

// Guard takes another lock than the one for the state: it protects no file, but
// keeps what it stands for from being done twice at a time. Nobody removes its
// file, so that whoever needs it first may make it.
func (d *Dir) Guard(name string, wait time.Duration) (release func() error, err error) {
	info, err := d.fs.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err = d.Create(name, nil); err == nil || errors.Is(err, fs.ErrExist) {
			info, err = d.fs.Lstat(name)
		}
	}
	if err == nil {
		err = d.check(name, info)
	}
	if err != nil {
		return nil, err
	}
	release, err = d.fs.Lock(name, wait)
	if err != nil {
		return nil, d.explain(name, err)
	}
	return release, nil
}

// Unlock gives the lock back. The token is of no use afterwards.
func (h *Held) Unlock() error {
	h.dir = nil
	return h.unlock()
}

// mustHold panics when a token does not stand for this directory's lock: that
// is a mistake in the program, and going on could lose state.
func (d *Dir) mustHold(h *Held) {
	if h == nil || h.dir != d {
		panic("fsx: " + d.fs.Path() + " is written without its lock")
	}
}

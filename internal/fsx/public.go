package fsx

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Public is a directory that belongs to other programs, such as a home or a
// project, and a place beneath it for files that everybody may read. A link on
// the way to a file is followed as long as it stays beneath the directory;
// where it leads out, every method fails with an [UnsafeError].
type Public struct {
	root *os.Root
}

// OpenPublic opens the directory at path.
func OpenPublic(path string) (*Public, error) {
	root, err := os.OpenRoot(path)
	return &Public{root}, err
}

// Close closes the directory.
func (p *Public) Close() error { return p.root.Close() }

// Exists reports whether a directory is at the path name.
func (p *Public) Exists(name string) bool {
	info, err := p.root.Stat(name)
	return err == nil && info.IsDir()
}

// Read returns the regular file at the path name, of at most limit bytes.
func (p *Public) Read(name string, limit int64) ([]byte, error) {
	info, err := p.root.Lstat(name)
	switch {
	case err != nil:
		return nil, p.explain(name, err)
	case !info.Mode().IsRegular():
		return nil, &UnsafeError{Path: p.path(name), Problem: "is not a regular file"}
	case info.Size() > limit:
		return nil, ErrTooLarge
	}
	data, err := p.root.ReadFile(name)
	return data, p.explain(name, err)
}

// Write makes data the content of the file at the path name, as a whole, with
// mode 0644, and makes the directories on the way with mode 0755, both less the
// umask.
func (p *Public) Write(name string, data []byte) error {
	dir, temp := filepath.Dir(name), name+".tmp"
	if err := p.root.MkdirAll(dir, 0o755); err != nil {
		return p.explain(dir, err)
	}
	if err := p.root.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return p.explain(temp, err)
	}
	if err := p.fill(temp, data); err != nil {
		return errors.Join(p.explain(temp, err), p.root.Remove(temp))
	}
	if err := p.root.Rename(temp, name); err != nil {
		return errors.Join(p.explain(name, err), p.root.Remove(temp))
	}
	return p.explain(dir, p.sync(dir))
}

func (p *Public) fill(name string, data []byte) error {
	f, err := p.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (p *Public) sync(dir string) error {
	d, err := p.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (p *Public) path(name string) string { return filepath.Join(p.root.Name(), name) }

// explain gives errors the whole path. One that is not the system's is os.Root's
// own, which has one reason to refuse a path without ".." in it.
func (p *Public) explain(name string, err error) error {
	var path *fs.PathError
	if !errors.As(err, &path) {
		return err
	}
	var system syscall.Errno
	if !errors.As(path.Err, &system) {
		return &UnsafeError{Path: p.path(name), Problem: "leads out of " + p.root.Name() + " by a symbolic link"}
	}
	return &fs.PathError{Op: path.Op, Path: p.path(name), Err: path.Err}
}

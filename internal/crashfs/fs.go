package crashfs

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"agent-secrets/internal/fsx"
)

// Open opens the directory, called path in messages. It fits
// store.Options.OpenDir.
func (d *Disk) Open(path string) (fsx.FS, error) {
	dir := &dir{disk: d, path: path}
	err := dir.do(Look, "open", "", func() error {
		if !d.made {
			return syscall.ENOENT
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return dir, nil
}

// Make makes the directory, durably, and opens it.
func (d *Disk) Make(path string) (fsx.FS, error) {
	dir := &dir{disk: d, path: path}
	if !d.made {
		err := dir.do(MakeDir, "mkdir", "", func() error { d.made = true; return nil })
		if err != nil {
			return nil, err
		}
	}
	return d.Open(path)
}

// Stdout returns a writer whose every Write is an operation of the disk, so
// that what is written after the process died does not count.
func (d *Disk) Stdout(to io.Writer) io.Writer { return stdout{d, to} }

type stdout struct {
	disk *Disk
	to   io.Writer
}

func (s stdout) Write(p []byte) (n int, err error) {
	op := Op{Kind: Output, What: "output"}
	if err := s.disk.begin(op); err != nil {
		return 0, err
	}
	n, err = s.to.Write(p)
	s.disk.end(op)
	return n, err
}

// dir is an open directory.
type dir struct {
	disk *Disk
	path string
}

// do makes work an operation.
func (d *dir) do(kind Kind, verb, name string, work func() error) error {
	op := Op{Kind: kind, What: verb + " " + name}
	err := d.disk.begin(op)
	if err == nil {
		if err = work(); err == nil || err == io.EOF {
			d.disk.end(op)
		}
	}
	if err == nil || err == io.EOF {
		return err
	}
	return &fs.PathError{Op: verb, Path: filepath.Join(d.path, name), Err: err}
}

func (d *dir) Path() string { return d.path }

func (d *dir) Stat() (info fsx.Info, err error) {
	err = d.do(Look, "stat", "", func() error {
		info = fsx.Info{Mode: fs.ModeDir | 0o700, UID: os.Geteuid(), Links: 2, Dev: 1, Inode: 1}
		return nil
	})
	return info, err
}

// Chmod changes nothing: there is the one mode.
func (d *dir) Chmod(fs.FileMode) error {
	return d.do(Chmod, "chmod", "", func() error { return nil })
}

func (d *dir) Lstat(name string) (info fsx.Info, err error) {
	err = d.do(Look, "lstat", name, func() error {
		n := d.disk.names[name]
		if n == nil {
			return syscall.ENOENT
		}
		info = d.info(n)
		return nil
	})
	return info, err
}

func (d *dir) info(n *node) fsx.Info {
	return fsx.Info{
		Mode: 0o600, Size: int64(len(n.seen)), UID: os.Geteuid(), Links: d.disk.links(n),
		Dev: 1, Inode: n.inode, ModTime: n.modified,
	}
}

func (d *dir) Open(name string, flag int) (fsx.File, error) {
	n := d.disk.names[name]
	kind := Look
	switch {
	case n == nil && flag&os.O_CREATE != 0:
		kind = Create
	case flag&(os.O_WRONLY|os.O_RDWR) != 0:
		kind = OpenWrite
	}
	err := d.do(kind, "open", name, func() error {
		switch {
		case n == nil && kind != Create:
			return syscall.ENOENT
		case n != nil && flag&os.O_EXCL != 0:
			return syscall.EEXIST
		case n == nil:
			n = d.disk.newNode()
			d.disk.rename(func(t table) { t[name] = n })
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &file{dir: d, name: name, node: n, appends: flag&os.O_APPEND != 0}, nil
}

func (d *dir) Rename(from, to string) error {
	return d.do(Rename, "rename", from, func() error {
		n := d.disk.names[from]
		if n == nil {
			return syscall.ENOENT
		}
		d.disk.rename(func(t table) { delete(t, from); t[to] = n })
		return nil
	})
}

func (d *dir) Remove(name string) error {
	return d.do(Remove, "remove", name, func() error {
		if d.disk.names[name] == nil {
			return syscall.ENOENT
		}
		d.disk.rename(func(t table) { delete(t, name) })
		return nil
	})
}

func (d *dir) Sync() error {
	return d.do(SyncDir, "sync", "", func() error {
		d.disk.durable, d.disk.changes = d.disk.names, nil
		return nil
	})
}

// Lock never waits: there is one process at a time, and whoever finds the lock
// taken has taken it twice.
func (d *dir) Lock(name string, wait time.Duration) (func() error, error) {
	err := d.do(Lock, "lock", name, func() error {
		switch {
		case d.disk.names[name] == nil:
			return syscall.ENOENT
		case d.disk.locked[name]:
			return &fsx.BusyError{Path: name, Wait: wait}
		}
		if d.disk.locked == nil {
			d.disk.locked = map[string]bool{}
		}
		d.disk.locked[name] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	return func() error { d.disk.locked[name] = false; return nil }, nil
}

func (d *dir) Close() error {
	return d.do(Close, "close", "", func() error { return nil })
}

// file is an open file.
type file struct {
	dir     *dir
	name    string
	node    *node
	offset  int
	appends bool
}

func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.dir.do(Look, "read", f.name, func() error {
		seen := f.node.seen
		n = copy(p, seen[min(off, int64(len(seen))):])
		if n < len(p) {
			return io.EOF
		}
		return nil
	})
	return n, err
}

func (f *file) Write(p []byte) (n int, err error) {
	half := len(p) / 2
	disk := f.dir.disk
	if f.appends {
		f.offset = len(f.node.seen)
	}
	err = f.dir.do(Write, "write", f.name, func() error {
		if disk.watch != nil && half > 0 {
			f.put(p[:half])
			disk.watch(Op{Number: disk.ops, Kind: Write, What: "write " + f.name, Torn: true})
		}
		f.put(p)
		n = len(p)
		return nil
	})
	if err != nil && disk.fault.Short && disk.ops == disk.fault.At {
		n = half
		f.put(p[:n])
	}
	f.offset += n
	return n, err
}

// put writes at the offset, which stays.
func (f *file) put(p []byte) {
	seen := f.node.seen
	next := make([]byte, max(len(seen), f.offset+len(p)))
	copy(next, seen)
	copy(next[f.offset:], p)
	f.set(next)
}

func (f *file) set(content []byte) {
	f.node.seen = content
	f.dir.disk.touch(f.node)
}

func (f *file) Stat() (info fsx.Info, err error) {
	err = f.dir.do(Look, "fstat", f.name, func() error { info = f.dir.info(f.node); return nil })
	return info, err
}

// Chmod changes nothing: a file is made with the one mode there is.
func (f *file) Chmod(fs.FileMode) error {
	return f.dir.do(Chmod, "chmod", f.name, func() error { return nil })
}

func (f *file) Truncate(size int64) error {
	return f.dir.do(Truncate, "truncate", f.name, func() error {
		next := make([]byte, size)
		copy(next, f.node.seen)
		f.set(next)
		return nil
	})
}

func (f *file) Sync() error {
	return f.dir.do(Sync, "fsync", f.name, func() error { f.node.durable = f.node.seen; return nil })
}

func (f *file) Close() error {
	return f.dir.do(Close, "close", f.name, func() error { return nil })
}

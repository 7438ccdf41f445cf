package fsx

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// OpenDir opens the directory at path for use as an [FS]. A path whose last
// element is a symbolic link is refused.
func OpenDir(path string) (FS, error) {
	fd, err := retryFD(func() (int, error) {
		return unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
	switch err {
	case nil:
	case unix.ENOTDIR, unix.ELOOP:
		// The system says that a link to a directory is not one.
		return nil, &UnsafeError{Path: path, Problem: "is not a directory, or is a symbolic link to one"}
	default:
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return &osDir{fd: fd, path: path}, nil
}

// MakeDir makes the directory at path, with its parents, readable by its owner
// only whatever the umask, and opens it. It leaves an existing one as it is.
func MakeDir(path string) (FS, error) {
	parent := filepath.Dir(path)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, err
	}
	err := os.Mkdir(path, 0o700)
	if err == nil {
		err = os.Chmod(path, 0o700)
	}
	if err != nil && !os.IsExist(err) {
		return nil, err
	}
	// Also an existing one: whoever made it may have been killed before this. A
	// parent that we may not open is as durable as its owner made it.
	if err := syncDir(parent); err != nil && !os.IsPermission(err) {
		return nil, err
	}
	return OpenDir(path)
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// osDir is an FS on the operating system's: a descriptor that everything else
// is reached beneath, so that a directory exchanged later is never seen.
type osDir struct {
	fd   int
	path string
}

func (d *osDir) Path() string { return d.path }

func (d *osDir) wrap(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: filepath.Join(d.path, name), Err: err}
}

func (d *osDir) Stat() (Info, error) {
	var st unix.Stat_t
	err := retry(func() error { return unix.Fstat(d.fd, &st) })
	return infoOf(&st), d.wrap("stat", "", err)
}

func (d *osDir) Chmod(perm fs.FileMode) error {
	return d.wrap("chmod", "", retry(func() error { return unix.Fchmod(d.fd, uint32(perm.Perm())) }))
}

func (d *osDir) Lstat(name string) (Info, error) {
	var st unix.Stat_t
	err := retry(func() error { return unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	return infoOf(&st), d.wrap("stat", name, err)
}

// Open adds O_NONBLOCK so that a FIFO put in a file's place cannot hang it.
func (d *osDir) Open(name string, flag int) (File, error) {
	flag |= unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK
	fd, err := retryFD(func() (int, error) { return unix.Openat(d.fd, name, flag, 0o600) })
	if err != nil {
		return nil, d.wrap("open", name, err)
	}
	return &osFile{fd: fd, path: filepath.Join(d.path, name)}, nil
}

func (d *osDir) Rename(from, to string) error {
	return d.wrap("rename", from, retry(func() error { return unix.Renameat(d.fd, from, d.fd, to) }))
}

func (d *osDir) Remove(name string) error {
	return d.wrap("remove", name, retry(func() error { return unix.Unlinkat(d.fd, name, 0) }))
}

func (d *osDir) Sync() error {
	return d.wrap("sync", "", retry(func() error { return unix.Fsync(d.fd) }))
}

func (d *osDir) Close() error {
	return d.wrap("close", "", unix.Close(d.fd))
}

// osFile works on the descriptor directly: os.File would set up the network
// poller for a descriptor opened with O_NONBLOCK, which costs start-up time.
type osFile struct {
	fd   int
	path string
}

func (f *osFile) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: f.path, Err: err}
}

func (f *osFile) ReadAt(p []byte, off int64) (int, error) {
	total := 0
	for total < len(p) {
		n, err := retryFD(func() (int, error) { return unix.Pread(f.fd, p[total:], off+int64(total)) })
		if err != nil {
			return total, f.wrap("read", err)
		}
		if n == 0 {
			return total, io.EOF
		}
		total += n
	}
	return total, nil
}

func (f *osFile) Write(p []byte) (int, error) {
	n, err := retryFD(func() (int, error) { return unix.Write(f.fd, p) })
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return max(n, 0), f.wrap("write", err)
}

func (f *osFile) Stat() (Info, error) {
	var st unix.Stat_t
	err := retry(func() error { return unix.Fstat(f.fd, &st) })
	return infoOf(&st), f.wrap("stat", err)
}

func (f *osFile) Chmod(perm fs.FileMode) error {
	return f.wrap("chmod", retry(func() error { return unix.Fchmod(f.fd, uint32(perm.Perm())) }))
}

func (f *osFile) Truncate(size int64) error {
	return f.wrap("truncate", retry(func() error { return unix.Ftruncate(f.fd, size) }))
}

func (f *osFile) Sync() error {
	return f.wrap("sync", retry(func() error { return dataSync(f.fd) }))
}

func (f *osFile) Close() error {
	return f.wrap("close", unix.Close(f.fd))
}

// infoOf converts explicitly because the field types differ between systems.
func infoOf(st *unix.Stat_t) Info {
	return Info{
		Mode:    fs.FileMode(st.Mode&0o777) | typeOf(uint32(st.Mode)),
		Size:    st.Size,
		UID:     int(st.Uid),
		Links:   uint64(st.Nlink),
		Dev:     uint64(st.Dev),
		Inode:   st.Ino,
		ModTime: time.Unix(st.Mtim.Unix()),
	}
}

func typeOf(mode uint32) fs.FileMode {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return 0
	case unix.S_IFDIR:
		return fs.ModeDir
	case unix.S_IFLNK:
		return fs.ModeSymlink
	case unix.S_IFIFO:
		return fs.ModeNamedPipe
	case unix.S_IFSOCK:
		return fs.ModeSocket
	case unix.S_IFCHR, unix.S_IFBLK:
		return fs.ModeDevice
	}
	return fs.ModeIrregular
}

// retry repeats an interrupted system call, which network file systems allow.
func retry(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

func retryFD(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != unix.EINTR {
			return n, err
		}
	}
}

// Package fsx holds the file primitives that the state directory is built on:
// opening and checking files beneath one directory, the lock, atomic
// replacement and append-only journals. It is the only code that opens state
// files, and everything it does goes through [FS], whose every method is one
// physical operation, so that a test can stop a command after any of them.
//
// # What is durable when
//
// [Dir.Replace] writes a temporary file beside the target, fsyncs it, renames
// it into place and fsyncs the directory: after a crash at any point the target
// is the old file or the new one. [Journal.Append] is one write(2) of whole
// lines to a file opened with O_APPEND; it is durable after [Journal.Sync].
// A crash can leave a torn last line, or a run of zeros where data never
// reached the disk; both are for the journal's owner to recognise.
package fsx

import (
	"io"
	"io/fs"
	"time"
)

// FS is one opened directory. Every method is a single operation on the disk,
// takes a name without slashes, and never follows a symbolic link.
type FS interface {
	// Path is the directory's path as the user gave it, for messages.
	Path() string
	// Stat describes the directory itself, and Chmod sets its mode.
	Stat() (Info, error)
	Chmod(perm fs.FileMode) error
	// Lstat describes the file called name.
	Lstat(name string) (Info, error)
	// Open opens name with the O_ flags of package os; a created file has
	// mode 0600 less the umask.
	Open(name string, flag int) (File, error)
	Rename(from, to string) error
	Remove(name string) error
	// Sync makes created, renamed and removed names durable.
	Sync() error
	// Lock takes the exclusive lock on the existing file name, waiting for at
	// most wait. On timeout the error is a [*BusyError].
	Lock(name string, wait time.Duration) (unlock func() error, err error)
	Close() error
}

// File is an open file. Every method is one operation on the disk.
type File interface {
	io.ReaderAt
	// Write writes at the offset, or at the end of a file opened with
	// O_APPEND. A short count comes with an error.
	io.Writer
	Stat() (Info, error)
	Chmod(perm fs.FileMode) error
	Truncate(size int64) error
	// Sync makes the file's data and length durable.
	Sync() error
	Close() error
}

// Info is what the checks need to know of a file or directory.
type Info struct {
	Mode    fs.FileMode // type and permission bits
	Size    int64       // bytes
	UID     int         // owner
	Links   uint64      // number of hard links; 0 once the file is unlinked
	Dev     uint64
	Inode   uint64
	ModTime time.Time
}

// SameFile reports whether a and b describe the same file on disk.
func (a Info) SameFile(b Info) bool {
	return a.Dev == b.Dev && a.Inode == b.Inode
}

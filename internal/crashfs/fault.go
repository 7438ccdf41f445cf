package crashfs

import (
	"fmt"
	"syscall"
)

// Kind is what an operation does.
type Kind int

const (
	Look      Kind = iota // reads, or opens for reading
	OpenWrite             // opens an existing file for writing
	Create                // makes a file
	Write
	Truncate
	Chmod
	Sync
	SyncDir
	Rename
	Remove
	Lock
	Close
	MakeDir
	Output // a write to standard output
)

// changes reports whether an operation of the kind can leave another disk.
func (k Kind) changes() bool {
	switch k {
	case Create, Write, Truncate, Sync, SyncDir, Rename, Remove, MakeDir:
		return true
	}
	return false
}

// Op is one operation.
type Op struct {
	Number int // counted from 1
	Kind   Kind
	What   string // "write leases.jsonl"
	Torn   bool   // half of a write
}

func (o Op) String() string {
	if o.Torn {
		return fmt.Sprintf("%d (half of %s)", o.Number, o.What)
	}
	return fmt.Sprintf("%d (%s)", o.Number, o.What)
}

// Fault makes an operation fail.
type Fault struct {
	At    int // number of the operation, counted from 1; 0 for never
	Err   syscall.Errno
	Short bool // of a write: half of it takes place first
	// Stays: what such a disk refuses fails from then on. A full disk still
	// truncates, renames and removes; a broken one does nothing.
	Stays bool
	// Roomy: of a full disk that stays so, there is room for a name, as most
	// file systems have it.
	Roomy bool
}

func (f Fault) String() string {
	s := fmt.Sprintf("%v at operation %d", f.Err, f.At)
	if f.Short {
		s += ", after half of the write"
	}
	if f.Stays {
		s += " and from then on"
	}
	if f.Roomy {
		s += ", but for names"
	}
	return s
}

// Hits reports whether an operation of the kind can fail in this way.
func (f Fault) Hits(k Kind) bool {
	if f.Short && k != Write {
		return false
	}
	switch f.Err {
	case syscall.ENOSPC, syscall.EDQUOT:
		switch k {
		case Create, Write, Sync, SyncDir, Rename, MakeDir:
			return true
		}
		return k == Output && f.Err == syscall.ENOSPC
	case syscall.EROFS:
		return f.goesOn(k)
	}
	return true
}

// goesOn reports whether a later operation of the kind fails too.
func (f Fault) goesOn(k Kind) bool {
	switch f.Err {
	case syscall.ENOSPC, syscall.EDQUOT:
		return k == Write || (k == Create || k == MakeDir) && !f.Roomy
	case syscall.EROFS:
		switch k {
		case Create, OpenWrite, Write, Truncate, Chmod, Rename, Remove, MakeDir:
			return true
		}
		return false
	}
	return k != Output && k != Close
}

func (f Fault) refuse(number int, op Op) error {
	switch {
	case f.At == 0 || number < f.At:
		return nil
	case number == f.At && f.Hits(op.Kind):
		return f.Err
	case number > f.At && f.Stays && f.goesOn(op.Kind):
		return f.Err
	}
	return nil
}

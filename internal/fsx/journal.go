package fsx

import (
	"errors"
	"fmt"
	"os"
)

// Journal is a file of lines that grows at its end only. The journal's owner
// decides what a good line is.
type Journal struct {
	f    File
	path string
	size int64
	held *Held
	dir  *Dir
}

// OpenJournal opens the journal called name for reading what it holds now.
func (d *Dir) OpenJournal(name string) (*Journal, error) {
	return d.openJournal(name, os.O_RDONLY)
}

// AppendJournal opens the journal called name for appending.
func (d *Dir) AppendJournal(h *Held, name string) (*Journal, error) {
	d.mustHold(h)
	j, err := d.openJournal(name, os.O_RDWR|os.O_APPEND)
	if err != nil {
		return nil, err
	}
	j.held, j.dir = h, d
	return j, nil
}

func (d *Dir) openJournal(name string, flag int) (*Journal, error) {
	f, info, err := d.open(name, flag)
	if err != nil {
		return nil, err
	}
	return &Journal{f: f, path: d.Path(name), size: info.Size}, nil
}

// Path is the journal's path, for messages.
func (j *Journal) Path() string { return j.path }

// Size is the length in bytes, as opened or as written since.
func (j *Journal) Size() int64 { return j.size }

// ReadAt reads what the journal holds.
func (j *Journal) ReadAt(p []byte, off int64) (int, error) { return j.f.ReadAt(p, off) }

// Append adds lines, each with its newline, in one write. A write that came up
// short is taken back.
func (j *Journal) Append(lines []byte) error {
	j.dir.mustHold(j.held)
	n, err := j.f.Write(lines)
	if err != nil {
		if n > 0 {
			err = errors.Join(err, j.f.Truncate(j.size))
		}
		return fmt.Errorf("append to journal: %w", err)
	}
	j.size += int64(n)
	return nil
}

// Truncate cuts the journal back to size bytes.
func (j *Journal) Truncate(size int64) error {
	j.dir.mustHold(j.held)
	if err := j.f.Truncate(size); err != nil {
		return err
	}
	j.size = size
	return nil
}

// Sync makes everything appended durable. It does not need the lock: a sync
// after the unlock is merged by the kernel with those of other processes.
func (j *Journal) Sync() error { return j.f.Sync() }

// Close closes the file.
func (j *Journal) Close() error { return j.f.Close() }

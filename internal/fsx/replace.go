package fsx

import (
	"errors"
	"io/fs"
	"os"
)

// Replace makes data the content of name, durably and as a whole: after a
// crash the file is what it was before or what it is to be.
func (d *Dir) Replace(h *Held, name string, data []byte) error {
	d.mustHold(h)
	temp := name + ".tmp"
	// What a killed writer left behind belongs to nobody: we hold the lock.
	if err := d.fs.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := d.writeNew(temp, data); err != nil {
		return errors.Join(err, d.discard(temp))
	}
	if err := d.fs.Rename(temp, name); err != nil {
		return errors.Join(err, d.discard(temp))
	}
	return d.fs.Sync()
}

// Create makes the file name with data, durably, and fails with fs.ErrExist
// where there is one. It needs no lock: the file system lets one caller win.
func (d *Dir) Create(name string, data []byte) error {
	if err := d.writeNew(name, data); err != nil {
		return err
	}
	return d.fs.Sync()
}

// Remove removes name durably.
func (d *Dir) Remove(h *Held, name string) error {
	d.mustHold(h)
	if err := d.fs.Remove(name); err != nil {
		return err
	}
	return d.fs.Sync()
}

// SetAside renames name to another name in the directory, durably. Whatever
// has that name is replaced.
func (d *Dir) SetAside(h *Held, name, to string) error {
	d.mustHold(h)
	if err := d.fs.Rename(name, to); err != nil {
		return err
	}
	return d.fs.Sync()
}

func (d *Dir) writeNew(name string, data []byte) error {
	f, err := d.fs.Open(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	return errors.Join(fill(f, data), f.Close())
}

// fill sets the mode itself because a umask may have taken the owner's bits.
func fill(f File, data []byte) error {
	if err := f.Chmod(0o600); err != nil {
		return err
	}
	if len(data) > 0 {
		if _, err := f.Write(data); err != nil {
			return err
		}
	}
	return f.Sync()
}

// discard removes a temporary file after a failure, which is what the caller
// reports; the next Replace removes one that stays.
func (d *Dir) discard(temp string) error {
	if err := d.fs.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

package fsx

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Replace makes data the content of name, durably and as a whole: after a
// crash the file is what it was before or what it is to be.
func (d *Dir) Replace(h *Held, name string, data []byte) error {
	d.mustHold(h)
	return WriteFile(d.fs, name, name+".tmp", data)
}

// WriteFile makes data the content of name in a directory, durably and as a
// whole, by way of the file temp. What an earlier writer left of temp is
// removed, so that its name must be of no other use.
func WriteFile(fsys FS, name, temp string, data []byte) error {
	if err := stage(fsys, temp, data); err != nil {
		return err
	}
	if err := fsys.Rename(temp, name); err != nil {
		return errors.Join(err, discard(fsys, temp))
	}
	return fsys.Sync()
}

// ReplaceGuarded is Replace for a file that another lock keeps apart from the
// rest of the state. Where there is no room for a second file beside it, it is
// written over, which a crash may leave in part.
func (d *Dir) ReplaceGuarded(name string, data []byte) error {
	err := WriteFile(d.fs, name, name+".tmp", data)
	if err == nil || !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return err
	}
	f, info, failed := d.open(name, os.O_WRONLY)
	if failed != nil {
		return err
	}
	if info.Size < int64(len(data)) {
		return errors.Join(err, f.Close())
	}
	padded := append(bytes.Clone(data), bytes.Repeat([]byte{' '}, int(info.Size)-len(data))...)
	_, failed = f.Write(padded)
	return errors.Join(failed, f.Sync(), f.Close())
}

// stage writes the temporary file that is going to be renamed.
func stage(fsys FS, temp string, data []byte) error {
	if err := discard(fsys, temp); err != nil {
		return err
	}
	if err := writeNew(fsys, temp, data); err != nil {
		return errors.Join(err, discard(fsys, temp))
	}
	return nil
}

// Create makes the file name with data, durably, and fails with fs.ErrExist
// where there is one. It needs no lock: the file system lets one caller win.
func (d *Dir) Create(name string, data []byte) error {
	if err := writeNew(d.fs, name, data); err != nil {
		return err
	}
	return d.fs.Sync()
}

// Sync makes durable what an earlier call, maybe of another process, did to
// names and did not come to make so.
func (d *Dir) Sync() error { return d.fs.Sync() }

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

// ReplaceKeeping is Replace, with what name was before kept as old. In between
// there is no file of that name.
func (d *Dir) ReplaceKeeping(h *Held, name, old string, data []byte) error {
	d.mustHold(h)
	temp := name + ".tmp"
	if err := stage(d.fs, temp, data); err != nil {
		return err
	}
	if err := d.fs.Rename(name, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, discard(d.fs, temp))
	}
	if err := d.fs.Rename(temp, name); err != nil {
		return err
	}
	return d.fs.Sync()
}

// Convert renames name to a name that nothing has. Unlike SetAside it takes no
// lock, and unlike Create no room on the disk: it is for whoever has neither.
func (d *Dir) Convert(name, to string) error {
	there, err := d.Exists(to)
	if err == nil && there {
		err = fs.ErrExist
	}
	if err == nil {
		err = d.fs.Rename(name, to)
	}
	if err != nil {
		return err
	}
	return d.fs.Sync()
}

// destroyed is how much of a file is overwritten: all of a key, and of an age
// file more than the header, without which the rest is noise.
const destroyed = 64 << 10

// Destroy overwrites the beginning of the file called name, as far as that can
// be done, and removes it; that there is none is no error. It takes no lock. A
// file system that writes elsewhere, or the disk itself, may keep a copy.
func (d *Dir) Destroy(name string) error {
	f, err := d.fs.Open(name, os.O_WRONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		// What could not be overwritten is removed all the same.
		_ = errors.Join(overwrite(f), f.Close())
	}
	return d.fs.Remove(name)
}

func overwrite(f File) error {
	info, err := f.Stat()
	if err != nil || !info.Mode.IsRegular() {
		return err
	}
	if _, err := f.Write(make([]byte, min(info.Size, destroyed))); err != nil {
		return err
	}
	return f.Sync()
}

func writeNew(fsys FS, name string, data []byte) error {
	f, err := fsys.Open(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
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

// discard removes a temporary file, if there is one.
func discard(fsys FS, temp string) error {
	if err := fsys.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

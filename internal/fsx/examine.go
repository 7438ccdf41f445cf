package fsx

import (
	"errors"
	"io/fs"
	"os"
)

// Examine says what is wrong with the directory's owner or mode, also where it
// was taken into use whatever they are.
func (d *Dir) Examine() error {
	info, err := d.fs.Stat()
	if err != nil {
		return err
	}
	return checkOwner(d.fs.Path(), info, 0o700)
}

// ExamineFile says what is wrong with the kind, owner or mode of the file called
// name. One that is not there is an fs.ErrNotExist.
func (d *Dir) ExamineFile(name string) error {
	info, err := d.fs.Lstat(name)
	if err != nil {
		return err
	}
	return (&Dir{fs: d.fs}).check(name, info)
}

// Restrict gives the directory and the files called names the modes that they
// should have. What chmod does not cure is left alone.
func (d *Dir) Restrict(names ...string) error {
	var errs []error
	if err := d.Examine(); curable(err) {
		errs = append(errs, d.fs.Chmod(0o700))
	}
	for _, name := range names {
		if curable(d.ExamineFile(name)) {
			errs = append(errs, d.restrict(name))
		}
	}
	return errors.Join(errs...)
}

func curable(err error) bool {
	var unsafe *UnsafeError
	return errors.As(err, &unsafe) && unsafe.Perm != 0
}

func (d *Dir) restrict(name string) error {
	f, err := d.fs.Open(name, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}

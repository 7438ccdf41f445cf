package envfile

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"agent-secrets/internal/fsx"
)

var (
	// ErrRefusedFile means that something stands where an env file was to be
	// written that is not replaced: it is left alone.
	ErrRefusedFile = errors.New("cannot write the env file")
	// ErrUnmanagedFile means that the file there was not written by us. It is
	// replaced if the caller insists.
	ErrUnmanagedFile = errors.New("the env file is not ours")
)

// Check says whether the file name in a directory may be written: there is
// none, or it is a regular file of ours, or with force any regular file.
// Links, devices, pipes and directories are refused always.
func Check(dir fsx.FS, name string, force bool) error {
	path := filepath.Join(dir.Path(), name)
	info, err := dir.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefusedFile, err)
	}
	if !info.Mode.IsRegular() {
		return fmt.Errorf("%w: %s is not a regular file", ErrRefusedFile, path)
	}
	if info.Links > 1 {
		return fmt.Errorf("%w: %s has %d hard links", ErrRefusedFile, path, info.Links)
	}
	if force {
		return nil
	}
	managed, err := isManaged(dir, name)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefusedFile, err)
	}
	if !managed {
		return fmt.Errorf("%w: %s", ErrUnmanagedFile, path)
	}
	return nil
}

// Write writes a file that Check allows, with mode 0600 from its first moment
// on, as a whole.
func Write(dir fsx.FS, name string, data []byte, force bool) error {
	if err := Check(dir, name, force); err != nil {
		return err
	}
	if err := fsx.WriteFile(dir, name, tempName(name), data); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Join(dir.Path(), name), err)
	}
	return nil
}

func tempName(name string) string { return name + ".secrets-tmp" }

// Remove removes the file name if it carries our header, and what a crash left
// of writing it. It reports whether the file is gone: a file that is not ours
// is left alone.
func Remove(dir fsx.FS, name string) (gone bool, err error) {
	if err := removeRegular(dir, tempName(name)); err != nil {
		return false, err
	}
	info, err := dir.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil || !info.Mode.IsRegular() {
		return false, err
	}
	if managed, err := isManaged(dir, name); err != nil || !managed {
		return false, err
	}
	return true, removeRegular(dir, name)
}

func removeRegular(dir fsx.FS, name string) error {
	info, err := dir.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !info.Mode.IsRegular() {
		return err
	}
	if err := dir.Remove(name); err != nil {
		return err
	}
	return dir.Sync()
}

func isManaged(dir fsx.FS, name string) (bool, error) {
	data, err := fsx.ReadHead(dir, name, len(managedLine)+2)
	return err == nil && Managed(data), err
}

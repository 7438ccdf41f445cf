package fsx

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ReadExternal returns the whole of a file outside the state directory that the
// user named: a link or a pipe is followed, as any program would.
func ReadExternal(path string, limit int64) ([]byte, error) {
	f, err := openExternal(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: %w: more than %d bytes", path, ErrTooLarge, limit)
	}
	return data, err
}

// openExternal takes a path like /dev/fd/63, which a shell makes of <(command),
// for the descriptor that it names: a process that hides its memory may not
// look into its own /proc.
func openExternal(path string) (*os.File, error) {
	number, ok := strings.CutPrefix(path, "/dev/fd/")
	if path == "/dev/stdin" {
		number, ok = "0", true
	}
	if fd, err := strconv.Atoi(number); ok && err == nil && fd >= 0 {
		return os.NewFile(uintptr(fd), path), nil
	}
	return os.Open(path)
}

// ReadHead returns the first bytes of a regular file in a directory, at most
// limit. Anything else is refused.
func ReadHead(fsys FS, name string, limit int) ([]byte, error) {
	d := &Dir{fs: fsys, lenient: true}
	f, info, err := d.open(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, min(int64(limit), info.Size))
	n, err := f.ReadAt(data, 0)
	if err == io.EOF {
		err = nil
	}
	return data[:n], err
}

// AppendExternal appends data to a file that another program made and reads.
func AppendExternal(path string, data []byte) error { return appendTo(path, data, 0) }

// AppendOrCreateExternal appends data to a file that another program reads and
// that may be left to us to make.
func AppendOrCreateExternal(path string, data []byte) error { return appendTo(path, data, os.O_CREATE) }

func appendTo(path string, data []byte, create int) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|syscall.O_NONBLOCK|create, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &UnsafeError{Path: path, Problem: "is not a regular file"}
	}
	if err == nil {
		_, err = f.Write(data)
	}
	return errors.Join(err, f.Close())
}

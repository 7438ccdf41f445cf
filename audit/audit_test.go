package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"agent-secrets/internal/fsx"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)

// file is a log file in a directory whose lock the test holds.
type file struct {
	t    *testing.T
	path string
	dir  *fsx.Dir
	held *fsx.Held
}

func newFile(t *testing.T, content []byte) *file {
	t.Helper()
	path := t.TempDir()
	fsys, err := fsx.OpenDir(path)
	check(t, err, os.Chmod(path, 0o700))
	dir, err := fsx.NewDir(fsys)
	check(t, err, dir.Create("lock", nil), dir.Create(FileName, content))
	held, err := dir.Lock("lock", time.Second)
	check(t, err)
	t.Cleanup(func() { check(t, held.Unlock(), dir.Close()) })
	return &file{t, filepath.Join(path, FileName), dir, held}
}

func (f *file) journal() *fsx.Journal {
	f.t.Helper()
	j, err := f.dir.AppendJournal(f.held, FileName)
	check(f.t, err)
	return j
}

func (f *file) bytes() []byte {
	f.t.Helper()
	data, err := os.ReadFile(f.path)
	check(f.t, err)
	return data
}

func (f *file) write(parts ...[]byte) {
	f.t.Helper()
	check(f.t, os.WriteFile(f.path, bytes.Join(parts, nil), 0o600))
}

// append opens the log anew and appends to it.
func (f *file) append(events ...Event) {
	f.t.Helper()
	j := f.journal()
	l, err := Open(j, start)
	check(f.t, err, l.Append(start, events...), l.Sync(), j.Close())
}

// open lets the log be repaired, and returns the error.
func (f *file) open() error {
	f.t.Helper()
	j := f.journal()
	_, err := Open(j, start)
	return errors.Join(err, j.Close())
}

func (f *file) verify() (Report, error) {
	f.t.Helper()
	j := f.journal()
	r, err := Verify(j, func(Event) error { return nil })
	return r, errors.Join(err, j.Close())
}

func check(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func first(t *testing.T) []byte {
	t.Helper()
	line, err := FirstLine(start, Event{Event: Init, OK: true, Generation: 1})
	check(t, err)
	return line
}

// chained is a log of n lines, cut into its lines.
func chained(t *testing.T, n int) (*file, [][]byte) {
	t.Helper()
	f := newFile(t, first(t))
	for i := 2; i <= n; i++ {
		f.append(Event{Event: LeaseGrant, OK: true, Secret: "prod/db", LeaseID: fmt.Sprint("L", i), ExpiresAt: start})
	}
	return f, bytes.SplitAfter(bytes.TrimSuffix(f.bytes(), nil), []byte("\n"))[:n]
}

package cli_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"agent-secrets/internal/fsx"
)

// TestCrashModelCatchesWrongDesigns puts a wrong design between the program and
// the disk and expects the model to find states that it breaks.
func TestCrashModelCatchesWrongDesigns(t *testing.T) {
	prepareProcess(t)
	for _, wrong := range []struct {
		name      string
		scenarios []string
		wrap      func(fsx.FS) fsx.FS
	}{
		{"directory not synced", []string{"update", "init"}, func(d fsx.FS) fsx.FS { return withoutDirSync{d} }},
		{"renamed without sync", []string{"update"}, func(d fsx.FS) fsx.FS { return withoutFileSync{d, ".tmp"} }},
		{"log not synced", []string{"lease"}, func(d fsx.FS) fsx.FS { return withoutFileSync{d, "audit.jsonl"} }},
		{"ledger not synced", []string{"revoke id"}, func(d fsx.FS) fsx.FS { return withoutFileSync{d, ".jsonl"} }},
		{"written in place", []string{"update"}, func(d fsx.FS) fsx.FS { return inPlace{d} }},
		{"ledger before log", []string{"lease"}, func(d fsx.FS) fsx.FS { return &ledgerFirst{FS: d} }},
		{"torn lines not repaired", []string{"lease"}, func(d fsx.FS) fsx.FS { return tornUnseen{d} }},
	} {
		t.Run(wrong.name, func(t *testing.T) {
			t.Parallel()
			found := &tally{}
			for _, sc := range scenarios() {
				if slices.Contains(wrong.scenarios, sc.name) {
					explore(t, sc, wrong.wrap, found, func(string, ...any) {})
				}
			}
			if found.broken.Load() == 0 {
				t.Error("no state is broken")
			}
			t.Log(found)
		})
	}
}

type withoutDirSync struct{ fsx.FS }

func (withoutDirSync) Sync() error { return nil }

// withoutFileSync does not sync the files whose names end in suffix.
type withoutFileSync struct {
	fsx.FS
	suffix string
}

func (d withoutFileSync) Open(name string, flag int) (fsx.File, error) {
	f, err := d.FS.Open(name, flag)
	if err == nil && strings.HasSuffix(name, d.suffix) {
		f = withoutSync{f}
	}
	return f, err
}

type withoutSync struct{ fsx.File }

func (withoutSync) Sync() error { return nil }

// inPlace overwrites a file where it should put another in its place.
type inPlace struct{ fsx.FS }

func (d inPlace) Rename(from, to string) error {
	content, err := d.read(from)
	if err != nil {
		return err
	}
	f, err := d.Open(to, os.O_WRONLY|os.O_CREATE)
	if err != nil {
		return err
	}
	truncated := f.Truncate(0)
	_, written := f.Write(content)
	return errors.Join(truncated, written, f.Sync(), f.Close(), d.Remove(from))
}

func (d inPlace) read(name string) ([]byte, error) {
	f, err := d.Open(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f)
}

func readAll(f fsx.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	content := make([]byte, info.Size)
	if _, err := f.ReadAt(content, 0); err != nil && err != io.EOF {
		return nil, err
	}
	return content, nil
}

// ledgerFirst keeps lines of the log back until the ledger has been written or
// the log is synced.
type ledgerFirst struct {
	fsx.FS
	log *lateFile
}

func (d *ledgerFirst) Open(name string, flag int) (fsx.File, error) {
	f, err := d.FS.Open(name, flag)
	switch {
	case err != nil || flag&os.O_APPEND == 0:
		return f, err
	case name == "audit.jsonl":
		d.log = &lateFile{File: f}
		return d.log, nil
	}
	return &ledgerFile{f, d}, nil
}

type ledgerFile struct {
	fsx.File
	dir *ledgerFirst
}

func (f *ledgerFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	if err == nil && f.dir.log != nil {
		err = f.dir.log.flush()
	}
	return n, err
}

type lateFile struct {
	fsx.File
	late []byte
}

func (f *lateFile) Write(p []byte) (int, error) {
	f.late = append(f.late, p...)
	return len(p), nil
}

func (f *lateFile) flush() error {
	late := f.late
	f.late = nil
	if len(late) == 0 {
		return nil
	}
	_, err := f.File.Write(late)
	return err
}

func (f *lateFile) Sync() error  { return errors.Join(f.flush(), f.File.Sync()) }
func (f *lateFile) Close() error { return errors.Join(f.flush(), f.File.Close()) }

// tornUnseen shows journals without what stands after their last newline, so
// that the next line is written right behind it.
type tornUnseen struct{ fsx.FS }

func (d tornUnseen) Open(name string, flag int) (fsx.File, error) {
	f, err := d.FS.Open(name, flag)
	if err != nil || !strings.HasSuffix(name, ".jsonl") {
		return f, err
	}
	content, err := readAll(f)
	if err != nil {
		return nil, err
	}
	whole := bytes.LastIndexByte(content, '\n') + 1
	return &maskedFile{f, int64(whole), int64(len(content) - whole)}, nil
}

// maskedFile leaves out hidden bytes at the place from.
type maskedFile struct {
	fsx.File
	from, hidden int64
}

func (f *maskedFile) Stat() (fsx.Info, error) {
	info, err := f.File.Stat()
	info.Size -= f.hidden
	return info, err
}

func (f *maskedFile) ReadAt(p []byte, off int64) (int, error) {
	content, err := readAll(f.File)
	if err != nil {
		return 0, err
	}
	content = slices.Delete(content, int(f.from), int(f.from+f.hidden))
	n := copy(p, content[min(off, int64(len(content))):])
	if n < len(p) {
		err = io.EOF
	}
	return n, err
}

func (f *maskedFile) Truncate(size int64) error {
	if size > f.from {
		size += f.hidden
	}
	return f.File.Truncate(size)
}

package fsx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

var errFault = errors.New("fault")

// faulty is a directory of which the operations from the one numbered stop on
// fail, and that lists those before it. A write that fails has done a half.
type faulty struct {
	FS
	stop int
	ops  []string
}

func (f *faulty) step(op string) error {
	if len(f.ops) >= f.stop {
		return errFault
	}
	f.ops = append(f.ops, op)
	return nil
}

func (f *faulty) Open(name string, flag int) (File, error) {
	if err := f.step("open " + name); err != nil {
		return nil, err
	}
	file, err := f.FS.Open(name, flag)
	return &faultyFile{file, f}, err
}

func (f *faulty) Rename(from, to string) error {
	if err := f.step("rename " + to); err != nil {
		return err
	}
	return f.FS.Rename(from, to)
}

func (f *faulty) Sync() error {
	if err := f.step("sync directory"); err != nil {
		return err
	}
	return f.FS.Sync()
}

type faultyFile struct {
	File
	dir *faulty
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if err := f.dir.step("write"); err != nil {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, err
	}
	return f.File.Write(p)
}

func (f *faultyFile) Sync() error {
	if err := f.dir.step("sync"); err != nil {
		return err
	}
	return f.File.Sync()
}

func TestReplaceLeavesTheOldFileOrTheNewOneWhereverItFails(t *testing.T) {
	d, h, path := newDir(t)
	defer h.Unlock()
	disk := d.fs
	for stop := 0; ; stop++ {
		d.fs = disk
		check(t, d.Replace(h, "file", []byte("old")))
		f := &faulty{FS: disk, stop: stop}
		d.fs = f
		failed := d.Replace(h, "file", []byte("new!"))
		data, err := os.ReadFile(filepath.Join(path, "file"))
		renamed := strings.Contains(fmt.Sprint(f.ops), "rename")
		if check(t, err); string(data) != map[bool]string{false: "old", true: "new!"}[renamed] {
			t.Errorf("stopped at %d: %q", stop, data)
		}
		if _, err := os.Lstat(filepath.Join(path, "file.tmp")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("stopped at %d: the temporary file is left", stop)
		}
		if failed == nil {
			if got := strings.Join(f.ops, ", "); got != "open file.tmp, write, sync, rename file, sync directory" {
				t.Error(got)
			}
			break
		}
		if !errors.Is(failed, errFault) {
			t.Error(failed)
		}
	}
	d.fs = disk
}

func TestReplacePutsAPrivateFileInTheNamesPlaceAndFollowsNothing(t *testing.T) {
	d, h, path := newDir(t)
	defer h.Unlock()
	outside := filepath.Join(t.TempDir(), "outside")
	check(t, os.WriteFile(outside, []byte("theirs"), 0o644))
	check(t, os.Symlink(outside, filepath.Join(path, "file")), os.Symlink(outside, filepath.Join(path, "file.tmp")))
	check(t, d.Replace(h, "file", []byte("ours")))
	data, info, err := d.Read("file", 10)
	if theirs, _ := os.ReadFile(outside); err != nil || string(data) != "ours" || info.Mode != 0o600 || string(theirs) != "theirs" {
		t.Errorf("%q, %v, %v; outside %q", data, info.Mode, err, theirs)
	}
	check(t, d.SetAside(h, "file", "aside"), d.Remove(h, "aside"))
	if err := d.Remove(h, "aside"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestCreateHasOneWinnerAndReplacesNothing(t *testing.T) {
	d, h, path := newDir(t)
	defer h.Unlock()
	var (
		group sync.WaitGroup
		won   atomic.Int32
	)
	for i := range 10 {
		group.Go(func() {
			if err := d.Create("file", []byte{'0' + byte(i)}); err == nil {
				won.Add(1)
			} else if !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if data, _, err := d.Read("file", 9); won.Load() != 1 || len(data) != 1 || err != nil {
		t.Errorf("%d won: %q, %v", won.Load(), data, err)
	}
	check(t, os.Symlink("target", filepath.Join(path, "dangling")))
	if err := d.Create("dangling", nil); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	if ok, _ := d.Exists("target"); ok {
		t.Error("a link was followed")
	}
}

func TestAJournalGrowsByWholeAppendsOnly(t *testing.T) {
	d, h, path := newDir(t)
	defer h.Unlock()
	check(t, d.Create("log", []byte("one\n")))
	f := &faulty{FS: d.fs, stop: 2}
	d.fs = f
	j, err := d.AppendJournal(h, "log")
	check(t, err)
	before, err := LenientDir(f.FS).OpenJournal("log")
	check(t, err, j.Append([]byte("two\n")))
	if err := j.Append([]byte("three\n")); !errors.Is(err, errFault) {
		t.Error(err)
	}
	f.stop = 9
	if data, _ := os.ReadFile(filepath.Join(path, "log")); string(data) != "one\ntwo\n" || j.Size() != 8 {
		t.Errorf("a write that came up short left %q, size %d", data, j.Size())
	}
	check(t, j.Append([]byte("four\n")), j.Truncate(4), j.Append([]byte("five\n")), j.Sync())
	text := make([]byte, 20)
	if n, err := j.ReadAt(text, 0); string(text[:n]) != "one\nfive\n" || err != io.EOF || j.Size() != 9 || before.Size() != 4 {
		t.Errorf("%q, size %d, %v; an earlier reader %d", text[:n], j.Size(), err, before.Size())
	}
	check(t, j.Close(), before.Close())
	d.fs = f.FS
}

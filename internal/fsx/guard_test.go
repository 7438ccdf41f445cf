package fsx

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestAGuardHasOneHolder(t *testing.T) {
	d, _, path := newDir(t) // while the lock for the state is held, and without it
	var won atomic.Int32
	releases := make(chan func() error, 10)
	var all sync.WaitGroup
	for range cap(releases) {
		all.Go(func() {
			release, err := d.Guard("guard", 0)
			switch {
			case err == nil:
				won.Add(1)
				releases <- release
			case !errors.Is(err, ErrBusy):
				t.Error(err)
			}
		})
	}
	if all.Wait(); won.Load() != 1 {
		t.Fatalf("%d have it", won.Load())
	}
	info, err := os.Lstat(filepath.Join(path, "guard"))
	if check(t, err); info.Mode() != 0o600 {
		t.Errorf("it was made with mode %v", info.Mode())
	}
	check(t, (<-releases)())
}

// Whoever did not wait does not get it later either, when somebody else might
// have it.
func TestWhoDoesNotWaitForAGuardIsNotInTheQueue(t *testing.T) {
	d, _, _ := newDir(t)
	release, err := d.Guard("guard", 0)
	check(t, err)
	before := runtime.NumGoroutine()
	for range 10 {
		if _, err := d.Guard("guard", 0); !errors.Is(err, ErrBusy) {
			t.Fatal(err)
		}
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d are waiting", n-before)
	}
	check(t, release())
}

func TestAGuardIsWaitedFor(t *testing.T) {
	d, _, _ := newDir(t)
	release, err := d.Guard("guard", 0)
	check(t, err)
	begun := time.Now()
	if _, err := d.Guard("guard", 20*time.Millisecond); !errors.Is(err, ErrBusy) || time.Since(begun) < 20*time.Millisecond {
		t.Errorf("after %v: %v", time.Since(begun), err)
	}
	got := make(chan error)
	go func() {
		release, err := d.Guard("guard", 20*time.Second)
		if err == nil {
			err = release()
		}
		got <- err
	}()
	check(t, release(), <-got)
}

func TestAGuardIsAFileOfOursOrNone(t *testing.T) {
	for problem, put := range plant {
		d, _, path := newDir(t)
		check(t, put(filepath.Join(path, "guard")))
		release, err := d.Guard("guard", 0)
		if fine := problem == "" || problem == "!no such file" || problem == "!file too large: 9 bytes"; (err == nil) != fine {
			t.Errorf("%s: %v", problem, err)
		} else if fine {
			check(t, release())
		}
	}
}

// A second name of the file shows what became of its bytes.
func TestDestroyOverwritesBeforeItRemoves(t *testing.T) {
	for _, size := range []int{0, 1, 200, destroyed, destroyed + 1000} {
		d, _, path := newDir(t)
		file, second := filepath.Join(path, "file"), filepath.Join(path, "second")
		check(t, os.WriteFile(file, bytes.Repeat([]byte("x"), size), 0o600), os.Link(file, second), d.Destroy("file"))
		left, err := os.ReadFile(second)
		check(t, err)
		want := append(make([]byte, min(size, destroyed)), bytes.Repeat([]byte("x"), max(0, size-destroyed))...)
		if !bytes.Equal(left, want) {
			t.Errorf("of %d bytes, %d of %d are overwritten", size, bytes.Count(left, []byte{0}), len(left))
		}
		if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// The bytes are on the disk before the name is gone, and it is gone whatever
// becomes of the bytes.
func TestDestroyRemovesWhateverFailsBefore(t *testing.T) {
	for stop := range 3 { // open, write, sync
		d, _, path := newDir(t)
		check(t, d.Create("file", []byte("data")))
		f := &faulty{FS: d.fs, stop: stop}
		d = LenientDir(f)
		if err := d.Destroy("file"); err != nil {
			t.Errorf("after %v: %v", f.ops, err)
		}
		if _, err := os.Lstat(filepath.Join(path, "file")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after %v: %v", f.ops, err)
		}
	}
}

func TestDestroyLeavesWhatALinkPointsTo(t *testing.T) {
	d, _, path := newDir(t)
	target := filepath.Join(path, "target")
	check(t, os.WriteFile(target, []byte("data"), 0o600), os.Symlink(target, filepath.Join(path, "link")))
	check(t, syscall.Mkfifo(filepath.Join(path, "fifo"), 0o600))
	check(t, d.Destroy("link"), d.Destroy("fifo"), d.Destroy("none"))
	if data, err := os.ReadFile(target); string(data) != "data" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	for _, name := range []string{"link", "fifo"} {
		if ok, _ := d.Exists(name); ok {
			t.Errorf("%s is there", name)
		}
	}
	check(t, os.Mkdir(filepath.Join(path, "directory"), 0o700))
	if err := d.Destroy("directory"); err == nil {
		t.Error("a directory is gone, it says")
	}
}

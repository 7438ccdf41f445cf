package crashfs

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"syscall"
	"testing"

	"agent-secrets/internal/fsx"
)

func made(t *testing.T) (*Disk, fsx.FS) {
	t.Helper()
	d := New()
	dir, err := d.Make("/state")
	if err != nil {
		t.Fatal(err)
	}
	return d, dir
}

func create(t *testing.T, dir fsx.FS, name, content string) fsx.File {
	t.Helper()
	f, err := dir.Open(name, os.O_RDWR|os.O_CREATE|os.O_APPEND)
	if err == nil {
		_, err = f.Write([]byte(content))
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// left returns what name may hold after a power cut; "-" stands for no file.
func left(d *Disk, name string) []string {
	found := map[string]bool{}
	for cut := range d.PowerCuts(Fates()...) {
		if content, ok := cut.Files()[name]; ok {
			found[string(content)] = true
		} else {
			found["-"] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func TestPowerCutTakesWhatWasNotSynced(t *testing.T) {
	d, dir := made(t)
	expect := func(name string, want ...string) {
		t.Helper()
		if got := left(d, name); !slices.Equal(got, want) {
			t.Errorf("%s may be %q, want %q", name, got, want)
		}
	}
	f := create(t, dir, "a", "abcd")
	expect("a", "", "\x00\x00\x00\x00", "\x00\x00cd", "-", "ab", "abcd")
	must(t, f.Sync())
	expect("a", "-", "abcd")
	must(t, dir.Sync())
	expect("a", "abcd")
	write(t, f, "ef")
	expect("a", "abcd", "abcd\x00\x00", "abcd\x00f", "abcde", "abcdef")
	must(t, f.Truncate(2))
	expect("a", "ab", "abcd")
	must(t, f.Sync())
	create(t, dir, "b", "new")
	must(t, dir.Rename("b", "a"))
	expect("a", "", "\x00\x00\x00", "\x00ew", "ab", "n", "new")
	must(t, dir.Sync())
	expect("a", "", "\x00\x00\x00", "\x00ew", "n", "new")
	must(t, dir.Remove("a"))
	expect("a", "", "\x00\x00\x00", "\x00ew", "-", "n", "new")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, f fsx.File, content string) {
	t.Helper()
	_, err := f.Write([]byte(content))
	must(t, err)
}

func TestFullDisk(t *testing.T) {
	d, dir := made(t)
	f := create(t, dir, "a", "abcd")
	d.Fail(Fault{At: d.Ops() + 1, Err: syscall.ENOSPC, Short: true, Stays: true})
	if n, err := f.Write([]byte("efgh")); n != 2 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("wrote %d bytes, %v", n, err)
	}
	if _, err := dir.Open("b", os.O_WRONLY|os.O_CREATE); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("create on a full disk: %v", err)
	}
	must(t, f.Truncate(4))
	must(t, dir.Rename("a", "b"))
	if got := string(d.Files()["b"]); got != "abcd" {
		t.Errorf("b is %q", got)
	}
	must(t, dir.Remove("b"))
	if _, err := dir.Lstat("b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("b after it was removed: %v", err)
	}
}

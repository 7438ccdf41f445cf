package fsx

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

func newDir(t *testing.T) (*Dir, *Held, string) {
	t.Helper()
	path := t.TempDir()
	check(t, os.Chmod(path, 0o700))
	fsys, err := OpenDir(path)
	check(t, err)
	d, err := NewDir(fsys)
	check(t, err, d.Create("lock", nil))
	h, err := d.Lock("lock", time.Second)
	check(t, err)
	t.Cleanup(func() { check(t, d.Close()) })
	return d, h, path
}

func check(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestADirectoryThatOthersCanReachIsRefused(t *testing.T) {
	for mode, ok := range map[fs.FileMode]bool{0o700: true, 0o500: true, 0o750: false, 0o701: false, 0o720: false, 0o777: false} {
		path := t.TempDir()
		check(t, os.Chmod(path, mode))
		fsys, err := OpenDir(path)
		check(t, err)
		_, err = NewDir(fsys)
		var unsafe *UnsafeError
		if (err == nil) != ok || !ok && (!errors.As(err, &unsafe) || unsafe.Perm != 0o700 || !errors.Is(err, ErrUnsafe)) {
			t.Errorf("%o: %v", mode, err)
		}
		check(t, fsys.Close(), os.Chmod(path, 0o700))
	}
	link := filepath.Join(t.TempDir(), "link")
	check(t, os.Symlink(t.TempDir(), link), os.WriteFile(link+"file", nil, 0o600))
	for _, path := range []string{link, link + "file", link + "none"} {
		if _, err := OpenDir(path); err == nil {
			t.Errorf("%s was opened", path)
		}
	}
}

// plant puts something in the place of a file, and says why it is refused, and
// whether also where modes do not count.
var plant = map[string]func(path string) error{
	"":                         func(p string) error { return os.WriteFile(p, []byte("data"), 0o600) },
	"mode 0640":                func(p string) error { return errors.Join(os.WriteFile(p, nil, 0o600), os.Chmod(p, 0o640)) },
	"mode 0602":                func(p string) error { return errors.Join(os.WriteFile(p, nil, 0o600), os.Chmod(p, 0o602)) },
	"!is a symbolic link":      func(p string) error { return errors.Join(os.WriteFile(p+"2", nil, 0o600), os.Symlink(p+"2", p)) },
	"!has 2 hard links":        func(p string) error { return errors.Join(os.WriteFile(p, nil, 0o600), os.Link(p, p+"3")) },
	"!is not a regular file":   func(p string) error { return os.Mkdir(p, 0o700) },
	"!is not a regular file ":  func(p string) error { return syscall.Mkfifo(p, 0o600) },
	"!file too large: 9 bytes": func(p string) error { return os.WriteFile(p, []byte("123456789"), 0o600) },
	"!no such file":            func(string) error { return nil },
	"belongs to user 12345": func(p string) error {
		return errors.Join(os.WriteFile(p, nil, 0o600), os.Chown(p, 12345, -1))
	},
}

func TestOnlyARegularFileOfOursAloneIsOpened(t *testing.T) {
	for problem, make := range plant {
		d, h, path := newDir(t)
		if err := make(filepath.Join(path, "file")); err != nil {
			if os.Geteuid() != 0 && errors.Is(err, fs.ErrPermission) {
				continue // only root can give a file away
			}
			t.Fatal(err)
		}
		lenient := LenientDir(d.fs)
		problem, always := strings.CutPrefix(strings.TrimSpace(problem), "!")
		for dir, refused := range map[*Dir]bool{d: problem != "", lenient: always} {
			data, _, err := dir.Read("file", 8)
			if (err != nil) != refused || refused && !strings.Contains(err.Error(), problem) {
				t.Errorf("%q: read %q, %v", problem, data, err)
			}
			if strings.Contains(problem, "too large") {
				continue
			}
			j, err := dir.OpenJournal("file")
			if (err != nil) != refused {
				t.Errorf("%q: opened %v, %v", problem, j, err)
			}
			if held, err := dir.Lock("file", time.Second); (err != nil) != refused {
				t.Errorf("%q: locked: %v", problem, err)
			} else if err == nil {
				check(t, held.Unlock())
			}
		}
		check(t, h.Unlock())
	}
}

func TestExistsSeesWhateverHasTheName(t *testing.T) {
	d, h, path := newDir(t)
	defer h.Unlock()
	check(t, os.Symlink("nowhere", filepath.Join(path, "dangling")))
	for name, want := range map[string]bool{"lock": true, "dangling": true, "none": false} {
		if ok, err := d.Exists(name); ok != want || err != nil {
			t.Error(name, ok, err)
		}
	}
}

func TestWritingWithoutTheLockPanics(t *testing.T) {
	d, h, _ := newDir(t)
	_, foreign, _ := newDir(t)
	check(t, d.Create("file", []byte("old")))
	j, err := d.AppendJournal(h, "file")
	check(t, err, h.Unlock())
	for name, write := range map[string]func(*Held) error{
		"Replace":       func(h *Held) error { return d.Replace(h, "file", nil) },
		"Remove":        func(h *Held) error { return d.Remove(h, "file") },
		"SetAside":      func(h *Held) error { return d.SetAside(h, "file", "aside") },
		"AppendJournal": func(h *Held) error { _, err := d.AppendJournal(h, "file"); return err },
		"Append":        func(*Held) error { return j.Append([]byte("x\n")) },
		"Truncate":      func(*Held) error { return j.Truncate(0) },
	} {
		for _, token := range []*Held{nil, h, foreign} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s did not panic", name)
					}
				}()
				_ = write(token)
			}()
		}
	}
	if data, _, err := d.Read("file", 9); string(data) != "old" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
}

func TestALockHasOneHolderAndIsNeverMade(t *testing.T) {
	d, h, path := newDir(t)
	_, err := d.Lock("lock", time.Millisecond)
	var busy *BusyError
	if !errors.As(err, &busy) || !errors.Is(err, ErrBusy) || busy.PID != 0 && busy.PID != os.Getpid() {
		t.Errorf("%v", err)
	}
	check(t, h.Unlock())
	h, err = d.Lock("lock", time.Millisecond)
	check(t, err, h.Unlock())
	if _, err := d.Lock("none", time.Second); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if ok, _ := d.Exists("none"); ok {
		t.Error("a lock file was made")
	}
	fl := flock.New(filepath.Join(path, "lock"))
	ok, err := fl.TryLock()
	check(t, err, os.Rename(filepath.Join(path, "lock"), filepath.Join(path, "old")), d.Create("lock", nil))
	if err := d.fs.(*osDir).stillNamed("lock", fl); !ok || !errors.Is(err, errReplaced) {
		t.Error("a lock on a file that was replaced counts", ok, err)
	}
	check(t, fl.Unlock())
}

func TestMakeDirKeepsOthersOutWhateverTheUmask(t *testing.T) {
	base := t.TempDir()
	defer syscall.Umask(syscall.Umask(0))
	path := filepath.Join(base, "parent", "state")
	fsys, err := MakeDir(path)
	check(t, err, fsys.Close())
	syscall.Umask(0o777)
	strict, err := MakeDir(filepath.Join(base, "parent", "strict"))
	check(t, err)
	for _, path := range []string{filepath.Dir(path), path, strict.Path()} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
			t.Error(path, info, err)
		}
	}
	d, err := NewDir(strict)
	check(t, err, d.Create("file", []byte("x")))
	if _, info, err := d.Read("file", 1); err != nil || info.Mode != 0o600 {
		t.Error(info.Mode, err)
	}
	check(t, os.Chmod(path, 0o755), d.Close())
	fsys, err = MakeDir(path)
	check(t, err)
	if info, err := fsys.Stat(); info.Mode.Perm() != 0o755 {
		t.Error("the mode of a directory that was there was changed", err)
	}
	check(t, fsys.Close())
}

func TestReadExternalFollowsLinksAndIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	check(t, os.WriteFile(path, []byte("12345"), 0o644), os.Symlink(path, path+"link"))
	for limit, ok := range map[int64]bool{5: true, 6: true, 4: false, 0: false} {
		data, err := ReadExternal(path+"link", limit)
		if (err == nil) != ok || ok && !bytes.Equal(data, []byte("12345")) || !ok && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%d: %q, %v", limit, data, err)
		}
	}
}

package fsx

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestAPublicFileAppearsAsAWholeWithItsDirectories(t *testing.T) {
	dir := t.TempDir()
	p := openPublic(t, dir)
	for _, text := range []string{"first", "second"} {
		if err := p.Write("a/b/c.md", []byte(text)); err != nil {
			t.Fatal(err)
		}
		got, err := p.Read("a/b/c.md", 10)
		if err != nil || string(got) != text {
			t.Errorf("read %q, %v; want %q", got, err, text)
		}
	}
	wantMode(t, filepath.Join(dir, "a"), fs.ModeDir|0o755)
	wantMode(t, filepath.Join(dir, "a/b/c.md"), 0o644)
	if names, err := os.ReadDir(filepath.Join(dir, "a/b")); err != nil || len(names) != 1 {
		t.Errorf("something is left beside the file: %v, %v", names, err)
	}
	if _, err := p.Read("a/b/c.md", 3); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a file over the limit: %v", err)
	}
	if _, err := p.Read("a/none", 3); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if !p.Exists("a/b") || p.Exists("a/b/c.md") || p.Exists("none") {
		t.Error("Exists means a directory")
	}
}

func TestNoLinkLeadsOutOfAPublicDirectory(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	p := openPublic(t, dir)
	link(t, outside, filepath.Join(dir, "out"))
	link(t, "../"+filepath.Base(outside), filepath.Join(dir, "up"))
	for _, name := range []string{"out/c.md", "out/new/c.md", "up/c.md"} {
		if err := p.Write(name, []byte("x")); !errors.Is(err, ErrUnsafe) {
			t.Errorf("write %s: %v", name, err)
		}
		if _, err := p.Read(name, 10); !errors.Is(err, ErrUnsafe) {
			t.Errorf("read %s: %v", name, err)
		}
	}
	if names, err := os.ReadDir(outside); err != nil || len(names) > 0 {
		t.Errorf("written outside: %v, %v", names, err)
	}
}

func TestALinkThatStaysInAPublicDirectoryIsFollowedButNoFileIs(t *testing.T) {
	dir := t.TempDir()
	p := openPublic(t, dir)
	if err := os.MkdirAll(filepath.Join(dir, "dotfiles/a"), 0o755); err != nil {
		t.Fatal(err)
	}
	link(t, "dotfiles/a", filepath.Join(dir, "a"))
	if err := p.Write("a/c.md", []byte("x")); err != nil {
		t.Fatal(err)
	}
	wantMode(t, filepath.Join(dir, "dotfiles/a/c.md"), 0o644)
	link(t, "c.md", filepath.Join(dir, "a/link.md"))
	if _, err := p.Read("a/link.md", 10); !errors.Is(err, ErrUnsafe) {
		t.Errorf("a link in the file's place: %v", err)
	}
}

func TestAFileIsMadeOnlyWhereThatIsLeftToUs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "env")
	if err := AppendExternal(path, []byte("a")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("AppendExternal: %v", err)
	}
	for range 2 {
		if err := AppendOrCreateExternal(path, []byte("a")); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "aa" {
		t.Errorf("got %q, %v", got, err)
	}
}

func openPublic(t *testing.T, dir string) *Public {
	t.Helper()
	umask := syscall.Umask(0o022)
	t.Cleanup(func() { syscall.Umask(umask) })
	p, err := OpenPublic(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func link(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

func wantMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != want {
		t.Errorf("%s: %v, %v; want %v", path, info, err, want)
	}
}

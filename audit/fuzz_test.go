package audit_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"agent-secrets/audit"
	"agent-secrets/internal/fsx"
)

// FuzzRecovery puts any bytes after a sound log. Whatever they are, the log is
// either refused and left as it is, or taken into use with every byte of it in
// place, and then it verifies.
func FuzzRecovery(f *testing.F) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	sound, err := audit.FirstLine(start, audit.Event{Event: audit.Init, OK: true, Generation: 1})
	if err != nil {
		f.Fatal(err)
	}
	for _, tail := range []string{"", "\n", "{", "\x00\x00\x00", "\x00\n{}\n", `{"seq":2,"ts":"2026-01-02T03:04:05Z"`, "\x00\n\x00\n", "garbage\n", "\x00abc\n{\"seq\":3}\n"} {
		f.Add([]byte(tail))
	}
	f.Add(sound[:len(sound)/2])
	f.Add(bytes.TrimSuffix(sound, []byte("\n")))
	f.Fuzz(func(t *testing.T, tail []byte) {
		path := filepath.Join(t.TempDir(), audit.FileName)
		before := append(bytes.Clone(sound), tail...)
		if err := os.WriteFile(path, before, 0o600); err != nil {
			t.Fatal(err)
		}
		err := openAndAppend(t, filepath.Dir(path), start.Add(time.Second))
		after, readErr := os.ReadFile(path)
		if readErr != nil {
			t.Fatal(readErr)
		}
		if err != nil {
			if !bytes.Equal(before, after) {
				t.Fatalf("refused (%v) and yet changed", err)
			}
			return
		}
		if !bytes.HasPrefix(after, before) {
			t.Fatal("bytes that were there are gone")
		}
		verify(t, filepath.Dir(path))
	})
}

func openDir(t *testing.T, path string) *fsx.Dir {
	t.Helper()
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
	fsys, err := fsx.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := fsx.NewDir(fsys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	return dir
}

func openAndAppend(t *testing.T, path string, now time.Time) error {
	t.Helper()
	dir := openDir(t, path)
	if err := dir.Create("lock", nil); err != nil {
		t.Fatal(err)
	}
	held, err := dir.Lock("lock", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Unlock()
	journal, err := dir.AppendJournal(held, audit.FileName)
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	log, err := audit.Open(journal, now)
	if err != nil {
		return err
	}
	if err := log.Append(now, audit.Event{Event: audit.Add, OK: true, Secret: "x"}); err != nil {
		t.Fatal(err)
	}
	return nil
}

func verify(t *testing.T, path string) {
	t.Helper()
	journal, err := openDir(t, path).OpenJournal(audit.FileName)
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	report, err := audit.Verify(journal, func(audit.Event) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if report.Torn != 0 {
		t.Fatalf("%d torn bytes are left", report.Torn)
	}
}

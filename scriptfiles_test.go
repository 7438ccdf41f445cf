package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"agent-secrets/lease"

	"filippo.io/age"
	"github.com/gofrs/flock"
	"github.com/rogpeppe/go-internal/testscript"
)

// kept is what a script's commands remember for each other.
type kept struct {
	files map[string]string // what snapshot saw
	locks []*flock.Flock
}

type keptKey struct{}

func keptBy(ts *testscript.TestScript) *kept { return ts.Value(keptKey{}).(*kept) }

func snapshot(ts *testscript.TestScript, args []string) {
	keptBy(ts).files = survey(ts, args[0])
}

func unchanged(ts *testscript.TestScript, args []string) {
	before, now := keptBy(ts).files, survey(ts, args[0])
	if len(before) == 0 {
		ts.Fatalf("there is no snapshot")
	}
	for name := range now {
		if before[name] == "" && !slices.Contains(args[1:], name) {
			ts.Fatalf("%s is new", name)
		}
	}
	for name, what := range before {
		if now[name] != what && !slices.Contains(args[1:], name) {
			ts.Fatalf("%s has changed", name)
		}
	}
}

// survey describes every file of a directory: its kind, mode, time and content.
func survey(ts *testscript.TestScript, dir string) map[string]string {
	found := map[string]string{}
	entries, err := os.ReadDir(ts.MkAbs(dir))
	ts.Check(err)
	for _, entry := range entries {
		path := filepath.Join(ts.MkAbs(dir), entry.Name())
		info, err := os.Lstat(path)
		ts.Check(err)
		what := fmt.Sprint(info.Mode(), info.Size(), info.ModTime().UnixNano())
		if info.Mode().IsRegular() && info.Size() < 16<<20 {
			data, err := os.ReadFile(path)
			ts.Check(err)
			what += string(data)
		}
		found[entry.Name()] = what
	}
	return found
}

func mode(ts *testscript.TestScript, args []string) {
	want, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	for _, path := range args[1:] {
		info, err := os.Lstat(ts.MkAbs(path))
		ts.Check(err)
		if got := info.Mode().Perm(); got != fs.FileMode(want) {
			ts.Fatalf("%s has mode %04o", path, got)
		}
	}
}

func hold(ts *testscript.TestScript, args []string) {
	l := flock.New(ts.MkAbs(args[0]), flock.SetFlag(os.O_RDONLY))
	ts.Check(l.Lock())
	k := keptBy(ts)
	k.locks = append(k.locks, l)
	ts.Defer(func() { _ = l.Unlock() }) // the end of the process does it anyway
}

func release(ts *testscript.TestScript, _ []string) {
	k := keptBy(ts)
	for _, l := range k.locks {
		ts.Check(l.Unlock())
	}
	k.locks = nil
}

// leaked looks for a value in files and in all files of directories, the
// encrypted ones aside.
func leaked(ts *testscript.TestScript, neg bool, args []string) {
	found := ""
	for _, path := range args[1:] {
		for name, data := range contents(ts, path) {
			if form := findForm(data, args[0]); form != "" {
				found = fmt.Sprintf("%s holds the value (%s)", name, form)
			}
		}
	}
	if neg && found != "" {
		ts.Fatalf("%s", found)
	}
	if !neg && found == "" {
		ts.Fatalf("the value is nowhere")
	}
}

func contents(ts *testscript.TestScript, path string) map[string]string {
	if path == "stdout" || path == "stderr" {
		return map[string]string{path: ts.ReadFile(path)}
	}
	found := map[string]string{}
	ts.Check(filepath.WalkDir(ts.MkAbs(path), func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(file)
		if !strings.HasPrefix(string(data), "age-encryption.org/v1\n") {
			found[file] = string(data)
		}
		return err
	}))
	return found
}

// findForm names the form in which data holds value, or returns "". Base64 is
// looked for as it would stand in the middle of a longer text.
func findForm(data, value string) string {
	forms := map[string]string{
		"as it is": value,
		"hex":      hex.EncodeToString([]byte(value)),
		"HEX":      strings.ToUpper(hex.EncodeToString([]byte(value))),
		"quoted":   strings.Trim(strconv.Quote(value), `"`),
	}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			text := enc.EncodeToString([]byte("xx"[:min(before, 2)] + value))
			// The first and the last characters depend on the neighbours.
			forms[fmt.Sprint("base64 at ", before)] = text[(before*8+5)/6 : len(text)-1]
		}
	}
	for name, form := range forms {
		if strings.Contains(data, form) {
			return name
		}
	}
	return ""
}

// newer makes a state file one that the next version of its format could be.
func newer(ts *testscript.TestScript, args []string) {
	state := ts.Getenv("STATE")
	switch args[0] {
	case "store":
		replaceInStore(ts, filepath.Join(state, "secrets.age"), `"version":1`, `"version":2`)
	case "ledger":
		header, err := lease.Op{Op: lease.KindHeader, Version: lease.Version + 1, Seq: 1, Time: time.Now().UTC()}.Encode()
		ts.Check(err)
		ts.Check(os.WriteFile(filepath.Join(state, "leases.jsonl"), header, 0o600))
	case "log":
		path := filepath.Join(state, "audit.jsonl")
		data := ts.ReadFile(path)
		if strings.Count(data, "\n") != 1 {
			ts.Fatalf("the log must hold its first line alone")
		}
		ts.Check(os.WriteFile(path, []byte(strings.Replace(data, `"version":1`, `"version":2`, 1)), 0o600))
	default:
		ts.Fatalf("no such file")
	}
}

func replaceInStore(ts *testscript.TestScript, path, old, with string) {
	ids, err := age.ParseIdentities(strings.NewReader(ts.ReadFile(filepath.Join(filepath.Dir(path), "identity.age"))))
	ts.Check(err)
	r, err := age.Decrypt(strings.NewReader(ts.ReadFile(path)), ids...)
	ts.Check(err)
	var plain, sealed bytes.Buffer
	_, err = plain.ReadFrom(r)
	ts.Check(err)
	w, err := age.Encrypt(&sealed, ids[0].(*age.X25519Identity).Recipient())
	ts.Check(err)
	_, err = w.Write(bytes.Replace(plain.Bytes(), []byte(old), []byte(with), 1))
	ts.Check(err)
	ts.Check(w.Close())
	ts.Check(os.WriteFile(path, sealed.Bytes(), 0o600))
}

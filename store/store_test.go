package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"agent-secrets/audit"
	"agent-secrets/internal/fsx"
	"agent-secrets/lease"
)

var ctx = context.Background()

// home is a state directory of a test, and its clock.
type home struct {
	t    *testing.T
	path string
	now  time.Time
	*Store
}

func (h *home) prune() {
	h.t.Helper()
	_, err := h.Prune(ctx)
	check(h.t, err)
}

func newHome(t *testing.T, names ...string) *home {
	t.Helper()
	h := &home{t: t, path: filepath.Join(t.TempDir(), "state"), now: time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)}
	_, err := Init(ctx, h.options(), nil)
	check(t, err)
	h.Store = h.open(h.options())
	for _, name := range names {
		h.add(name, "value of "+name)
	}
	return h
}

func (h *home) options() Options {
	return Options{
		Path: h.path, ClientID: "me@host", Rand: rand.Reader, OpenDir: fsx.OpenDir, MakeDir: fsx.MakeDir,
		Now: func() time.Time { return h.now },
	}
}

func (h *home) open(opts Options) *Store {
	h.t.Helper()
	s, err := Open(opts)
	check(h.t, err)
	h.t.Cleanup(func() { check(h.t, s.Close()) })
	return s
}

func (h *home) add(name, value string) {
	h.t.Helper()
	v := NewValue([]byte(value))
	_, err := h.Add(ctx, name, Change{Value: &v}, true)
	check(h.t, err)
}

func (h *home) grant(names ...string) []Grant {
	h.t.Helper()
	grants, err := h.Grant(ctx, requests(names...), nil)
	check(h.t, err)
	return grants
}

func (h *home) drop(name string, n int) { // the last n lines of a file
	h.t.Helper()
	lines := h.lines(name)
	h.write(name, lines[:len(lines)-n]...)
}

func (h *home) cut(name string, n int) { // the last n bytes of a file
	h.t.Helper()
	data := h.read(name)
	h.write(name, data[:len(data)-n])
}

func requests(names ...string) []Request {
	var all []Request
	for _, name := range names {
		all = append(all, Request{Secret: name, ClientID: "agent", Via: lease.ViaStdout})
	}
	return all
}

func (h *home) revoke(g Grant) {
	h.t.Helper()
	_, err := h.Revoke(ctx, Selector{IDs: []string{g.LeaseID}})
	check(h.t, err)
}

// states is what each lease that the ledger knows has come to.
func (h *home) states() map[string]string {
	h.t.Helper()
	leases, err := h.Leases()
	check(h.t, err)
	states := map[string]string{}
	for _, l := range leases.All {
		states[l.ID] = l.State(h.now)
	}
	return states
}

func (h *home) verified() Verified {
	h.t.Helper()
	v, err := h.Verify()
	check(h.t, err)
	return v
}

// events counts the lines of the log by their event.
func (h *home) events() map[string]int {
	h.t.Helper()
	events, unreadable, err := h.Events(0, func(audit.Event) bool { return true })
	if check(h.t, err); unreadable > 0 {
		h.t.Fatalf("%d lines of the log cannot be read", unreadable)
	}
	counts := map[string]int{}
	for _, e := range events {
		counts[e.Event]++
	}
	return counts
}

func (h *home) file(name string) string { return filepath.Join(h.path, name) }

func (h *home) read(name string) []byte {
	h.t.Helper()
	data, err := os.ReadFile(h.file(name))
	check(h.t, err)
	return data
}

func (h *home) write(name string, parts ...[]byte) {
	h.t.Helper()
	check(h.t, os.WriteFile(h.file(name), bytes.Join(parts, nil), 0o600))
}

func (h *home) lines(name string) [][]byte {
	h.t.Helper()
	lines := bytes.SplitAfter(h.read(name), []byte("\n"))
	return lines[:len(lines)-1]
}

// files is the content of every file, so that a test can say that nothing
// changed.
func (h *home) files() map[string]string {
	h.t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(h.path)
	check(h.t, err)
	for _, e := range entries {
		if e.Type().IsRegular() {
			all[e.Name()] = string(h.read(e.Name()))
		} else {
			all[e.Name()] = e.Type().String()
		}
	}
	return all
}

// restore puts back what files returned.
func (h *home) restore(files map[string]string) {
	h.t.Helper()
	for name := range h.files() {
		if name != lockFile {
			check(h.t, os.RemoveAll(h.file(name)))
		}
	}
	for name, content := range files {
		h.write(name, []byte(content))
	}
}

func (h *home) unchanged(before map[string]string, what string) {
	h.t.Helper()
	after := h.files()
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if after[name] != before[name] {
			h.t.Errorf("%s: %s changed", what, name)
		}
	}
	if len(after) != len(before) {
		h.t.Errorf("%s: %d files, were %d", what, len(after), len(before))
	}
}

func check(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// disk is a state directory that shows every operation to before, which can
// make it fail, and that forgets on cut what was not synced.
type disk struct {
	fsx.FS
	before func(op, name string) error
	synced map[string]int64 // where a file with unsynced bytes was last synced
}

func (d *disk) openDir(path string) (fsx.FS, error) {
	fsys, err := fsx.OpenDir(path)
	d.FS, d.synced = fsys, map[string]int64{}
	return d, err
}

func (d *disk) cut() error {
	var errs []error
	for name, size := range d.synced {
		errs = append(errs, os.Truncate(filepath.Join(d.Path(), name), size))
	}
	return errors.Join(errs...)
}

func (d *disk) Open(name string, flag int) (fsx.File, error) {
	op := "open"
	if flag&os.O_CREATE != 0 {
		op = "create"
	}
	if err := d.before(op, name); err != nil {
		return nil, err
	}
	f, err := d.FS.Open(name, flag)
	return &diskFile{f, d, name}, err
}

func (d *disk) Rename(from, to string) error {
	if err := d.before("rename", to); err != nil {
		return err
	}
	delete(d.synced, to)
	return d.FS.Rename(from, to)
}

func (d *disk) Remove(name string) error {
	if err := d.before("remove", name); err != nil {
		return err
	}
	return d.FS.Remove(name)
}

type diskFile struct {
	fsx.File
	disk *disk
	name string
}

func (f *diskFile) Write(p []byte) (int, error) {
	if err := f.disk.before("write", f.name); err != nil {
		return 0, err
	}
	if _, dirty := f.disk.synced[f.name]; !dirty && (f.name == auditFile || f.name == ledgerFile) {
		info, err := f.Stat()
		if err != nil {
			return 0, err
		}
		f.disk.synced[f.name] = info.Size
	}
	return f.File.Write(p)
}

func (f *diskFile) Truncate(size int64) error {
	if err := f.disk.before("truncate", f.name); err != nil {
		return err
	}
	if old, dirty := f.disk.synced[f.name]; dirty {
		f.disk.synced[f.name] = min(old, size)
	}
	return f.File.Truncate(size)
}

func (f *diskFile) Sync() error {
	if err := f.disk.before("sync", f.name); err != nil {
		return err
	}
	delete(f.disk.synced, f.name)
	return f.File.Sync()
}

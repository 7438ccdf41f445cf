package cli_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"agent-secrets/audit"
	"agent-secrets/lease"
	"agent-secrets/store"
)

// world is what a state directory stands for, read by the shipped readers.
type world struct {
	initialized bool
	identity    string            // the identity file, byte for byte
	secrets     map[string]string // name: value and hook
	leases      map[string]*lease.Lease
	granted     map[string]bool // ids that the log says were granted
	denied      int             // refusals in the log
	now         time.Time
}

func (w *world) active(id string) bool {
	l := w.leases[id]
	return l != nil && l.Active(w.now)
}

// read reads the disk without changing it. What is in the store depends on two
// files alone and is read once.
func (x *explorer) read(m *machine) (*world, error) {
	m = m.clone()
	w, err := m.readLeases()
	if err != nil || !w.initialized {
		return w, err
	}
	files := m.disk.Files()
	key := w.identity + string(files["secrets.age"])
	if x.values[key] == nil {
		if err := m.readSecrets(w); err != nil {
			return w, err
		}
		x.values[key] = maps.Clone(w.secrets)
	}
	w.secrets = maps.Clone(x.values[key])
	return w, nil
}

// readLeases reads all but the store, and changes nothing at all.
func (m *machine) readLeases() (*world, error) {
	w := &world{
		identity: string(m.disk.Files()["identity.age"]), now: m.now,
		secrets: map[string]string{}, leases: map[string]*lease.Lease{}, granted: map[string]bool{},
	}
	s, err := m.open()
	if errors.Is(err, store.ErrNotInitialized) {
		return w, nil
	}
	if err != nil {
		return nil, err
	}
	w.initialized = true
	leases, err := s.Leases()
	if err != nil {
		return nil, err
	}
	for _, l := range leases.All {
		w.leases[l.ID] = l
	}
	return w, m.readLog(s, w)
}

func (m *machine) readLog(s *store.Store, w *world) error {
	_, unreadable, err := s.Events(0, func(e audit.Event) bool {
		switch e.Event {
		case audit.LeaseGrant:
			w.granted[e.LeaseID] = true
		case audit.LeaseDenied:
			w.denied++
		}
		return false
	})
	if err == nil && unreadable > 0 {
		err = fmt.Errorf("%d lines of the log cannot be read", unreadable)
	}
	return err
}

// readSecrets gets the values in the one way there is, on leases.
func (m *machine) readSecrets(w *world) error {
	s, err := m.open()
	if err != nil {
		return err
	}
	secrets, err := s.Secrets()
	if err != nil || len(secrets) == 0 {
		return err
	}
	requests := make([]store.Request, len(secrets))
	for i, one := range secrets {
		requests[i] = store.Request{Secret: one.Name, ClientID: "judge", Via: lease.ViaStdout}
	}
	grants, err := s.Grant(context.Background(), requests, nil)
	for i, g := range grants {
		w.secrets[g.Secret] = string(g.Value.Reveal()) + " via " + secrets[i].RotateVia
	}
	return err
}

// plaintext returns the name of a file that holds a value as it is.
func (m *machine) plaintext() string {
	for name, content := range m.disk.Files() {
		text := string(content)
		for _, value := range secretValues() {
			if strings.Contains(text, value) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(value))) {
				return name
			}
		}
	}
	return ""
}

// bounds are the worlds between which a crash may leave the state: before and
// after the command that was not acknowledged. Where all were, they are equal.
type bounds struct{ before, after *world }

// checkLeases compares the leases of w with what was promised. Those of ours
// are of the recovery.
func (b bounds) checkLeases(w *world) error {
	ids := maps.Clone(w.leases)
	maps.Copy(ids, b.before.leases)
	maps.Copy(ids, b.after.leases)
	for id, l := range ids {
		old, next, is := b.before.active(id), b.after.active(id), w.active(id)
		known := b.before.leases[id] != nil || b.after.leases[id] != nil
		switch {
		case !known && is && l.ClientID != recoveryClient:
			return fmt.Errorf("lease %s of %s is in force and nobody asked for it", id, l.Secret)
		case known && old && next && !is:
			return fmt.Errorf("lease %s of %s is lost", id, l.Secret)
		case known && !old && !next && is && !b.passing(id):
			return fmt.Errorf("lease %s of %s is in force again", id, l.Secret)
		case is && !w.granted[id]:
			return fmt.Errorf("lease %s of %s is in force, and the log has no grant", id, l.Secret)
		}
	}
	return nil
}

// passing reports whether a lease began in the command that was stopped, which
// may not have come to the point of ending it.
func (b bounds) passing(id string) bool { return b.before != b.after && b.before.leases[id] == nil }

func (b bounds) checkSecrets(w *world) error {
	names := maps.Clone(w.secrets)
	maps.Copy(names, b.before.secrets)
	maps.Copy(names, b.after.secrets)
	for name := range names {
		is := w.secrets[name]
		if is != b.before.secrets[name] && is != b.after.secrets[name] {
			return fmt.Errorf("secret %s is %q: neither %q nor %q", name, is, b.before.secrets[name], b.after.secrets[name])
		}
	}
	if w.denied < b.before.denied {
		return fmt.Errorf("the log has %d refusals and had %d", w.denied, b.before.denied)
	}
	return nil
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"agent-secrets/lease"
	"agent-secrets/store"
)

// options gathers what a store needs to know: --dir goes before SECRETS_HOME,
// which goes before ~/.agent-secrets. A variable that is blank counts as unset.
func (inv *invocation) options() (store.Options, error) {
	path, err := inv.directory()
	if err != nil {
		return store.Options{}, err
	}
	client, err := inv.clientID("") // not valid: unknown, for those who go on
	return store.Options{
		Path:         path,
		Identity:     inv.getenv("SECRETS_IDENTITY"),
		IdentityFile: inv.getenv("SECRETS_IDENTITY_FILE"),
		ClientID:     client,
		Now:          inv.env.Now,
		Rand:         inv.env.Rand,
		Alive:        inv.env.Alive,
		Owner:        inv.env.Owner,
		OpenDir:      inv.env.OpenDir,
		MakeDir:      inv.env.MakeDir,
	}, err
}

func (inv *invocation) directory() (string, error) {
	if inv.dir != "" {
		return inv.dir, nil
	}
	if home := inv.getenv("SECRETS_HOME"); home != "" {
		return home, nil
	}
	if home := inv.getenv("HOME"); home != "" {
		return filepath.Join(home, ".agent-secrets"), nil
	}
	return "", usageError{msg: "there is no HOME: say where the state directory is", fix: "secrets --dir <path> status"}
}

func (inv *invocation) getenv(name string) string {
	return strings.TrimSpace(inv.env.Getenv(name))
}

// opener opens a store in one of the ways that package store has.
type opener func(store.Options) (*store.Store, error)

// open opens the store that the command line and the environment name.
func (inv *invocation) open(how opener) (*store.Store, error) {
	opts, err := inv.options()
	if err != nil {
		return nil, err
	}
	return how(opts)
}

// clientID is who asks: what was given, or SECRETS_CLIENT_ID, or the agent or
// user at this host.
func (inv *invocation) clientID(given string) (string, error) {
	for _, id := range []string{given, inv.getenv("SECRETS_CLIENT_ID")} {
		if id == "" {
			continue
		}
		if !lease.ValidClientID(id) {
			return unknownClient, fmt.Errorf("%w: it takes 1 to 128 printable ASCII characters", store.ErrInvalidClientID)
		}
		return id, nil
	}
	return inv.whoAtHost(), nil
}

// whoAtHost is agent@host, or user@host. An agent's name comes from outside: if
// it makes no client id, it is passed over.
func (inv *invocation) whoAtHost() string {
	host, err := inv.env.Hostname()
	if err != nil || host == "" {
		host = "localhost"
	}
	if agent := inv.agent(); agent != "" && lease.ValidClientID(agent+"@"+host) {
		return agent + "@" + host
	}
	if id := inv.user() + "@" + host; lease.ValidClientID(id) {
		return id
	}
	return unknownClient
}

// user reads USER, because looking up the user id would cost every start more
// than the name is worth.
func (inv *invocation) user() string {
	for _, variable := range []string{"USER", "LOGNAME"} {
		if name := inv.getenv(variable); name != "" {
			return name
		}
	}
	return fmt.Sprintf("uid%d", os.Geteuid())
}

const unknownClient = "unknown"

// withStore runs work, which may write, on the open store. A killswitch that did
// not come to its end does so first.
func (inv *invocation) withStore(ctx context.Context, work func(*store.Store) (result, error)) (result, error) {
	return inv.with(store.Open, func(s *store.Store) (result, error) {
		if err := inv.finishKillswitch(ctx, s); err != nil {
			return result{}, err
		}
		return work(s)
	})
}

func (inv *invocation) with(how opener, work func(*store.Store) (result, error)) (result, error) {
	s, err := inv.open(how)
	if err != nil {
		return result{}, err
	}
	r, err := work(s)
	if r.undelivered != nil {
		// The store is needed until the value has been handed over; the
		// process ends right after.
		return r, err
	}
	return r, errors.Join(err, s.Close())
}

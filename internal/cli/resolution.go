package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"agent-secrets/envfile"
	"agent-secrets/internal/fsx"
	"agent-secrets/lease"
	"agent-secrets/store"
)

// resolution leases what it can of a list of secrets, and keeps a refusal for
// each of the others. Whatever can be granted is granted at once, under one
// lock and with one write to the log, however many secrets it is.
type resolution struct {
	inv     *invocation
	store   *store.Store
	like    store.Request // what the leases have in common
	open    []string      // ids without an answer
	grants  []store.Grant
	refused map[string]error // by id
}

// newResolution refuses what cannot name a secret, and takes no id twice.
func newResolution(inv *invocation, s *store.Store, like store.Request, ids []string) *resolution {
	r := &resolution{inv: inv, store: s, like: like, refused: map[string]error{}}
	seen := map[string]bool{}
	for _, id := range ids {
		switch {
		case seen[id]:
		case lease.ValidName(id):
			r.open = append(r.open, id)
		default:
			r.refused[id] = invalidName(id)
		}
		seen[id] = true
	}
	return r
}

// resolve returns an error only for what is wrong with the store as a whole;
// then nothing is granted.
func (r *resolution) resolve(ctx context.Context) error {
	asked := slices.Clone(r.open)
	failed := r.grantOpen(ctx)
	if errors.Is(failed, fsx.ErrBusy) {
		return failed // who could not have the lock once would wait again
	}
	var denials []store.Denial
	for _, id := range asked {
		err := r.refused[id]
		if err == nil {
			err = failed
		}
		if err != nil {
			denials = append(denials, store.Denial{Secret: id, ClientID: r.like.ClientID, Via: r.like.Via, Code: codeOf(err)})
		}
	}
	r.inv.deny(ctx, r.store, denials)
	return failed
}

// grantOpen asks for all that is open until all is granted or refused. Each
// round but the last takes away what kept it from being granted.
func (r *resolution) grantOpen(ctx context.Context) error {
	for len(r.open) > 0 {
		before := len(r.open)
		grants, err := r.store.Grant(ctx, r.requests(), r.refuseBinary)
		switch {
		case err == nil:
			r.grants, r.open = grants, nil
		case errors.Is(err, store.ErrFrozen), errors.Is(err, store.ErrTTLExceedsMax):
			r.refuse(func(string) error { return err })
		case errors.Is(err, store.ErrSecretNotFound):
			if err := r.refuseUnknown(); err != nil {
				return err
			}
		}
		if len(r.open) == before {
			return err
		}
	}
	return nil
}

func (r *resolution) requests() []store.Request {
	requests := make([]store.Request, len(r.open))
	for i, id := range r.open {
		requests[i] = r.like
		requests[i].Secret = id
	}
	return requests
}

// refuse closes the open ids for which why returns an error.
func (r *resolution) refuse(why func(id string) error) {
	r.open = slices.DeleteFunc(r.open, func(id string) bool {
		if err := why(id); err != nil {
			r.refused[id] = err
			return true
		}
		return false
	})
}

// refuseUnknown is for when the store has said that it does not know all of them.
func (r *resolution) refuseUnknown() error {
	secrets, err := r.store.Secrets()
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, one := range secrets {
		known[one.Name] = true
	}
	r.refuse(func(id string) error {
		if known[id] {
			return nil
		}
		return fmt.Errorf("secret %q: %w", id, store.ErrSecretNotFound)
	})
	return nil
}

// refuseBinary refuses the grants whose values JSON cannot carry, before
// anything is written down. It returns an error if there were some.
func (r *resolution) refuseBinary(grants []store.Grant) error {
	var found error
	for _, g := range grants {
		if utf8.Valid(g.Value.Reveal()) {
			continue
		}
		found = fmt.Errorf("secret %q: %w: it is not UTF-8", g.Secret, envfile.ErrUnrepresentable)
		r.refuse(func(id string) error {
			if id == g.Secret {
				return found
			}
			return nil
		})
	}
	return found
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"agent-secrets/internal/fsx"
	"agent-secrets/lease"
	"agent-secrets/store"

	"github.com/urfave/cli/v2"
)

type leaseOptions struct {
	name     string
	ttl      string
	clientID string
	json     bool
	attended bool
}

func leaseCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:      "lease",
		Usage:     "print the value of a secret, on a lease",
		ArgsUsage: "<name>",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "ttl", Usage: "lease it for `DURATION`, such as 30m, 1h or 7d (default: of the settings)"},
			&cli.StringFlag{Name: "client-id", Usage: "ask in the name of `ID` (default: $SECRETS_CLIENT_ID, else the agent or user at this host)"},
			&cli.BoolFlag{Name: "json", Usage: "print the lease with the value in it"},
			&cli.BoolFlag{Name: "raw", Hidden: true},
			&cli.BoolFlag{Name: "attended", Hidden: true},
		},
		Action: inv.action(func(c *cli.Context) (result, error) {
			return runLease(c.Context, inv, leaseOptions{
				name: c.Args().First(), ttl: c.String("ttl"), clientID: c.String("client-id"), json: c.Bool("json"),
				attended: c.Bool("attended"),
			})
		}),
	}
}

func runLease(ctx context.Context, inv *invocation, opts leaseOptions) (result, error) {
	if !lease.ValidName(opts.name) {
		return result{}, invalidName(opts.name)
	}
	request := store.Request{Secret: opts.name, Via: lease.ViaStdout}
	if opts.attended {
		request.Via = lease.ViaMCP
	}
	var err error
	if request.TTL, err = parseTTL(opts.ttl); err != nil {
		return result{}, err
	}
	if request.ClientID, err = inv.clientID(opts.clientID); err != nil {
		return result{}, err
	}
	return inv.withStore(ctx, func(s *store.Store) (result, error) {
		grants, err := inv.grant(ctx, s, []store.Request{request}, nil)
		if err != nil {
			longest := lease.FormatDuration(s.Config().MaxLeaseTTL.Duration())
			return result{}, withFix(err, store.ErrTTLExceedsMax, "secrets lease %s --ttl %s", opts.name, longest)
		}
		r := leaseResult(grants[0], opts.json, inv.env.StdoutTerminal)
		r.undelivered = func(ctx context.Context) error { return s.Undelivered(ctx, grants[0].LeaseID) }
		return r, nil
	})
}

// parseTTL reads a TTL; an empty one is the default of the settings.
func parseTTL(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	ttl, err := lease.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("--ttl: %w", err)
	}
	return ttl, nil
}

// grant asks the store for leases, and has a refusal written to the log.
func (inv *invocation) grant(ctx context.Context, s *store.Store, requests []store.Request, approve func([]store.Grant) error) ([]store.Grant, error) {
	grants, err := s.Grant(ctx, requests, approve)
	if err == nil || errors.Is(err, fsx.ErrBusy) {
		return grants, err // who could not have the lock once would wait again
	}
	inv.deny(ctx, s, denialsOf(s, requests, err))
	return nil, err
}

// denialsOf are the refusals that err stands for: all of the requests, or where
// a secret is missing, those that ask for what is.
func denialsOf(s *store.Store, requests []store.Request, err error) []store.Denial {
	var denials []store.Denial
	for _, r := range requests {
		if errors.Is(err, store.ErrSecretNotFound) && s.CheckGrant([]store.Request{r}) == nil {
			continue
		}
		denials = append(denials, store.Denial{Secret: r.Secret, ClientID: r.ClientID, Via: r.Via, Code: codeOf(err)})
	}
	return denials
}

// deny has refusals written to the log, as far as it can be written.
func (inv *invocation) deny(ctx context.Context, s *store.Store, denials []store.Denial) {
	if len(denials) == 0 {
		return
	}
	if failed := s.Deny(ctx, denials...); failed != nil {
		inv.warn("the refusal could not be written to the audit log: %v", failed)
	}
}

func leaseResult(g store.Grant, asJSON, toTerminal bool) result {
	value := g.Value.Reveal()
	if !asJSON {
		if toTerminal && value[len(value)-1] != '\n' {
			value = append(slices.Clone(value), '\n')
		}
		return result{raw: value, secret: true}
	}
	v := grantValue{
		LeaseID: g.LeaseID, SecretName: g.Secret, ExpiresAt: g.ExpiresAt,
		TTL: lease.FormatDuration(g.TTL), ClientID: g.ClientID,
	}
	if utf8.Valid(value) {
		text := string(value)
		v.Value = &text
	} else {
		v.ValueBase64 = value
	}
	return result{value: v, secret: true, next: []action{
		{"secrets revoke " + g.LeaseID, "End the lease when the value is no longer needed"},
	}}
}

type grantValue struct {
	LeaseID     string    `json:"lease_id"`
	SecretName  string    `json:"secret_name"`
	Value       *string   `json:"value,omitempty"`
	ValueBase64 []byte    `json:"value_base64,omitempty"` // where it is not UTF-8
	ExpiresAt   time.Time `json:"expires_at"`
	TTL         string    `json:"ttl"`
	ClientID    string    `json:"client_id"`
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"agent-secrets/internal/supervise"
	"agent-secrets/killswitch"
	"agent-secrets/lease"
	"agent-secrets/store"

	"github.com/urfave/cli/v2"
)

type revokeOptions struct {
	meant store.Selector
	all   bool
}

func revokeCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:      "revoke",
		Usage:     "end leases, or with --all every lease at once: the killswitch",
		ArgsUsage: "[<lease-id>...]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "secret", Usage: "the leases of the secret `NAME`"},
			&cli.StringFlag{Name: "client-id", Usage: "the leases of the client `ID`"},
			&cli.BoolFlag{Name: "all", Usage: "every lease; never asks, and works on a store that nothing else works on"},
		},
		Action: inv.action(func(c *cli.Context) (result, error) {
			opts := revokeOptions{
				meant: store.Selector{IDs: c.Args().Slice(), Secret: c.String("secret"), ClientID: c.String("client-id")},
				all:   c.Bool("all"),
			}
			if err := opts.check(); err != nil {
				return result{}, err
			}
			if opts.all {
				return runKillswitch(c.Context, inv)
			}
			return runRevoke(c.Context, inv, opts.meant)
		}),
	}
}

func (o revokeOptions) check() error {
	some := len(o.meant.IDs) > 0 || o.meant.Secret != "" || o.meant.ClientID != ""
	switch {
	case o.all && some:
		return usageError{msg: "--all ends every lease: name none beside it", fix: "secrets revoke --all"}
	case !o.all && !some:
		return usageError{msg: "say which leases: ids, --secret, --client-id or --all", fix: "secrets leases"}
	case o.meant.Secret != "" && !lease.ValidName(o.meant.Secret):
		return invalidName(o.meant.Secret)
	}
	return nil
}

func runRevoke(ctx context.Context, inv *invocation, meant store.Selector) (result, error) {
	return inv.withStore(func(s *store.Store) (result, error) {
		ended, err := s.Revoke(ctx, meant)
		if err != nil {
			return result{}, err
		}
		if len(ended.Leases)+len(ended.Already) == 0 {
			inv.warn("no lease in force is meant: nothing was revoked")
		}
		wake(ended.Leases)
		gone, kept, err := inv.wipeEnded(ctx, s)
		return result{
			value: struct {
				Revoked     []leaseValue       `json:"revoked"`
				Count       int                `json:"count"`
				Already     []leaseValue       `json:"already_ended"`
				Removed     []string           `json:"removed_files"`
				Kept        []keptValue        `json:"kept_files"`
				Unreachable []unreachableValue `json:"unreachable"`
			}{leaseValues(ended.Leases), len(ended.Leases), leaseValues(ended.Already), gone, kept, inv.unreachable(ended.Leases)},
			next: []action{{"secrets leases", "See what is still in force"}},
		}, err
	})
}

// wake continues an exec that was stopped, so that it sees the end of its lease.
func wake(leases []*lease.Lease) {
	for _, l := range leases {
		if l.Owner != "" {
			supervise.Wake(l.Owner)
		}
	}
}

// unreachableValue is a value that was handed out and cannot be called back.
type unreachableValue struct {
	LeaseID    string `json:"lease_id"`
	SecretName string `json:"secret_name"`
	Reason     string `json:"reason"`
	Fix        string `json:"fix"`
}

func (inv *invocation) unreachable(leases []*lease.Lease) []unreachableValue {
	values := []unreachableValue{}
	for _, l := range leases {
		if l.Via == lease.ViaStdout || l.Via == lease.ViaEnv && l.Path == "" {
			values = append(values, unreachableValue{
				LeaseID: l.ID, SecretName: l.Secret,
				Reason: "the value was printed: whoever read it may still have it",
				Fix:    inv.hereCommand("secrets update " + l.Secret + " # with a value renewed where it was issued"),
			})
		}
	}
	return values
}

func runKillswitch(ctx context.Context, inv *invocation) (result, error) {
	opts, err := inv.options()
	if err != nil && !errors.Is(err, store.ErrInvalidClientID) {
		return result{}, err
	}
	s, err := store.OpenForKillswitch(opts)
	if err != nil {
		return result{}, err
	}
	defer s.Close()
	gone, kept := []string{}, []keptValue{}
	report := killswitch.Run(ctx, s, func() (err error) {
		gone, kept, err = inv.wipeEnded(ctx, s)
		return err
	})
	type stepValue struct {
		Step  string `json:"step"`
		OK    bool   `json:"ok"`
		Error string `json:"error,omitempty"`
	}
	steps := make([]stepValue, len(report.Steps))
	for i, step := range report.Steps {
		steps[i] = stepValue{Step: step.Name, OK: step.Err == nil}
		if step.Err != nil {
			steps[i].Error = step.Err.Error()
		}
	}
	wake(report.Leases)
	r := result{
		value: struct {
			Revoked     []leaseValue       `json:"revoked"`
			Count       int                `json:"count"`
			Steps       []stepValue        `json:"steps"`
			Removed     []string           `json:"removed_files"`
			Kept        []keptValue        `json:"kept_files"`
			Unreachable []unreachableValue `json:"unreachable"`
		}{leaseValues(report.Leases), len(report.Leases), steps, gone, kept, inv.unreachable(report.Leases)},
		next: []action{{"secrets audit --tail 5", "See what the log says"}},
	}
	return r, partial(report)
}

// partial is the error of a killswitch of which a step failed.
func partial(report killswitch.Report) error {
	var names []string
	for _, step := range report.Failed() {
		names = append(names, step.Name)
	}
	if names == nil {
		return nil
	}
	return fmt.Errorf("%w: not done: %s", errKillswitchPartial, strings.Join(names, ", "))
}

package cli

import (
	"context"
	"slices"
	"strings"

	"agent-secrets/internal/supervise"
	"agent-secrets/lease"
	"agent-secrets/store"

	"github.com/urfave/cli/v2"
)

type revokeOptions struct {
	meant store.Selector
	all   bool
	plan  store.Plan // with all
	yes   bool
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
			&cli.BoolFlag{Name: "freeze", Usage: "with --all: grant nothing more until secrets thaw"},
			&cli.BoolFlag{Name: "rotate", Usage: "with --all: run every rotation hook"},
			&cli.BoolFlag{Name: "wipe", Usage: "with --all: destroy the store and its identity, for ever"},
			&cli.BoolFlag{Name: "yes", Usage: "with --wipe: do not ask"},
		},
		Action: inv.action(func(c *cli.Context) (result, error) {
			opts := revokeOptions{
				meant: store.Selector{IDs: c.Args().Slice(), Secret: c.String("secret"), ClientID: c.String("client-id")},
				all:   c.Bool("all"),
				plan:  store.Plan{By: store.ByPerson, Freeze: c.Bool("freeze"), Rotate: c.Bool("rotate"), Wipe: c.Bool("wipe")},
				yes:   c.Bool("yes"),
			}
			if err := opts.check(); err != nil {
				return result{}, err
			}
			if opts.all {
				return runKillswitch(c.Context, inv, opts.plan, opts.yes)
			}
			return runRevoke(c.Context, inv, opts.meant)
		}),
	}
}

func (o revokeOptions) check() error {
	some := len(o.meant.IDs) > 0 || o.meant.Secret != "" || o.meant.ClientID != ""
	more := o.plan.Freeze || o.plan.Rotate || o.plan.Wipe
	switch {
	case !o.all && more:
		return usageError{msg: "--freeze, --rotate and --wipe are for the killswitch", fix: "secrets revoke --all --freeze"}
	case o.yes && !o.all:
		return usageError{msg: "--yes is for --all --wipe: nothing else asks", fix: "secrets help revoke"}
	case slices.ContainsFunc(o.meant.IDs, func(id string) bool { return strings.EqualFold(id, "all") }):
		return usageError{msg: "all is no lease id: --all ends every lease", fix: "secrets revoke --all"}
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
	return inv.withStore(ctx, func(s *store.Store) (result, error) {
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
			value: revokedValue{
				leaseValues(ended.Leases), len(ended.Leases), leaseValues(ended.Already),
				filesValue{gone, kept}, inv.unreachable(s, ended.Leases, kept),
			},
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

// unreachable lists what nobody can call back, and how to make it worthless:
// what was printed, and what is in files that could not be removed.
func (inv *invocation) unreachable(s *store.Store, leases []*lease.Lease, kept []keptValue) []unreachableValue {
	values := []unreachableValue{}
	var hooks map[string]bool
	for _, l := range leases {
		reason := whyUnreachable(l, kept)
		if reason == "" {
			continue
		}
		if hooks == nil {
			hooks = hooksOf(s)
		}
		fix := "secrets update " + l.Secret + " # with a value renewed where it was issued"
		if there, known := hooks[l.Secret]; !known {
			fix = "# renew " + l.Secret + " where it was issued"
		} else if there {
			fix = "secrets rotate " + l.Secret
		}
		values = append(values, unreachableValue{LeaseID: l.ID, SecretName: l.Secret, Reason: reason, Fix: inv.hereCommand(fix)})
	}
	return values
}

func whyUnreachable(l *lease.Lease, kept []keptValue) string {
	switch {
	case l.Via == lease.ViaMCP:
		return "the value was shown to a model: it may be in its transcript"
	case l.Via == lease.ViaStdout, l.Via == lease.ViaEnv && l.Path == "":
		return "the value was printed: whoever read it may still have it"
	case slices.ContainsFunc(kept, func(k keptValue) bool { return k.Path == l.Path }):
		return "the value is in " + l.Path + ", which was left there"
	}
	return ""
}

// hooksOf tells which secrets there are, and whether they have a rotation hook.
// Of a store that cannot be read there are none: a revocation needs nothing to
// work.
func hooksOf(s *store.Store) map[string]bool {
	hooks := map[string]bool{}
	secrets, _ := s.Secrets()
	for _, one := range secrets {
		hooks[one.Name] = one.RotateVia != ""
	}
	return hooks
}

type revokedValue struct {
	Revoked []leaseValue `json:"revoked"`
	Count   int          `json:"count"`
	Already []leaseValue `json:"already_ended"`
	filesValue
	Unreachable []unreachableValue `json:"unreachable"`
}

func (v revokedValue) writeText(p *page) {
	if v.Count == 0 {
		p.say("no lease was ended")
	}
	p.sayEnded(v.Revoked)
	for _, l := range v.Already {
		p.say("%s had ended before", l.LeaseID)
	}
	v.filesValue.writeText(p)
	p.sayUnreachable(v.Unreachable)
}

// sayUnreachable lists what is out there, and how to make it worthless.
func (p *page) sayUnreachable(values []unreachableValue) {
	if len(values) == 0 {
		return
	}
	p.say("%s", p.styled(warned, "printed, and out of reach:"))
	seen := map[string]bool{}
	for _, u := range values {
		if !seen[u.SecretName] {
			p.say("  %s", u.SecretName)
			p.say("    %s", u.Fix)
		}
		seen[u.SecretName] = true
	}
}

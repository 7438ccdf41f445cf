package cli

import (
	"context"
	"fmt"

	"agent-secrets/lease"
	"agent-secrets/store"

	"github.com/urfave/cli/v2"
)

func removeCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:      "remove",
		Aliases:   []string{"rm", "delete"},
		Usage:     "take a secret out of the store and end its leases",
		ArgsUsage: "<name>",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "yes", Usage: "do not ask"},
		},
		Action: inv.action(func(c *cli.Context) (result, error) {
			return runRemove(c.Context, inv, c.Args().First(), c.Bool("yes"))
		}),
	}
}

func runRemove(ctx context.Context, inv *invocation, name string, yes bool) (result, error) {
	if !lease.ValidName(name) {
		return result{}, invalidName(name)
	}
	return inv.withStore(ctx, func(s *store.Store) (result, error) {
		if !yes {
			if err := s.CheckGrant([]store.Request{{Secret: name, ClientID: unknownClient}}); err != nil {
				return result{}, err // there is nothing to ask about
			}
			if err := inv.confirm(fmt.Sprintf("Remove %s and end its leases?", name), "secrets remove "+name+" --yes"); err != nil {
				return result{}, err
			}
		}
		ended, err := s.Remove(ctx, name)
		if err != nil {
			return result{}, err
		}
		wake(ended)
		gone, kept, err := inv.wipeEnded(ctx, s)
		return result{
			value: removedValue{name, leaseValues(ended), filesValue{gone, kept}},
			next:  []action{{"secrets list", "See what is left"}},
		}, err
	})
}

func invalidName(name string) error {
	return fmt.Errorf("%w %q: letters, digits and . _ / - are allowed, 128 at most, beginning with a letter or digit",
		store.ErrInvalidName, shorten(name))
}

type removedValue struct {
	Name    string       `json:"name"`
	Revoked []leaseValue `json:"revoked_leases"`
	filesValue
}

func (v removedValue) writeText(p *page) {
	p.say("%s removed", p.styled(strong, v.Name))
	p.sayEnded(v.Revoked)
	v.filesValue.writeText(p)
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"agent-secrets/store"

	"github.com/urfave/cli/v2"
)

func freezeCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:   "freeze",
		Usage:  "grant nothing more until a person thaws it; leases that are out run on",
		Action: inv.action(func(c *cli.Context) (result, error) { return runFreeze(c.Context, inv) }),
	}
}

// runFreeze works wherever a killswitch does.
func runFreeze(ctx context.Context, inv *invocation) (result, error) {
	opts, err := inv.options()
	if err != nil && !errors.Is(err, store.ErrInvalidClientID) {
		return result{}, err
	}
	s, err := store.OpenForKillswitch(opts)
	if err != nil {
		return result{}, err
	}
	defer s.Close()
	already, err := s.Freeze(ctx, store.ByPerson)
	if frozen, _ := s.Frozen(); err != nil && !frozen {
		return result{}, err
	}
	if err != nil {
		err = fmt.Errorf("nothing is granted any more, but not all is done: %w", err)
	}
	return result{
		value: frozenValue{true, already, holdsOf(s)},
		next: []action{
			{"secrets thaw", "Allow grants again: for a person to decide"},
			{"secrets revoke --all", "End the leases that are out"},
		},
	}, err
}

// holdValue is a reason for which nothing is granted.
type holdValue struct {
	By       string    `json:"by"` // person, heartbeat or killswitch
	ClientID string    `json:"client_id"`
	Since    time.Time `json:"since"`
	// What a killswitch is still to do.
	Rotate bool `json:"rotate,omitempty"`
	Wipe   bool `json:"wipe,omitempty"`
}

func holdValues(holds []store.Hold) []holdValue {
	values := []holdValue{}
	for _, h := range holds {
		values = append(values, holdValue{h.By, h.ClientID, h.Since, h.Rotate, h.Wipe})
	}
	return values
}

// holdsOf returns why nothing is granted. What cannot be read is no reason that
// can be told.
func holdsOf(s *store.Store) []holdValue {
	holds, _ := s.Holds()
	return holdValues(holds)
}

func thawCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:  "thaw",
		Usage: "allow grants again, after a freeze",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "yes", Usage: "do not ask"},
		},
		Action: inv.action(func(c *cli.Context) (result, error) {
			return runThaw(c.Context, inv, c.Bool("yes"))
		}),
	}
}

func runThaw(ctx context.Context, inv *invocation, yes bool) (result, error) {
	return inv.withStore(ctx, func(s *store.Store) (result, error) {
		if len(holdsOf(s)) == 0 {
			inv.warn("it is not frozen: nothing was changed")
		} else if !yes {
			if err := inv.confirm("Allow grants again?", "secrets thaw --yes"); err != nil {
				return result{}, err
			}
		}
		lifted, err := s.Thaw(ctx)
		if err != nil {
			return result{}, err
		}
		return result{
			value: thawedValue{false, holdValues(lifted)},
			next:  []action{{"secrets lease <name>", "Get a secret value"}},
		}, nil
	})
}

type frozenValue struct {
	Frozen  bool        `json:"frozen"`
	Already bool        `json:"already"` // before this
	Holds   []holdValue `json:"holds"`
}

func (v frozenValue) writeText(p *page) {
	p.sayFrozen(v.Holds)
	p.say("leases that are out run on: secrets revoke --all ends them")
}

// sayFrozen tells why nothing is granted.
func (p *page) sayFrozen(holds []holdValue) {
	if len(holds) == 0 {
		p.say("%s: a killswitch has not come to its end", p.styled(bad, "FROZEN"))
	}
	for _, h := range holds {
		who := clean(h.ClientID)
		if h.By != store.ByPerson {
			who = "the " + h.By
		}
		p.say("%s by %s, %s: secrets thaw", p.styled(bad, "FROZEN"), who, relative(h.Since, p.now))
	}
}

type thawedValue struct {
	Frozen bool        `json:"frozen"`
	Lifted []holdValue `json:"lifted"`
}

func (v thawedValue) writeText(p *page) {
	if len(v.Lifted) == 0 {
		p.say("it was not frozen")
		return
	}
	p.say("grants are allowed again")
}

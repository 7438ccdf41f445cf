package cli

import (
	"context"

	"agent-secrets/store"

	"github.com/urfave/cli/v2"
)

func initCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:  "init",
		Usage: "make the state directory, its identity and an empty store",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "identity", Usage: "keep a copy of the identity in `FILE` instead of making a new one"},
		},
		Action: inv.action(func(c *cli.Context) (result, error) {
			return runInit(c.Context, inv, c.String("identity"))
		}),
	}
}

func runInit(ctx context.Context, inv *invocation, identity string) (result, error) {
	opts, err := inv.options()
	if err != nil {
		return result{}, err
	}
	var key []byte
	if identity != "" {
		if key, err = store.IdentityKey(identity); err != nil {
			return result{}, fileError(err)
		}
	}
	made, err := store.Init(ctx, opts, key)
	if err != nil {
		return result{}, err
	}
	inv.warn("the identity is %s: whoever loses it loses every secret, so keep a copy elsewhere", made.Identity)
	return result{
		value: initValue{made.Path, made.Identity, made.Recipient, made.Completed, "losing the identity loses every secret: keep a copy elsewhere"},
		next: []action{
			{"secrets add <name>", "Put a secret into the store"},
			{"secrets status", "See how the store is"},
		},
	}, nil
}

type initValue struct {
	Directory string `json:"directory"`
	Identity  string `json:"identity"`
	Recipient string `json:"recipient"`
	Completed bool   `json:"completed"`
	Warning   string `json:"warning"`
}

func (v initValue) writeText(p *page) {
	verb := "made"
	if v.Completed {
		verb = "completed"
	}
	p.say("%s %s", verb, clean(v.Directory))
	p.say("its public key is %s", v.Recipient)
	p.say("next: secrets add <name>")
}

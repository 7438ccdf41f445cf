package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"agent-secrets/lease"
	"agent-secrets/store"

	"github.com/urfave/cli/v2"
)

type putOptions struct {
	name        string
	from        source
	rotateVia   *string        // nil: not given
	rotateEvery *time.Duration // nil: not given
	force       bool
}

func addCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:      "add",
		Usage:     "put a secret into the store, its value from standard input",
		ArgsUsage: "<name>",
		Flags: append(valueFlags(),
			&cli.BoolFlag{Name: "force", Usage: "replace the value of a secret that is there"}),
		Action: inv.action(func(c *cli.Context) (result, error) {
			opts, err := putOptionsOf(c)
			if err != nil {
				return result{}, err
			}
			return runAdd(c.Context, inv, opts)
		}),
	}
}

func updateCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:      "update",
		Usage:     "give a secret a new value, or a new rotation hook",
		ArgsUsage: "<name>",
		Flags:     valueFlags(),
		Action: inv.action(func(c *cli.Context) (result, error) {
			opts, err := putOptionsOf(c)
			if err != nil {
				return result{}, err
			}
			return runUpdate(c.Context, inv, opts)
		}),
	}
}

func valueFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "rotate-via", Usage: "renew it with the shell command `CMD`; empty for none"},
		&cli.StringFlag{Name: "rotate-every", Usage: "have secrets watch renew it every `DURATION`; empty for never"},
		&cli.StringFlag{Name: "from-file", Usage: "read the value from `PATH`, or - for standard input"},
		&cli.BoolFlag{Name: "keep-newline", Usage: "keep a newline at the end of the value"},
	}
}

func putOptionsOf(c *cli.Context) (putOptions, error) {
	opts := putOptions{
		name:  c.Args().First(),
		from:  source{file: c.String("from-file"), keepNewline: c.Bool("keep-newline")},
		force: c.Bool("force"),
	}
	if c.IsSet("rotate-via") {
		via := c.String("rotate-via")
		opts.rotateVia = &via
	}
	if c.IsSet("rotate-every") {
		every, err := parseEvery(c.String("rotate-every"))
		if err != nil {
			return opts, err
		}
		opts.rotateEvery = &every
	}
	return opts, opts.check()
}

// parseEvery reads how often; empty is never.
func parseEvery(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	every, err := lease.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("--rotate-every: %w", err)
	}
	return every, nil
}

// check refuses a name that is none, and a command that no shell could be given.
func (o putOptions) check() error {
	if !lease.ValidName(o.name) {
		return invalidName(o.name)
	}
	if via := o.rotateVia; via != nil && (len(*via) > maxHook || !utf8.ValidString(*via) || strings.ContainsRune(*via, 0)) {
		return usageError{msg: "--rotate-via takes a shell command of at most 4096 bytes of UTF-8", fix: "secrets help add"}
	}
	return nil
}

const maxHook = 4096

func runAdd(ctx context.Context, inv *invocation, opts putOptions) (result, error) {
	return inv.withStore(ctx, func(s *store.Store) (result, error) {
		value, err := inv.read(opts.from, opts.name)
		if err != nil {
			return result{}, err
		}
		secret, err := s.Add(ctx, opts.name, store.Change{Value: &value, RotateVia: opts.rotateVia, RotateEvery: opts.rotateEvery}, opts.force)
		if err != nil {
			return result{}, withFix(err, store.ErrSecretExists, "secrets update %s", opts.name)
		}
		return putResult(secret), nil
	})
}

func runUpdate(ctx context.Context, inv *invocation, opts putOptions) (result, error) {
	return inv.withStore(ctx, func(s *store.Store) (result, error) {
		change := store.Change{RotateVia: opts.rotateVia, RotateEvery: opts.rotateEvery}
		value, err := inv.readUpdate(opts)
		if err != nil {
			return result{}, err
		}
		if value.Len() > 0 {
			change.Value = &value
		}
		secret, err := s.Update(ctx, opts.name, change)
		if err != nil {
			return result{}, withFix(err, store.ErrSecretNotFound, "secrets add %s", opts.name)
		}
		return putResult(secret), nil
	})
}

// readUpdate reads the new value. With a new hook or plan it may be left out: then
// nobody is asked, and standard input may be empty.
func (inv *invocation) readUpdate(opts putOptions) (store.Value, error) {
	if opts.rotateVia == nil && opts.rotateEvery == nil {
		return inv.read(opts.from, opts.name)
	}
	if opts.from.file == "" && inv.env.StdinTerminal {
		return store.Value{}, nil
	}
	value, err := inv.read(opts.from, opts.name)
	if opts.from.file == "" && errors.Is(err, store.ErrEmptyValue) {
		return store.Value{}, nil
	}
	return value, err
}

func putResult(s store.Secret) result {
	return result{
		value: putValue{s.Name, s.RotateVia != "", every(s), optional(s.DueAt), s.CreatedAt, s.UpdatedAt},
		next: []action{
			{"secrets lease " + s.Name, "Get the value, on a lease"},
			{"secrets list", "See every secret"},
		},
	}
}

// every is how often a secret is rotated by plan, or empty.
func every(s store.Secret) string {
	if s.RotateEvery == 0 {
		return ""
	}
	return lease.FormatDuration(s.RotateEvery)
}

type putValue struct {
	Name        string     `json:"name"`
	HasRotation bool       `json:"has_rotation"`
	RotateEvery string     `json:"rotate_every,omitempty"`
	DueAt       *time.Time `json:"due_at,omitempty"`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
}

func (v putValue) writeText(p *page) {
	verb := "changed"
	if v.CreatedAt.Equal(v.UpdatedAt) {
		verb = "added"
	}
	p.say("%s %s", p.styled(strong, v.Name), verb)
	if v.DueAt != nil {
		p.say("to be rotated every %s, next %s", v.RotateEvery, relative(*v.DueAt, p.now))
	}
}

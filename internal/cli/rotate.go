package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"agent-secrets/lease"
	"agent-secrets/rotate"
	"agent-secrets/store"

	"github.com/urfave/cli/v2"
)

type rotateOptions struct {
	name     string
	all, due bool
}

func rotateCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:      "rotate",
		Usage:     "renew secrets by their rotation hooks, and end the leases on the old values",
		ArgsUsage: "[<name>]",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "every secret that has a hook"},
			&cli.BoolFlag{Name: "due", Usage: "what is due by its --rotate-every"},
		},
		Action: inv.action(func(c *cli.Context) (result, error) {
			opts := rotateOptions{name: c.Args().First(), all: c.Bool("all"), due: c.Bool("due")}
			if err := opts.check(); err != nil {
				return result{}, err
			}
			return inv.withStore(c.Context, func(s *store.Store) (result, error) {
				return runRotate(c.Context, inv, s, opts)
			})
		}),
	}
}

func (o rotateOptions) check() error {
	n := 0
	for _, given := range []bool{o.name != "", o.all, o.due} {
		if given {
			n++
		}
	}
	if n != 1 {
		return usageError{msg: "say what to rotate: a name, --all or --due", fix: "secrets help rotate"}
	}
	if o.name != "" && !lease.ValidName(o.name) {
		return invalidName(o.name)
	}
	return nil
}

// rotationsValue is what became of the secrets.
type rotationsValue struct {
	Rotated []rotatedValue  `json:"rotated"`
	Failed  []unrotated     `json:"failed"`
	Skipped []skippedSecret `json:"skipped"`
	Count   int             `json:"count"` // of Rotated
}

type rotatedValue struct {
	Name      string       `json:"name"`
	Changed   bool         `json:"changed"` // false: the hook renewed it elsewhere
	RotatedAt *time.Time   `json:"rotated_at"`
	Revoked   []leaseValue `json:"revoked_leases"`
}

type unrotated struct {
	Name  string `json:"name"`
	Code  string `json:"code"`
	Error string `json:"error"`
}

type skippedSecret struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

func rotationsOf(outcomes []rotate.Outcome) rotationsValue {
	v := rotationsValue{Rotated: []rotatedValue{}, Failed: []unrotated{}, Skipped: []skippedSecret{}}
	for _, o := range outcomes {
		if o.Err != nil {
			v.Failed = append(v.Failed, unrotated{o.Name, codeOf(o.Err), oneLine(o.Err)})
			continue
		}
		v.Rotated = append(v.Rotated, rotatedOf(o.Name, o.Rotated))
	}
	v.Count = len(v.Rotated)
	return v
}

func rotatedOf(name string, r store.Rotated) rotatedValue {
	return rotatedValue{name, r.Changed, optional(r.Secret.RotatedAt), leaseValues(r.Ended)}
}

func runRotate(ctx context.Context, inv *invocation, s *store.Store, opts rotateOptions) (result, error) {
	var names []string
	var skipped []skippedSecret
	outcomes, err := inv.rotate(ctx, s, inv.runner(s), func() (_ []string, err error) {
		names, skipped, err = opts.choose(s, inv.env.Now())
		return names, err
	})
	if err != nil {
		return result{}, err
	}
	value := rotateValue{rotationsValue: rotationsOf(outcomes)}
	value.Skipped = append(value.Skipped, skipped...)
	if opts.all && len(names) == 0 {
		inv.warn("no secret has a rotation hook: nothing was rotated")
	}
	value.Removed, value.Kept, err = inv.wipeEnded(ctx, s)
	r := result{value: value, next: []action{{"secrets list", "See when the secrets were rotated"}}}
	if opts.name != "" && outcomes[0].Err != nil {
		err = outcomes[0].Err
		if errors.Is(err, rotate.ErrFailed) || errors.Is(err, rotate.ErrTimeout) {
			err = fmt.Errorf("%s: %w", opts.name, err)
		}
		err = withFix(err, rotate.ErrFailed, "secrets update %s --rotate-via <cmd>", opts.name)
		err = withFix(err, store.ErrNoRotationHook, "secrets update %s --rotate-via <cmd>", opts.name)
		return result{}, withFix(err, store.ErrRotationConflict, "secrets rollback %s # takes the hook's value", opts.name)
	}
	return r, errors.Join(notRotated(outcomes, len(names)), err)
}

// choose returns the secrets to rotate, and those that are meant and cannot be.
func (o rotateOptions) choose(s *store.Store, now time.Time) (names []string, skipped []skippedSecret, err error) {
	if o.name != "" {
		return []string{o.name}, nil, nil
	}
	secrets, err := s.Secrets()
	for _, one := range secrets {
		switch {
		case o.due && !one.Overdue(now):
		case one.RotateVia == "":
			skipped = append(skipped, skippedSecret{one.Name, "it has no rotation hook"})
		default:
			names = append(names, one.Name)
		}
	}
	return names, skipped, err
}

// rotateAll runs every hook, for a killswitch.
func (inv *invocation) rotateAll(ctx context.Context, s *store.Store) ([]rotate.Outcome, error) {
	var names []string
	outcomes, err := inv.rotate(ctx, s, inv.runner(s), func() (_ []string, err error) {
		names, _, err = rotateOptions{all: true}.choose(s, inv.env.Now())
		return names, err
	})
	if errors.Is(err, store.ErrWiped) {
		return nil, nil
	}
	if err == nil {
		err = notRotated(outcomes, len(names))
	}
	return outcomes, err
}

// rotate runs the hooks of the secrets that choose names. It is asked before the
// wait for other rotations too: for nothing nobody waits.
func (inv *invocation) rotate(ctx context.Context, s *store.Store, runner rotate.Runner, choose func() ([]string, error)) ([]rotate.Outcome, error) {
	names, err := choose()
	if err != nil || len(names) == 0 {
		return nil, err
	}
	if inv.env.StderrTerminal && len(names) > 1 {
		choose = inv.showProgress(&runner, choose)
	}
	return runner.Run(ctx, s, choose)
}

// runner waits until the longest hook of others has ended, and wakes whoever
// has a lease on what was rotated.
func (inv *invocation) runner(s *store.Store) rotate.Runner {
	timeout := s.Config().RotationTimeout.Duration()
	runner := rotate.Runner{
		Hook: inv.env.RunHook, Environ: os.Environ(), Timeout: timeout, Wait: timeout + s.Config().LockTimeout.Duration(),
		Stderr: inv.env.Stderr, Code: codeOf,
		End: func(o rotate.Outcome) { wake(o.Ended) },
	}
	if inv.getenv("SECRETS_NAME") != "" {
		runner.Wait = 0 // a hook that waited here would wait for itself
	}
	return runner
}

// showProgress tells a person which of many hooks is running.
func (inv *invocation) showProgress(runner *rotate.Runner, choose func() ([]string, error)) func() ([]string, error) {
	n, total, end := 0, 0, runner.End
	// What cannot be printed is not worth failing for.
	runner.Begin = func(name string) {
		n++
		_, _ = fmt.Fprintf(inv.env.Stderr, "rotating %d of %d: %s ... ", n, total, name)
	}
	runner.End = func(o rotate.Outcome) {
		word := "done"
		if o.Err != nil {
			word = "failed"
		}
		_, _ = fmt.Fprintln(inv.env.Stderr, word)
		end(o)
	}
	return func() ([]string, error) {
		names, err := choose()
		total = len(names)
		return names, err
	}
}

// notRotated is the error of hooks that failed, or did not come to run.
func notRotated(outcomes []rotate.Outcome, total int) error {
	var failed []string
	for _, o := range outcomes {
		if o.Err != nil {
			failed = append(failed, o.Name)
		}
	}
	switch left := total - len(outcomes); {
	case left > 0:
		return fmt.Errorf("%w: interrupted, with %d left", errRotationPartial, left)
	case failed != nil:
		return fmt.Errorf("%w: not rotated: %s", errRotationPartial, strings.Join(failed, ", "))
	}
	return nil
}

func rollbackCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:      "rollback",
		Usage:     "give a secret the value that it had before, and end its leases",
		ArgsUsage: "<name>",
		Action: inv.action(func(c *cli.Context) (result, error) {
			return runRollback(c.Context, inv, c.Args().First())
		}),
	}
}

func runRollback(ctx context.Context, inv *invocation, name string) (result, error) {
	if !lease.ValidName(name) {
		return result{}, invalidName(name)
	}
	return inv.withStore(ctx, func(s *store.Store) (result, error) {
		rolled, err := s.Rollback(ctx, name)
		if err != nil {
			return result{}, err
		}
		wake(rolled.Ended)
		gone, kept, err := inv.wipeEnded(ctx, s)
		return result{
			value: rolledBackValue{name, leaseValues(rolled.Ended), filesValue{gone, kept}},
			next:  []action{{"secrets rollback " + name, "Take it back"}},
		}, err
	})
}

type rotateValue struct {
	rotationsValue
	filesValue
}

func (v rotateValue) writeText(p *page) {
	if v.Count+len(v.Failed)+len(v.Skipped) == 0 {
		p.say("nothing was to be rotated")
	}
	v.rotationsValue.writeText(p)
	v.filesValue.writeText(p)
}

func (v rotationsValue) writeText(p *page) {
	for _, r := range v.Rotated {
		what := "has a new value"
		if !r.Changed {
			what = "was refreshed elsewhere"
		}
		p.say("%s %s", p.styled(strong, r.Name), what)
		p.sayEnded(r.Revoked)
	}
	for _, f := range v.Failed {
		p.say("%s %s: %s", f.Name, p.styled(bad, "was not rotated"), clean(f.Error))
	}
	for _, s := range v.Skipped {
		p.say("%s was skipped: %s", s.Name, s.Reason)
	}
}

type rolledBackValue struct {
	Name    string       `json:"name"`
	Revoked []leaseValue `json:"revoked_leases"`
	filesValue
}

func (v rolledBackValue) writeText(p *page) {
	p.say("%s has the value that it had before", p.styled(strong, v.Name))
	p.sayEnded(v.Revoked)
	v.filesValue.writeText(p)
}

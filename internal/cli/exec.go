package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"agent-secrets/envfile"
	"agent-secrets/internal/redact"
	"agent-secrets/internal/supervise"
	"agent-secrets/lease"
	"agent-secrets/store"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

type execOptions struct {
	argv     []string
	env      []string // VAR=name
	only     []string
	ttl      string
	clientID string
	redact   string
	cleanEnv bool
	attended bool
}

func execCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:      "exec",
		Aliases:   []string{"run"},
		Usage:     "run a command with the secrets that .secrets.json lists in its environment",
		ArgsUsage: "-- <cmd> [<arg>...]",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "env", KeepSpace: true, Usage: "also lease a secret into a variable: `VAR=name`"},
			&cli.StringSliceFlag{Name: "only", KeepSpace: true, Usage: "of all of them, only `VAR`"},
			&cli.StringFlag{Name: "ttl", Usage: "stop the command after `DURATION` (default: of .secrets.json, or of the settings)"},
			&cli.StringFlag{Name: "client-id", Usage: "say that `ID` asks (default: of .secrets.json, or the directory's name)"},
			&cli.StringFlag{Name: "redact", Value: "auto", Usage: "hide values in what the command prints: `WHEN` is auto (to pipes and files), always or never"},
			&cli.BoolFlag{Name: "clean-env", Usage: "give the command nothing of the environment but PATH, HOME and the like"},
			&cli.BoolFlag{Name: "attended", Hidden: true},
		},
		Action: inv.action(func(c *cli.Context) (result, error) {
			return runExec(c.Context, inv, execOptions{
				argv: c.Args().Slice(), env: c.StringSlice("env"), only: c.StringSlice("only"), ttl: c.String("ttl"),
				clientID: c.String("client-id"), redact: c.String("redact"), cleanEnv: c.Bool("clean-env"),
				attended: c.Bool("attended"),
			})
		}),
	}
}

// execPlan is a command that is about to run, and what it is to get.
type execPlan struct {
	path     string // of the program
	opts     execOptions
	clientID string
	list     []variable
	environ  []string // without the secrets
}

// runExec never returns output: all that appears is the command's own.
func runExec(ctx context.Context, inv *invocation, opts execOptions) (result, error) {
	if opts.attended {
		if err := inv.attend(); err != nil {
			return result{}, err
		}
	}
	plan, err := inv.planExec(opts)
	if err != nil {
		return result{}, err
	}
	return inv.withStore(ctx, func(s *store.Store) (result, error) {
		status, err := plan.run(ctx, inv, s)
		return result{raw: []byte{}, status: status}, err
	})
}

// planExec looks the command up, and checks what it is to get, before anything
// is leased.
func (inv *invocation) planExec(opts execOptions) (*execPlan, error) {
	if !slices.Contains([]string{"auto", "always", "never"}, opts.redact) {
		return nil, usageError{msg: "--redact takes auto, always or never", fix: "secrets help exec"}
	}
	ttl, err := parseTTL(opts.ttl)
	if err != nil {
		return nil, err
	}
	p, err := inv.findProject()
	if err != nil {
		return nil, err
	}
	plan := &execPlan{opts: opts, environ: childEnviron(os.Environ(), opts.cleanEnv)}
	if plan.list, err = opts.variables(p, ttl); err != nil {
		return nil, err
	}
	if plan.clientID, err = p.clientID(inv, opts.clientID); err != nil {
		return nil, err
	}
	plan.path, err = supervise.LookPath(opts.argv[0], plan.environ)
	return plan, err
}

// variables joins what the project lists and what the command line adds, which
// wins, and keeps what --only names.
func (o execOptions) variables(p *project, ttl time.Duration) ([]variable, error) {
	list := p.variables(ttl)
	for _, pair := range o.env {
		v, err := parseEnvFlag(pair)
		if err != nil {
			return nil, err
		}
		v.ttl = ttl
		list = slices.DeleteFunc(list, func(old variable) bool { return old.name == v.name })
		list = append(list, v)
	}
	for _, name := range o.only {
		if !slices.ContainsFunc(list, func(v variable) bool { return v.name == name }) {
			return nil, usageError{msg: fmt.Sprintf("--only %s: neither %s nor --env has that variable", shown(name), manifestName), fix: "secrets env --dry-run"}
		}
	}
	if len(o.only) > 0 {
		list = slices.DeleteFunc(list, func(v variable) bool { return !slices.Contains(o.only, v.name) })
	}
	if len(list) == 0 {
		return nil, usageError{
			msg: "there is nothing to lease: no " + manifestName + " here or in a parent directory, and no --env",
			fix: "secrets exec --env GITHUB_TOKEN=github_token -- <cmd>",
		}
	}
	return list, nil
}

func parseEnvFlag(pair string) (variable, error) {
	name, secret, found := strings.Cut(pair, "=")
	if !found || !lease.ValidName(secret) {
		return variable{}, usageError{msg: "--env takes VAR=name: a variable and the name of a secret", fix: "secrets help exec"}
	}
	if err := envfile.CheckVar(name); err != nil {
		return variable{}, usageError{msg: "--env: " + err.Error(), fix: "secrets help exec"}
	}
	return variable{name: name, secret: secret}, nil
}

// childEnviron is the environment of the child but for the secrets. How the
// store is opened is not its business.
func childEnviron(environ []string, clean bool) []string {
	plain := []string{"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TERM", "TMPDIR", "TZ"}
	return slices.DeleteFunc(slices.Clone(environ), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return strings.HasPrefix(name, "SECRETS_IDENTITY") || clean && !slices.Contains(plain, name)
	})
}

// withVars replaces every variable of the same name.
func withVars(environ []string, vars []envfile.Var) []string {
	for _, v := range vars {
		environ = slices.DeleteFunc(environ, func(pair string) bool { return strings.HasPrefix(pair, v.Name+"=") })
		environ = append(environ, v.Name+"="+string(v.Value))
	}
	return environ
}

// run leases everything, runs the command, and ends the leases on every path.
func (p *execPlan) run(ctx context.Context, inv *invocation, s *store.Store) (int, error) {
	var vars []envfile.Var
	like := store.Request{ClientID: p.clientID, Via: lease.ViaExec, Owner: supervise.Self()}
	grants, err := inv.leaseAll(ctx, s, p.list, like, func(all []envfile.Var, _ time.Time) error {
		vars = all
		return checkEnviron(all)
	})
	if err != nil {
		return 0, err
	}
	status, err := p.supervise(ctx, inv, s, grants, vars)
	if failed := p.finish(ctx, s, grants, status); failed != nil {
		// The next command sees that the owner is gone and ends them.
		inv.warn("the leases could not be ended: %v", failed)
	}
	return status, err
}

func (p *execPlan) supervise(ctx context.Context, inv *invocation, s *store.Store, grants []store.Grant, vars []envfile.Var) (int, error) {
	if err := s.NoteExec(ctx, true, p.clientID, len(grants), 0); err != nil {
		return 0, err
	}
	out := newOutputs(inv, p.opts.redact, grants)
	terminal, _ := term.GetState(int(os.Stdin.Fd())) // nil: it is none
	stdin, check := os.Stdin, s.Watch(grants).Check
	if p.opts.attended {
		stdin, check = nil, tethered(check)
	}
	ended, err := supervise.Run(supervise.Command{
		Path: p.path, Args: p.opts.argv, Env: withVars(p.environ, vars),
		Stdin: stdin, Stdout: out.stdout, Stderr: out.stderr,
	}, supervise.Config{}, check)
	if !errors.Is(ended.Output, supervise.ErrUndelivered) { // else it is still being written
		out.finish(inv)
	}
	if ended.Leftovers > 0 {
		inv.warn("%d processes of the command could not be stopped", ended.Leftovers)
	}
	if errors.Is(err, store.ErrLeaseEnded) {
		if terminal != nil {
			// The command had no chance to leave it as it found it.
			_ = term.Restore(int(os.Stdin.Fd()), terminal)
		}
		return exitLeaseEnded, fmt.Errorf("the command was stopped: %w", err)
	}
	if err == nil && ended.Output != nil {
		err = fmt.Errorf("%w: %v", errOutput, ended.Output)
	}
	return ended.Status, err
}

func (p *execPlan) finish(ctx context.Context, s *store.Store, grants []store.Grant, status int) error {
	return errors.Join(s.Release(ctx, idsOf(grants)...), s.NoteExec(ctx, false, p.clientID, len(grants), status))
}

// maxVariable is the longest NAME=value that Linux passes to a program, in
// bytes with its final zero.
const maxVariable = 128 << 10

// checkEnviron refuses values that no environment can hold.
func checkEnviron(vars []envfile.Var) error {
	for _, v := range vars {
		switch {
		case slices.Contains(v.Value, 0):
			return fmt.Errorf("%s: %w: it has a zero byte, which an environment cannot hold", v.Name, envfile.ErrUnrepresentable)
		case len(v.Name)+len(v.Value)+2 > maxVariable:
			return fmt.Errorf("%s: %w: it is too long for an environment variable", v.Name, envfile.ErrUnrepresentable)
		}
	}
	return nil
}

// outputs are the streams of the child: passed through, or redacted.
type outputs struct {
	stdout, stderr io.Writer
	redacted       []*redact.Writer
}

func newOutputs(inv *invocation, when string, grants []store.Grant) *outputs {
	secrets := make([]redact.Secret, 0, 2*len(grants))
	for _, g := range grants {
		secrets = append(secrets, redact.Secret{Name: g.Secret, Value: g.Value.Reveal()})
		if g.Previous.Len() >= redact.MinLength {
			secrets = append(secrets, redact.Secret{Name: g.Secret, Value: g.Previous.Reveal()})
		}
	}
	o := &outputs{stdout: os.Stdout, stderr: os.Stderr}
	r := redact.New(secrets...)
	if when == "always" || when == "auto" && !inv.env.StdoutTerminal {
		o.stdout = o.redact(r, os.Stdout)
	}
	if when == "always" || when == "auto" && !inv.env.StderrTerminal {
		o.stderr = o.redact(r, os.Stderr)
	}
	if len(o.redacted) == 2 && sameFile(os.Stdout, os.Stderr) {
		o.stderr, o.redacted = o.stdout, o.redacted[:1] // in the order in which it comes
	}
	if len(o.redacted) > 0 && len(r.Skipped()) > 0 {
		inv.warn("too short to be redacted, under %d bytes: %s", redact.MinLength, strings.Join(r.Skipped(), ", "))
	}
	return o
}

func sameFile(a, b *os.File) bool {
	infoA, errA := a.Stat()
	infoB, errB := b.Stat()
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

func (o *outputs) redact(r *redact.Redactor, to io.Writer) io.Writer {
	w := r.Writer(to)
	o.redacted = append(o.redacted, w)
	return w
}

// finish writes what was held back. An error was met by the child's own writes
// already, or by nobody.
func (o *outputs) finish(inv *invocation) {
	count := 0
	for _, w := range o.redacted {
		_ = w.Flush()
		count += w.Count()
	}
	switch count {
	case 0:
	case 1:
		inv.warn("one value was redacted from the output")
	default:
		inv.warn("%d values were redacted from the output", count)
	}
}

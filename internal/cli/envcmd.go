package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"agent-secrets/envfile"
	"agent-secrets/internal/fsx"
	"agent-secrets/lease"
	"agent-secrets/store"

	"github.com/urfave/cli/v2"
)

type envOptions struct {
	force    bool
	dryRun   bool
	ttl      string
	clientID string
	format   string
	output   string // a path, "-" for standard output, or empty for .env
}

func envCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:  "env",
		Usage: "write the secrets that .secrets.json lists to an env file",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Value: "dotenv", Usage: "write `FORMAT`: dotenv, sh, fish, docker, github, systemd or json"},
			&cli.StringFlag{Name: "output", Usage: "write to `PATH`, or - for standard output (default: .env beside .secrets.json)"},
			&cli.StringFlag{Name: "ttl", Usage: "lease them for `DURATION` (default: of .secrets.json, or of the settings)"},
			&cli.StringFlag{Name: "client-id", Usage: "say that `ID` asks (default: of .secrets.json, or the directory's name)"},
			&cli.BoolFlag{Name: "force", Usage: "replace a file that was not written by this command"},
			&cli.BoolFlag{Name: "dry-run", Usage: "say what would be written, and lease nothing"},
		},
		Action: inv.action(func(c *cli.Context) (result, error) {
			opts := envOptions{
				force: c.Bool("force"), dryRun: c.Bool("dry-run"), ttl: c.String("ttl"),
				clientID: c.String("client-id"), format: c.String("format"), output: c.String("output"),
			}
			if c.IsSet("output") && (opts.output == "" || strings.HasSuffix(opts.output, "/")) {
				return result{}, usageError{msg: "--output takes the path of a file, or -", fix: "secrets help env"}
			}
			inv.rawEnv = opts.raw()
			return runEnv(c.Context, inv, opts)
		}),
	}
}

// envPlan is what one run of env is going to do.
type envPlan struct {
	opts     envOptions
	project  *project
	clientID string
	list     []variable
	target   *envTarget // nil: standard output or $GITHUB_ENV
	appendTo string     // $GITHUB_ENV
}

func runEnv(ctx context.Context, inv *invocation, opts envOptions) (result, error) {
	plan, err := inv.planEnv(opts)
	if err != nil {
		return result{}, err
	}
	defer plan.close()
	return inv.withStore(ctx, func(s *store.Store) (result, error) {
		if opts.dryRun {
			return plan.describe(nil), s.CheckGrant(requestsFor(plan.list, store.Request{ClientID: plan.clientID}))
		}
		return plan.run(ctx, inv, s)
	})
}

// planEnv checks everything that can be checked before a secret is leased.
func (inv *invocation) planEnv(opts envOptions) (*envPlan, error) {
	p, err := inv.findProject()
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, errNoProject
	}
	if !envfile.KnownFormat(opts.format) {
		return nil, usageError{msg: "--format takes dotenv, sh, fish, docker, github, systemd or json", fix: "secrets help env"}
	}
	ttl, err := parseTTL(opts.ttl)
	if err != nil {
		return nil, err
	}
	plan := &envPlan{opts: opts, project: p, list: p.variables(ttl)}
	if plan.clientID, err = p.clientID(inv, opts.clientID); err != nil {
		return nil, err
	}
	switch {
	case opts.output == "-":
		return plan, nil
	case opts.output == "" && opts.format == "github":
		if plan.appendTo = inv.getenv("GITHUB_ENV"); plan.appendTo == "" {
			return nil, usageError{msg: "GITHUB_ENV is not set: this is no step of a GitHub workflow", fix: "secrets env --format github --output -"}
		}
		return plan, nil
	}
	folder, name := p.dir, ".env"
	if opts.output != "" {
		if folder, name, err = resolve(opts.output); err != nil {
			return nil, err
		}
	}
	plan.target, err = inv.openTarget(folder, name, opts.force)
	if opts.output != "" {
		err = withFix(err, envfile.ErrUnmanagedFile, "secrets env --output %s --force", shellQuote(opts.output))
	}
	return plan, err
}

func (p *envPlan) close() {
	if p.target != nil {
		_ = p.target.dir.Close() // nothing is written through it any more
	}
}

// run leases everything, renders it before anything is written down, and
// writes the file last.
func (p *envPlan) run(ctx context.Context, inv *invocation, s *store.Store) (result, error) {
	like := store.Request{ClientID: p.clientID, Via: lease.ViaEnv}
	if p.target != nil {
		like.Path = p.target.path
	}
	if p.opts.output == "-" {
		like.Via = lease.ViaStdout
	}
	var rendered envfile.Output
	grants, err := inv.leaseAll(ctx, s, p.list, like, func(vars []envfile.Var, expires time.Time) (err error) {
		rendered, err = envfile.Render(p.opts.format, envfile.Header{Expires: expires}, vars, inv.env.Rand)
		return err
	})
	if err != nil {
		return result{}, err
	}
	for _, w := range rendered.Warnings {
		inv.warn("%s", w)
	}
	if err := p.write(ctx, s, rendered, grants); err != nil {
		return result{}, errors.Join(err, s.Undelivered(ctx, idsOf(grants)...))
	}
	return p.outcome(s, rendered, grants), nil
}

func (p *envPlan) write(ctx context.Context, s *store.Store, rendered envfile.Output, grants []store.Grant) error {
	switch {
	case p.target != nil:
		if err := envfile.Write(p.target.dir, p.target.name, rendered.File, p.opts.force); err != nil {
			return err
		}
		return s.EnvWritten(ctx, p.target.path, p.clientID, grants)
	}
	return nil
}

// outcome is what is printed: the rendered text, the mask lines of a GitHub
// step, or an envelope.
func (p *envPlan) outcome(s *store.Store, rendered envfile.Output, grants []store.Grant) result {
	if !p.opts.raw() {
		return p.describe(grants)
	}
	raw := rendered.Masks
	if p.opts.output == "-" {
		raw = append(raw, rendered.File...)
	}
	r := result{raw: raw, secret: true, undelivered: func(ctx context.Context) error {
		return s.Undelivered(ctx, idsOf(grants)...)
	}}
	if p.appendTo != "" {
		// The masks come first, lest a step prints what is not masked yet.
		r.then = func() error { return fileError(fsx.AppendExternal(p.appendTo, rendered.File)) }
	}
	return r
}

// raw reports whether standard output is for the variables, or for masks.
func (o envOptions) raw() bool { return !o.dryRun && (o.output == "-" || o.format == "github") }

type envValue struct {
	EnvVar     string     `json:"env_var"`
	SecretName string     `json:"secret_name"`
	LeaseID    string     `json:"lease_id,omitempty"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
}

func (p *envPlan) describe(grants []store.Grant) result {
	vars := make([]envValue, len(p.list))
	for i, v := range p.list {
		vars[i] = envValue{EnvVar: v.name, SecretName: v.secret}
		if grants != nil {
			vars[i].LeaseID, vars[i].ExpiresAt = grants[i].LeaseID, &grants[i].ExpiresAt
		}
	}
	path := p.appendTo
	if p.target != nil {
		path = p.target.path
	}
	return result{
		value: writtenValue{path, p.opts.format, p.clientID, p.opts.dryRun, vars, len(vars)},
		next: []action{
			{"secrets cleanup", "Remove env files whose leases have ended"},
			{"secrets exec -- <cmd>", "Run a command with the secrets and without a file"},
		},
	}
}

// envTarget is the file that env is going to write.
type envTarget struct {
	dir  fsx.FS
	name string
	path string // absolute, without links
}

// resolve returns the directory of path, without links, and the name in it.
func resolve(path string) (folder, name string, err error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", "", err
	}
	folder, err = filepath.EvalSymlinks(filepath.Dir(absolute))
	return folder, filepath.Base(absolute), fileError(err)
}

// openTarget opens the directory and refuses what must not be written.
func (inv *invocation) openTarget(folder, name string, force bool) (*envTarget, error) {
	dir, err := inv.env.OpenDir(folder)
	if err != nil {
		return nil, fileError(err)
	}
	t := &envTarget{dir: dir, name: name, path: filepath.Join(folder, name)}
	if len(t.path) > maxPath {
		return nil, errors.Join(usageError{msg: fmt.Sprintf("the path of the env file is longer than %d bytes", maxPath), fix: "secrets help env"}, dir.Close())
	}
	err = inv.refuseOwn(t)
	if err == nil {
		err = envfile.Check(dir, t.name, force)
	}
	if err == nil {
		err = inv.env.Tracked(folder, t.name)
	}
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return t, nil
}

// refuseOwn refuses what secrets itself lives by: the state directory, under
// whatever name, and the project file.
func (inv *invocation) refuseOwn(t *envTarget) error {
	if t.name == manifestName {
		return fmt.Errorf("%w: %s lists what the project needs", envfile.ErrRefusedFile, t.path)
	}
	path, err := inv.directory()
	if err != nil {
		return err
	}
	state, err := inv.env.OpenDir(path)
	if err != nil {
		return nil // opening the store will say what is wrong
	}
	defer state.Close()
	ours, err := state.Stat()
	if err != nil {
		return err
	}
	theirs, err := t.dir.Stat()
	if err == nil && ours.SameFile(theirs) {
		err = fmt.Errorf("%w: %s is in the state directory", envfile.ErrRefusedFile, t.path)
	}
	return err
}

// maxPath keeps a path within a line of the audit log, in which JSON may make
// six bytes of one.
const maxPath = 500

type writtenValue struct {
	Path      string     `json:"path,omitempty"`
	Format    string     `json:"format"`
	ClientID  string     `json:"client_id"`
	DryRun    bool       `json:"dry_run"`
	Variables []envValue `json:"variables"`
	Count     int        `json:"count"`
}

func (v writtenValue) writeText(p *page) {
	verb := "wrote"
	if v.DryRun {
		verb = "would write"
	}
	p.say("%s %s to %s", verb, count(v.Count, "variable"), clean(v.Path))
	rows := make([][]cell, v.Count)
	for i, one := range v.Variables {
		until := "-"
		if one.ExpiresAt != nil {
			until = relative(*one.ExpiresAt, p.now)
		}
		rows[i] = []cell{word(one.EnvVar), word(one.SecretName), word(until)}
	}
	p.table([]string{"VARIABLE", "SECRET", "EXPIRES"}, rows, 1)
}

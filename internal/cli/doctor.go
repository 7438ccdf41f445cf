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
	"agent-secrets/internal/supervise"
	"agent-secrets/store"

	"github.com/urfave/cli/v2"
)

func doctorCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:    "doctor",
		Aliases: []string{"health"},
		Usage:   "look whether everything works, and say what to do about what does not",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "fix", Usage: "put right what can be without losing anything: modes, leftovers, ended env files"},
		},
		Action: inv.action(func(c *cli.Context) (result, error) { return runDoctor(c.Context, inv, c.Bool("fix")) }),
	}
}

// The outcomes of a check.
const (
	checkOK   = "ok"
	checkWarn = "warn"
	checkFail = "fail"
)

// checkValue is one thing that was looked at.
type checkValue struct {
	Check   string `json:"check"`
	Status  string `json:"status"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
	Fixed   bool   `json:"fixed,omitempty"`
}

type doctorValue struct {
	Checks   []checkValue `json:"checks"`
	Failures int          `json:"failures"`
	Warnings int          `json:"warnings"`
}

// doctor looks at one thing after the other. What cannot be looked at because
// of something else is left out.
type doctor struct {
	inv   *invocation
	fix   bool
	value doctorValue
}

func runDoctor(ctx context.Context, inv *invocation, fix bool) (result, error) {
	d := &doctor{inv: inv, fix: fix}
	d.state(ctx)
	d.project()
	d.surroundings()
	r := result{value: d.value, next: []action{{"secrets status", "See how the store is"}}}
	if d.value.Failures > 0 {
		err := fmt.Errorf("%w: %s", errUnhealthy, count(d.value.Failures, "failed check"))
		return r, &fixError{err, d.firstFix()}
	}
	return r, nil
}

// firstFix is what to do about the first failure, for which --fix did nothing.
func (d *doctor) firstFix() string {
	for _, c := range d.value.Checks {
		if c.Status == checkFail && c.Fix != "" {
			return c.Fix
		}
	}
	return "secrets help recovery"
}

func (d *doctor) add(c checkValue) {
	c.Message, c.Fix = strings.ReplaceAll(c.Message, "\n", "; "), d.inv.hereCommand(c.Fix)
	switch c.Status {
	case checkFail:
		d.value.Failures++
	case checkWarn:
		d.value.Warnings++
	}
	d.value.Checks = append(d.value.Checks, c)
}

func (d *doctor) ok(name, format string, args ...any) {
	d.add(checkValue{Check: name, Status: checkOK, Message: fmt.Sprintf(format, args...)})
}

func (d *doctor) fixed(name, format string, args ...any) {
	d.add(checkValue{Check: name, Status: checkOK, Message: fmt.Sprintf(format, args...), Fixed: true})
}

func (d *doctor) warn(name, fix, format string, args ...any) {
	d.add(checkValue{Check: name, Status: checkWarn, Message: fmt.Sprintf(format, args...), Fix: fix})
}

// fail takes the fix from the table of errors.
func (d *doctor) fail(name string, err error) {
	d.add(checkValue{Check: name, Status: checkFail, Message: err.Error(), Fix: fixFor(err, lookup(err))})
}

// state looks at the state directory, as far as that goes.
func (d *doctor) state(ctx context.Context) {
	s, err := d.inv.open(store.OpenForKillswitch)
	if err != nil {
		d.fail("directory", err)
		return
	}
	defer s.Close()
	if !d.modes(s) {
		return // nothing else could be opened
	}
	if err := s.ConfigError(); err != nil {
		d.fail("config", err)
	} else {
		d.ok("config", "config.json is valid")
	}
	d.lock(ctx, s)
	d.leftovers(ctx, s)
	d.identity(s)
	d.log(s)
	d.clock(s)
	d.freeze(s)
	d.envFiles(ctx, s)
	d.watch(s)
}

// modes reports whether everything can be opened.
func (d *doctor) modes(s *store.Store) bool {
	found := s.Inspect()
	if len(found) > 0 && d.fix {
		if err := s.Restrict(); err != nil {
			d.fail("modes", err)
		}
		if found = s.Inspect(); len(found) == 0 {
			d.fixed("modes", "the directory and its files are open to nobody else any more")
			return true
		}
	}
	for _, f := range found {
		d.fail("modes", f.Err)
	}
	if len(found) == 0 {
		d.ok("modes", "%s and its files are ours alone", s.Path())
	}
	return len(found) == 0
}

func (d *doctor) lock(ctx context.Context, s *store.Store) {
	switch err := s.CheckLock(ctx); {
	case errors.Is(err, fsx.ErrBusy):
		d.warn("lock", "secrets status", "%v", err)
	case err != nil:
		d.fail("lock", err)
	default:
		d.ok("lock", "the lock can be had, and the file system keeps locks")
	}
}

func (d *doctor) leftovers(ctx context.Context, s *store.Store) {
	left := s.Leftovers()
	switch {
	case len(left) == 0:
		d.ok("leftovers", "no interrupted write left anything")
	case d.fix:
		if err := s.RemoveLeftovers(ctx); err != nil {
			d.fail("leftovers", err)
			return
		}
		d.fixed("leftovers", "removed %s", strings.Join(left, ", "))
	default:
		d.warn("leftovers", "secrets doctor --fix", "an interrupted write left %s", strings.Join(left, ", "))
	}
}

// identity looks whether it opens the store, and then at the secrets.
func (d *doctor) identity(s *store.Store) {
	secrets, err := s.Secrets()
	if err != nil {
		d.fail("store", err)
		return
	}
	d.ok("store", "the identity opens it, and it holds %s", count(len(secrets), "secret"))
	d.rotations(s, secrets)
}

func (d *doctor) rotations(s *store.Store, secrets []store.Secret) {
	if late := overdue(secrets, d.inv.env.Now()); len(late) > 0 {
		d.warn("rotations", "secrets rotate --due", "overdue: %s", strings.Join(late, ", "))
	}
	path := "PATH=" + d.inv.env.Getenv("PATH")
	for _, one := range secrets {
		program := programOf(one.RotateVia)
		if program == "" {
			continue
		}
		if _, err := supervise.LookPath(program, []string{path}); err != nil {
			d.warn("hooks", "secrets update "+one.Name+" --rotate-via <cmd>", "the rotation hook of %s calls %s, which is not there", one.Name, shown(program))
		}
	}
}

// programOf is the program that a hook calls first, if that can be told without
// a shell.
func programOf(hook string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(hook), " ")
	builtin := []string{"cd", "if", "for", "while", "case", "set", "export", "exec", "eval", "trap", "read", "umask", ".", ":", "!", "{", "("}
	if strings.ContainsAny(first, "$`'\"\\=;&|<>(){}*?[]~#\n") || contains(builtin, first) {
		return ""
	}
	return first
}

// log verifies everything that is on record.
func (d *doctor) log(s *store.Store) {
	v, err := s.Verify()
	switch {
	case err != nil:
		d.fail("log", err)
	case len(v.Notes) > 0:
		d.warn("log", "secrets cleanup", "%s", strings.Join(v.Notes, "; "))
	default:
		d.ok("log", "%s in an unbroken chain, and the ledger agrees", count(v.Events, "event"))
	}
}

// clockSlack is how far the clocks of two boots may be apart.
const clockSlack = time.Minute

func (d *doctor) clock(s *store.Store) {
	newest, err := s.Newest()
	if err != nil {
		return // that is the log's failure
	}
	if ahead := newest.Sub(d.inv.env.Now()); ahead > clockSlack {
		d.warn("clock", "date", "the newest line of the log is %s ahead of the clock: leases last longer than they should", ahead.Truncate(time.Second))
		return
	}
	d.ok("clock", "the clock is not behind the log")
}

func (d *doctor) freeze(s *store.Store) {
	for _, h := range holdsOf(s) {
		d.warn("freeze", "secrets thaw", "nothing is granted since %s, by %s", h.Since.Format(time.RFC3339), h.ClientID)
	}
	if s.Unfinished() {
		d.warn("killswitch", "secrets revoke --all", "a killswitch has not come to its end")
	}
}

func (d *doctor) envFiles(ctx context.Context, s *store.Store) {
	ended, err := endedFiles(s)
	switch {
	case err != nil:
	case len(ended) == 0:
		d.ok("env files", "none is left whose leases have ended")
	case d.fix:
		gone, kept, err := d.inv.wipeEnded(ctx, s)
		if err != nil || len(kept) > 0 {
			d.warn("env files", "secrets cleanup --dry-run", "%d of %d were removed", len(gone), len(ended))
			return
		}
		d.fixed("env files", "removed %s", strings.Join(gone, ", "))
	default:
		d.warn("env files", "secrets cleanup", "their leases have ended: %s", strings.Join(ended, ", "))
	}
}

// watch looks whether something runs it, where something should.
func (d *doctor) watch(s *store.Store) {
	watched, err := s.Watched()
	if err != nil {
		d.fail("watch", err)
		return
	}
	config := s.Config().Heartbeat
	switch since := d.inv.env.Now().Sub(watched.At); {
	case watched.At.IsZero() && config.Enabled:
		d.warn("watch", "secrets watch --print cron", "the heartbeat is enabled, and watch never ran")
	case watched.At.IsZero():
		d.ok("watch", "it never ran, and the heartbeat is disabled")
	case config.Enabled && since > 3*config.Interval.Duration()+time.Minute:
		d.warn("watch", "secrets watch --print cron", "the heartbeat is enabled, and watch ran %s", relative(watched.At, d.inv.env.Now()))
	default:
		d.ok("watch", "it ran %s", relative(watched.At, d.inv.env.Now()))
	}
}

// project looks at what the current directory asks for.
func (d *doctor) project() {
	p, err := d.inv.findProject()
	if err != nil {
		d.fail("project", err)
		return
	}
	if p == nil {
		return
	}
	path := filepath.Join(p.dir, manifestName)
	missing := d.missing(p)
	switch {
	case len(missing) > 0:
		d.warn("project", "secrets add "+missing[0], "%s wants what the store does not have: %s", path, strings.Join(missing, ", "))
	default:
		d.ok("project", "%s is valid", path)
	}
	d.envFile(p)
}

func (d *doctor) missing(p *project) (names []string) {
	s, err := d.inv.open(store.Open)
	if err != nil {
		return nil
	}
	defer s.Close()
	secrets, err := s.Secrets()
	if err != nil {
		return nil
	}
	have := map[string]bool{}
	for _, one := range secrets {
		have[one.Name] = true
	}
	for _, v := range p.variables(0) {
		if !have[v.secret] {
			names = append(names, v.secret)
		}
	}
	return names
}

// envFile looks at .env beside the project file.
func (d *doctor) envFile(p *project) {
	path := filepath.Join(p.dir, ".env")
	if err := d.inv.env.Tracked(p.dir, ".env"); err != nil {
		d.add(checkValue{Check: "git", Status: checkFail, Message: err.Error(), Fix: "git rm --cached " + shellQuote(path)})
		return
	}
	if d.inv.isRepository(p.dir) && !d.inv.env.Ignored(p.dir, ".env") {
		d.warn("git", "echo .env >>"+shellQuote(filepath.Join(p.dir, ".gitignore")), "git does not ignore %s: it may be committed", path)
	}
	dir, err := d.inv.env.OpenDir(p.dir)
	if err != nil {
		return // the project file was read from there
	}
	defer dir.Close()
	info, err := dir.Lstat(".env")
	if err == nil && info.Mode.IsRegular() && info.Mode.Perm()&0o077 != 0 {
		d.warn("env file", "chmod 600 "+shellQuote(path), "others can read %s (mode %04o)", path, info.Mode.Perm())
	}
	if err != nil {
		return
	}
	head := headOf(dir, ".env")
	switch expires, dated := envfile.Expiry(head); {
	case !envfile.Managed(head):
		d.warn("env file", "secrets import --from "+shellQuote(path)+" --dry-run", "%s was not written by secrets: its values are on no lease", path)
	case dated && d.inv.env.Now().After(expires):
		d.warn("env file", "secrets cleanup", "the leases of %s expired %s", path, relative(expires, d.inv.env.Now()))
	}
}

func headOf(dir fsx.FS, name string) []byte {
	data, _ := fsx.ReadHead(dir, name, 4<<10) // what cannot be read is not ours
	return data
}

// surroundings looks at what surrounds this process.
func (d *doctor) surroundings() {
	if d.inv.getenv("SECRETS_IDENTITY") != "" && d.inv.env.StdinTerminal {
		d.warn("environment", "unset SECRETS_IDENTITY", "SECRETS_IDENTITY is in the environment of an interactive shell: every program that it starts can read the key")
	}
	programs := d.inv.env.Programs()
	if len(programs) > 1 {
		d.warn("path", "which -a secrets", "there are several programs called secrets: %s", strings.Join(programs, ", "))
	}
}

func (v doctorValue) writeText(p *page) {
	hues := map[string]style{checkOK: good, checkWarn: warned, checkFail: bad}
	for _, c := range v.Checks {
		word := c.Status
		if c.Fixed {
			word = "fixed"
		}
		p.say("%s  %-10s  %s", p.styled(hues[c.Status], fmt.Sprintf("%-5s", word)), c.Check, clean(c.Message))
		if c.Fix != "" && c.Status != checkOK {
			p.say("%19s%s", "", p.styled(faint, c.Fix))
		}
	}
	if v.Failures+v.Warnings == 0 {
		p.say("everything works")
	}
}

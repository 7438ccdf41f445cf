package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"agent-secrets/internal/fsx"
	"agent-secrets/killswitch"
	"agent-secrets/rotate"
	"agent-secrets/store"

	"github.com/urfave/cli/v2"
)

func watchCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:  "watch",
		Usage: "put everything in order once, and ask the heartbeat: for cron, systemd or launchd to run",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "quiet", Usage: "print nothing when all is well"},
			&cli.StringFlag{Name: "print", Usage: "print what `SCHEDULER` needs to run it: cron, systemd or launchd"},
		},
		Action: inv.action(func(c *cli.Context) (result, error) {
			if c.IsSet("print") {
				return printUnit(inv, c.String("print"))
			}
			return runWatch(c.Context, inv, c.Bool("quiet"))
		}),
	}
}

// watchValue is what one run of watch did.
type watchValue struct {
	Overlapping bool `json:"overlapping"` // another run is at work: nothing was done
	Expired     int  `json:"expired_leases"`
	filesValue
	Heartbeat  heartbeatValue  `json:"heartbeat"`
	Asked      bool            `json:"heartbeat_asked"`
	Killswitch *killValue      `json:"killswitch,omitempty"`        // that the heartbeat set off
	Unrotated  string          `json:"rotations_skipped,omitempty"` // why nobody looked what is due
	Thawed     bool            `json:"thawed"`
	Rotations  *rotationsValue `json:"rotations,omitempty"`
}

// watchRun is one run: each part of it is tried whatever became of the others,
// for a broken ledger must not keep a dead heartbeat from acting.
type watchRun struct {
	inv      *invocation
	store    *store.Store
	watching *store.Watching
	value    watchValue
	errs     []error
}

func runWatch(ctx context.Context, inv *invocation, quiet bool) (result, error) {
	s, refused := inv.open(store.Open)
	if refused != nil {
		// What others refuse, the killswitch and the heartbeat work on.
		var err error
		if s, err = inv.open(store.OpenForKillswitch); err != nil {
			return result{}, refused
		}
	}
	defer s.Close()
	w := &watchRun{inv: inv, store: s, value: watchValue{filesValue: filesValue{[]string{}, []keptValue{}}}}
	w.note(refused)
	w.run(ctx)
	r := result{value: w.value, next: []action{{"secrets status", "See how the store is"}}}
	err := errors.Join(w.errs...)
	if quiet && err == nil {
		r.raw = []byte{}
	}
	return r, err
}

func (w *watchRun) run(ctx context.Context) {
	var err error
	w.watching, err = w.store.StartWatching(0)
	if errors.Is(err, fsx.ErrBusy) {
		w.value.Overlapping = true
		return
	}
	w.note(err)
	w.finish(ctx)
	w.heartbeat(ctx)
	w.tidy(ctx)
	// Hooks may take long, and the heartbeat is not to wait for them.
	w.note(w.watching.End())
	w.rotateDue(ctx)
}

func (w *watchRun) note(err error) {
	if err != nil {
		w.errs = append(w.errs, err)
	}
}

// finish carries on an interrupted killswitch. What of it fails is an error here.
func (w *watchRun) finish(ctx context.Context) {
	if !w.store.Unfinished() {
		return
	}
	report, err := w.inv.carryOn(ctx, w.store)
	w.note(err)
	w.note(partial(report))
}

// tidy ends what has expired and removes the env files of it.
func (w *watchRun) tidy(ctx context.Context) {
	expired, err := w.store.Prune(ctx)
	w.note(err)
	w.value.Expired = expired
	w.value.Removed, w.value.Kept, err = w.inv.wipeEnded(ctx, w.store)
	w.note(err)
}

// heartbeat asks the endpoint, if it is time to, and remembers the answer before
// it acts on it: a run that is killed in between acts the next time.
func (w *watchRun) heartbeat(ctx context.Context) {
	config, now := w.store.Config().Heartbeat, w.inv.env.Now().UTC()
	watched, err := w.store.Watched()
	w.note(err)
	before := watched.Heartbeat
	verdict := killswitch.Verdict{Beat: before}
	var failed error
	if killswitch.Due(before, config, now) {
		w.value.Asked = true
		failed = killswitch.Heartbeat(ctx, config.URL, config.Timeout.Duration())
		w.note(failed)
		verdict = killswitch.Judge(before, config, now, failed == nil)
	}
	w.note(w.watching.Remember(func(to *store.Watched) { to.At, to.Heartbeat = now, verdict.Beat }))
	if w.value.Asked {
		w.logBeat(ctx, before, verdict, failed)
	}
	if verdict.Act && w.act(ctx, verdict) {
		verdict.Beat = verdict.Acted()
		w.note(w.watching.Remember(func(to *store.Watched) { to.Heartbeat = verdict.Beat }))
	}
	w.value.Heartbeat = heartbeatOf(verdict.Beat, config)
}

// act carries out what the heartbeat's silence is to lead to. It reports
// whether that has taken effect, so that it need not be done again.
func (w *watchRun) act(ctx context.Context, v killswitch.Verdict) bool {
	if v.EndLeases {
		return w.kill(ctx, v.Plan)
	}
	var errs []error
	if v.Plan.Freeze {
		_, err := w.store.Freeze(ctx, store.ByHeartbeat)
		errs = append(errs, err)
	}
	if v.Plan.Rotate {
		_, err := w.inv.rotateAll(ctx, w.store)
		errs = append(errs, err)
	}
	err := errors.Join(errs...)
	w.note(err)
	return err == nil || errors.Is(err, errRotationPartial)
}

func (w *watchRun) kill(ctx context.Context, plan store.Plan) bool {
	c := newCut(w.inv, w.store)
	report := killswitch.Run(ctx, w.store, plan, c.tools(ctx))
	wake(report.Leases)
	value := c.value(report)
	w.value.Killswitch = &value
	w.note(partial(report))
	return report.Err(killswitch.RefuseGrants) == nil && report.Err(killswitch.Wipe) == nil
}

// logBeat writes the beginning and the end of an outage to the log. With its
// end, what the outage froze is thawed.
func (w *watchRun) logBeat(ctx context.Context, before store.Beat, v killswitch.Verdict, failed error) {
	switch {
	case v.Fails:
		w.note(w.store.NoteHeartbeat(ctx, v.Beat.Failures, failed.Error()))
	case v.Recovered:
		w.note(w.store.NoteHeartbeat(ctx, before.Failures, ""))
	}
	if frozen, _ := w.store.Frozen(); failed == nil && frozen {
		lifted, err := w.store.Lift(ctx)
		w.note(err)
		w.value.Thawed = err == nil && len(lifted) > 0
	}
}

// rotateDue runs the hooks of what is due, but for those that failed lately.
// Where somebody else is rotating, or there is no identity, nothing is done.
func (w *watchRun) rotateDue(ctx context.Context) {
	now := w.inv.env.Now().UTC()
	runner := w.inv.runner(w.store)
	runner.Wait = 0 // there will be another run
	var secrets []store.Secret
	var names []string
	outcomes, err := w.inv.rotate(ctx, w.store, runner, func() (_ []string, err error) {
		secrets, err = w.store.Secrets()
		names = w.due(secrets, now)
		return names, err
	})
	if errors.Is(err, store.ErrWiped) || errors.Is(err, fsx.ErrBusy) {
		return
	}
	if errors.Is(err, store.ErrIdentityMissing) && w.inv.getenv("SECRETS_IDENTITY_FILE") == "" {
		w.value.Unrotated = "there is no identity to look with what is due"
		return // it is kept from here on purpose
	}
	w.note(err)
	if outcomes == nil {
		return
	}
	w.note(notRotated(outcomes, len(names)))
	value := rotationsOf(outcomes)
	w.value.Rotations = &value
	w.remember(secrets, outcomes, now)
	removed, kept, err := w.inv.wipeEnded(ctx, w.store)
	w.value.Removed, w.value.Kept = append(w.value.Removed, removed...), append(w.value.Kept, kept...)
	w.note(err)
}

func (w *watchRun) due(secrets []store.Secret, now time.Time) (names []string) {
	watched, _ := w.store.Watched() // if it is damaged, that has been said
	for _, one := range secrets {
		if one.Overdue(now) && one.RotateVia != "" && watched.Rotations[one.Name].Retry(one, now) {
			names = append(names, one.Name)
		}
	}
	return names
}

// remember keeps which hooks failed, for as long as their secrets are there.
func (w *watchRun) remember(secrets []store.Secret, outcomes []rotate.Outcome, now time.Time) {
	watching, err := w.store.StartWatching(w.store.Config().LockTimeout.Duration())
	if err != nil {
		w.note(err)
		return
	}
	w.note(watching.Remember(func(to *store.Watched) {
		failed := map[string]store.FailedRotation{}
		for _, one := range secrets {
			if old, there := to.Rotations[one.Name]; there {
				failed[one.Name] = old
			}
		}
		for _, o := range outcomes {
			failures := failed[o.Name].Failures + 1
			delete(failed, o.Name)
			if o.Err != nil {
				failed[o.Name] = store.FailedRotation{Failures: failures, At: now}
			}
		}
		to.Rotations = failed
	}))
	w.note(watching.End())
}

// printUnit prints what a scheduler needs. It works before init, too.
func printUnit(inv *invocation, scheduler string) (result, error) {
	exe, err := os.Executable()
	if err != nil {
		return result{}, fmt.Errorf("find this program: %w", err)
	}
	u := unit{exe: exe, home: inv.getenv("HOME"), every: time.Minute}
	if inv.dir != "" || inv.getenv("SECRETS_HOME") != "" {
		if u.dir, err = inv.directory(); err != nil {
			return result{}, err
		}
		if u.dir, err = filepath.Abs(u.dir); err != nil {
			return result{}, err
		}
	}
	if s, err := inv.open(store.Open); err == nil {
		if c := s.Config().Heartbeat; c.Enabled {
			u.every = min(u.every, c.Interval.Duration())
		}
		_ = s.Close() // it was only looked at
	}
	if file := inv.getenv("SECRETS_IDENTITY_FILE"); file != "" {
		if u.identity, err = filepath.Abs(file); err != nil {
			return result{}, err
		}
	}
	text, err := u.render(scheduler)
	return result{raw: []byte(text)}, err
}

func (v watchValue) writeText(p *page) {
	if v.Overlapping {
		p.say("another run is at work: nothing was done")
		return
	}
	if v.Expired > 0 {
		p.say("%s ended", count(v.Expired, "lease"))
	}
	v.filesValue.writeText(p)
	v.Heartbeat.writeText(p)
	if v.Killswitch != nil {
		p.say("%s", p.styled(bad, "the killswitch was set off:"))
		v.Killswitch.writeText(p)
	}
	if v.Thawed {
		p.say("grants are allowed again")
	}
	if v.Rotations != nil {
		v.Rotations.writeText(p)
	}
}

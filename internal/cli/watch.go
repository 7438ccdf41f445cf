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
	Killswitch *killValue      `json:"killswitch,omitempty"` // that the heartbeat set off
	Thawed     bool            `json:"thawed"`
	Rotations  *rotationsValue `json:"rotations,omitempty"`
}

// watchRun is one run: each part of it is tried whatever became of the others,
// for a broken ledger must not keep a dead heartbeat from acting.
type watchRun struct {
	inv   *invocation
	store *store.Store
	value watchValue
	errs  []error
}

func runWatch(ctx context.Context, inv *invocation, quiet bool) (result, error) {
	return inv.with(store.Open, func(s *store.Store) (result, error) {
		w := &watchRun{inv: inv, store: s, value: watchValue{filesValue: filesValue{[]string{}, []keptValue{}}}}
		w.run(ctx)
		r := result{value: w.value, next: []action{{"secrets status", "See how the store is"}}}
		err := errors.Join(w.errs...)
		if quiet && err == nil {
			r.raw = []byte{}
		}
		return r, err
	})
}

func (w *watchRun) run(ctx context.Context) {
	release, err := w.store.WatchLock()
	if errors.Is(err, fsx.ErrBusy) {
		w.value.Overlapping = true
		return
	}
	w.note(err) // going on without it is better than not at all
	w.note(w.inv.finishKillswitch(ctx, w.store))
	w.heartbeat(ctx)
	w.tidy(ctx)
	if err == nil {
		// Hooks may take long, and the heartbeat is not to wait for them.
		w.note(release())
	}
	w.rotateDue(ctx)
}

func (w *watchRun) note(err error) {
	if err != nil {
		w.errs = append(w.errs, err)
	}
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
	verdict := killswitch.Verdict{Beat: watched.Heartbeat}
	if killswitch.Due(watched.Heartbeat, config, now) {
		w.value.Asked = true
		failed := killswitch.Heartbeat(ctx, config.URL, config.Timeout.Duration())
		w.note(failed)
		verdict = killswitch.Judge(watched.Heartbeat, config, now, failed == nil)
		w.logBeat(ctx, watched.Heartbeat, verdict, failed)
	}
	w.note(w.store.UpdateWatched(ctx, func(to *store.Watched) { to.At, to.Heartbeat = now, verdict.Beat }))
	if verdict.Act && w.act(ctx, verdict) {
		verdict.Beat = verdict.Acted()
		w.note(w.store.UpdateWatched(ctx, func(to *store.Watched) { to.Heartbeat = verdict.Beat }))
	}
	w.value.Heartbeat = heartbeatOf(verdict.Beat, config)
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

// act carries out what the heartbeat's silence is to lead to. It reports
// whether that has taken effect, so that it need not be done again.
func (w *watchRun) act(ctx context.Context, v killswitch.Verdict) bool {
	if v.EndLeases {
		return w.kill(ctx, v.Plan)
	}
	if v.Plan.Freeze {
		_, err := w.store.Freeze(ctx, store.ByHeartbeat)
		w.note(err)
	}
	if v.Plan.Rotate {
		_, err := w.inv.rotateAll(ctx, w.store)
		w.note(err)
	}
	return true
}

func (w *watchRun) kill(ctx context.Context, plan store.Plan) bool {
	c := newCut(w.inv, w.store)
	report := killswitch.Run(ctx, w.store, plan, c.tools(ctx))
	wake(report.Leases)
	value := c.value(report, plan)
	w.value.Killswitch = &value
	w.note(partial(report))
	return report.Err(killswitch.RefuseGrants) == nil && report.Err(killswitch.Wipe) == nil
}

// rotateDue runs the hooks of what is due, but for those that failed lately.
// Where somebody else is rotating, or there is no identity, nothing is done.
func (w *watchRun) rotateDue(ctx context.Context) {
	secrets, err := w.store.Secrets()
	if errors.Is(err, store.ErrIdentityMissing) || errors.Is(err, store.ErrWiped) {
		return
	}
	watched, _ := w.store.Watched() // if it is damaged, that has been said
	now := w.inv.env.Now().UTC()
	var names []string
	for _, one := range secrets {
		if one.Overdue(now) && one.RotateVia != "" && watched.Rotations[one.Name].Retry(now) {
			names = append(names, one.Name)
		}
	}
	w.note(err)
	if names == nil {
		return
	}
	outcomes, err := w.inv.rotate(ctx, w.store, names)
	if errors.Is(err, fsx.ErrBusy) {
		return
	}
	w.note(err)
	w.note(notRotated(outcomes, len(names)))
	value := rotationsOf(outcomes)
	w.value.Rotations = &value
	w.note(w.store.UpdateWatched(ctx, func(to *store.Watched) { remember(to, outcomes, now) }))
	removed, kept, err := w.inv.wipeEnded(ctx, w.store)
	w.value.Removed, w.value.Kept = append(w.value.Removed, removed...), append(w.value.Kept, kept...)
	w.note(err)
}

// remember keeps which hooks failed.
func remember(to *store.Watched, outcomes []rotate.Outcome, now time.Time) {
	if to.Rotations == nil {
		to.Rotations = map[string]store.FailedRotation{}
	}
	for _, o := range outcomes {
		failures := to.Rotations[o.Name].Failures + 1
		delete(to.Rotations, o.Name)
		if o.Err != nil {
			to.Rotations[o.Name] = store.FailedRotation{Failures: failures, At: now}
		}
	}
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
			u.every = c.Interval.Duration()
		}
		_ = s.Close() // it was only looked at
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

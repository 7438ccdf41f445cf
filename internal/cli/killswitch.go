package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"agent-secrets/killswitch"
	"agent-secrets/lease"
	"agent-secrets/rotate"
	"agent-secrets/store"
)

// cut is a killswitch at work, and what came of it.
type cut struct {
	inv     *invocation
	store   *store.Store
	gone    []string
	kept    []keptValue
	rotated []rotate.Outcome
}

func newCut(inv *invocation, s *store.Store) *cut {
	return &cut{inv: inv, store: s, gone: []string{}, kept: []keptValue{}}
}

func (c *cut) tools(ctx context.Context) killswitch.Tools {
	return killswitch.Tools{
		Wake:           wake,
		RemoveEnvFiles: func() (removed, logged error) { return c.removeEnvFiles(ctx) },
		RotateAll: func() (err error) {
			c.rotated, err = c.inv.rotateAll(ctx, c.store)
			return err
		},
		Code: codeOf,
	}
}

// removeEnvFiles fails where a file could not be removed. One that is not ours
// any more is left alone, and listed.
func (c *cut) removeEnvFiles(ctx context.Context) (removed, logged error) {
	ended, err := endedFiles(c.store)
	if err != nil || len(ended) == 0 {
		return err, nil
	}
	c.gone, c.kept = c.inv.wipe(ended)
	for _, k := range c.kept {
		if k.failed {
			removed = errors.Join(removed, errors.New(k.Reason))
		}
	}
	return removed, c.store.EnvWiped(ctx, c.gone...)
}

func runKillswitch(ctx context.Context, inv *invocation, plan store.Plan, yes bool) (result, error) {
	opts, err := inv.options()
	if err != nil && !errors.Is(err, store.ErrInvalidClientID) {
		return result{}, err
	}
	s, err := store.OpenForKillswitch(opts)
	if err != nil {
		return result{}, err
	}
	defer s.Close()
	if plan.Wipe && !yes {
		if err := inv.confirmWipe(s); err != nil {
			return result{}, err
		}
	}
	c := newCut(inv, s)
	report := killswitch.Run(ctx, s, plan, c.tools(ctx))
	wake(report.Leases)
	if report.Plan.Wipe && opts.Identity+opts.IdentityFile != "" {
		inv.warn("the identity that the environment names is not in the directory: it was left alone")
	}
	return c.result(report), partial(report)
}

// confirmWipe asks for the name of what is about to be destroyed.
func (inv *invocation) confirmWipe(s *store.Store) error {
	instead := "secrets revoke --all --wipe --yes"
	if !inv.env.StdinTerminal {
		return usageError{msg: "it takes a terminal to confirm a wipe, or --yes", fix: instead}
	}
	t, err := inv.terminal(instead)
	if err != nil {
		return err
	}
	defer t.Close()
	name := filepath.Base(s.Path())
	answer, err := t.Ask(fmt.Sprintf("This destroys every secret in %s.\nType the directory's name, %s, to go on: ", s.Path(), name), false)
	if err != nil {
		return err
	}
	if a := strings.TrimSpace(string(answer)); a != name && a != s.Path() {
		return usageError{msg: "not confirmed: nothing was changed", fix: instead}
	}
	return nil
}

type stepValue struct {
	Step  string `json:"step"`
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

type killValue struct {
	Revoked []leaseValue `json:"revoked"`
	Count   int          `json:"count"`
	Steps   []stepValue  `json:"steps"`
	filesValue
	Rotations   *rotationsValue    `json:"rotations,omitempty"`
	Unreachable []unreachableValue `json:"unreachable"`
}

func (c *cut) value(report killswitch.Report) killValue {
	value := killValue{
		Revoked: leaseValues(report.Leases), Count: len(report.Leases), Steps: stepValues(report),
		filesValue: filesValue{c.gone, c.kept}, Unreachable: c.unreachable(report.Leases),
	}
	if report.Plan.Rotate {
		rotations := rotationsOf(c.rotated)
		value.Rotations = &rotations
	}
	return value
}

func (c *cut) result(report killswitch.Report) result {
	plan := report.Plan
	next := []action{{"secrets audit --tail 5", "See what the log says"}}
	if plan.Freeze && !plan.Wipe {
		next = append(next, action{"secrets thaw", "Allow grants again, once a person has looked"})
	}
	if plan.Wipe {
		next = append(next, action{"secrets init", "Begin again with an empty store"})
	}
	return result{value: c.value(report), next: next}
}

// unreachable leaves out what is worthless, because it was rotated since.
func (c *cut) unreachable(leases []*lease.Lease) []unreachableValue {
	out := slices.DeleteFunc(slices.Clone(leases), func(l *lease.Lease) bool {
		return slices.ContainsFunc(c.rotated, func(o rotate.Outcome) bool { return o.Name == l.Secret && o.Changed && o.Err == nil })
	})
	return c.inv.unreachable(c.store, out, c.kept)
}

func stepValues(report killswitch.Report) []stepValue {
	steps := make([]stepValue, len(report.Steps))
	for i, step := range report.Steps {
		steps[i] = stepValue{Step: step.Name, OK: step.Err == nil}
		if step.Err != nil {
			steps[i].Error = oneLine(step.Err)
		}
	}
	return steps
}

// partial is the error of a killswitch of which a step failed.
func partial(report killswitch.Report) error {
	var names []string
	for _, step := range report.Failed() {
		names = append(names, step.Name)
	}
	if names == nil {
		return nil
	}
	return &fixError{
		fmt.Errorf("%w: not done: %s", errKillswitchPartial, strings.Join(names, ", ")),
		again(report.Plan) + " # once more; if it fails again: secrets help recovery",
	}
}

// again is the command that sets off the same killswitch.
func again(plan store.Plan) string {
	command := "secrets revoke --all"
	if plan.Freeze {
		command += " --freeze"
	}
	if plan.Rotate {
		command += " --rotate"
	}
	if plan.Wipe {
		command += " --wipe --yes"
	}
	return command
}

// finishKillswitch carries out what an interrupted killswitch had left to do,
// and says so. A step that fails is said too, and tried once.
func (inv *invocation) finishKillswitch(ctx context.Context, s *store.Store) error {
	if !s.Unfinished() {
		return nil
	}
	report, err := inv.carryOn(ctx, s)
	if err != nil {
		return err
	}
	if err := partial(report); err != nil {
		inv.warn("%v", err)
	}
	return nil
}

func (inv *invocation) carryOn(ctx context.Context, s *store.Store) (killswitch.Report, error) {
	report, err := killswitch.Finish(ctx, s, newCut(inv, s).tools(ctx))
	if err == nil {
		inv.warn("a killswitch had been interrupted, and was finished: %s", again(report.Plan))
	}
	return report, err
}

func (v killValue) writeText(p *page) {
	for _, step := range v.Steps {
		words := strings.ReplaceAll(step.Step, "_", " ")
		if step.OK {
			p.say("%s  %s", p.styled(good, "done  "), words)
		} else {
			p.say("%s  %s: %s", p.styled(bad, "FAILED"), words, clean(step.Error))
		}
	}
	p.sayEnded(v.Revoked)
	v.filesValue.writeText(p)
	if v.Rotations != nil {
		v.Rotations.writeText(p)
	}
	p.sayUnreachable(v.Unreachable)
}

package cli_test

import (
	"fmt"
	"hash/maphash"
	"os"
	"strings"
	"testing"
)

// frozen is what a step promises once it has said that it is done, and what it
// began with.
type frozenStep struct {
	name        string
	prepare     []command
	step        command
	was, is     bool // frozen before and after
	ends, wipes bool // leases, the store
	alike       bool // others tell nearly as much
}

func frozenSteps() []frozenStep {
	freeze, thaw := run("freeze"), run("thaw", "--yes")
	return []frozenStep{
		{name: "freeze", step: freeze, is: true},
		{name: "freeze twice", prepare: []command{freeze}, step: freeze, was: true, is: true, alike: true},
		{name: "thaw", prepare: []command{freeze}, step: thaw, was: true},
		{name: "killswitch with freeze", step: run("revoke", "--all", "--freeze"), is: true, ends: true},
		{name: "killswitch while frozen", prepare: []command{freeze}, step: run("revoke", "--all", "--freeze"), was: true, is: true, ends: true, alike: true},
		{name: "wipe", step: run("revoke", "--all", "--wipe", "--yes"), ends: true, wipes: true},
		{name: "wipe and freeze", step: run("revoke", "--all", "--wipe", "--freeze", "--yes"), is: true, ends: true, wipes: true, alike: true},
		{name: "everything", step: run("revoke", "--all", "--freeze", "--rotate", "--wipe", "--yes"), is: true, ends: true, wipes: true},
	}
}

// TestAFreezeAndAWipeHoldWhateverStopsThem stops freeze, thaw and the
// killswitch that freezes or wipes after each of their operations in each way.
// What was said to be done is; what had been refused before stays so until it
// is thawed; and afterwards a person can put everything in order.
func TestAFreezeAndAWipeHoldWhateverStopsThem(t *testing.T) {
	prepareProcess(t)
	states, seed := 0, maphash.MakeSeed()
	for _, f := range frozenSteps() {
		if f.alike && os.Getenv("SECRETS_CRASH") != "full" {
			continue
		}
		seen := map[string]bool{}
		begin := project{scenario{prepare: hooked}.prepared(t)}
		begin.must(t, f.prepare...)
		begin.disk.Settle()
		done := false
		step := func(p project) { done = p.run(f.step).exit == 0 }
		for left := range begin.stops(step) {
			states++
			key := fmt.Sprintf("%x %t", left.disk.Fingerprint(seed), done)
			if seen[key] {
				continue
			}
			seen[key] = true
			if problem := f.judge(left, done); problem != "" {
				t.Errorf("%s: %s", f.name, problem)
			}
		}
	}
	t.Logf("%d crash states", states)
	if states < 1000 {
		t.Error("that is too few")
	}
}

func (f frozenStep) judge(p project, done bool) string {
	if file := p.plaintext(); file != "" {
		return file + " holds a value"
	}
	if problem := f.judgeGrants(p.clone(), done); problem != "" {
		return problem
	}
	// Whatever was left, a person can finish and begin again.
	if out := p.run(f.step); out.exit != 0 && !f.wipes {
		return "it cannot be done again: " + out.stdout.String() + out.stderr.String()
	}
	// Where only the identity was gone, the hooks could not be read any more.
	if out := p.run(f.step); out.exit != 0 {
		return "it cannot be done again: " + out.stdout.String() + out.stderr.String()
	}
	if f.wipes {
		if out := p.run(run("init")); out.exit != 0 {
			return "init after the wipe fails: " + out.stdout.String()
		}
		p.run(run("add", "beta").input(secretValues()[2]))
	}
	if out := p.run(run("lease", "beta")); (out.exit == 77) != f.is {
		return "done again, the next lease ends with " + out.String()
	}
	if out := p.run(run("thaw", "--yes")); out.exit != 0 {
		return "thaw fails: " + out.stdout.String()
	}
	if out := p.run(run("lease", "beta")); out.exit != 0 || out.stdout.String() != secretValues()[2] {
		return "after a thaw the next lease fails: " + out.String()
	}
	if out := p.run(run("audit", "--verify")); out.exit != 0 {
		return "the log does not verify: " + out.stdout.String()
	}
	return ""
}

// judgeGrants tries to get a value from what is left.
func (f frozenStep) judgeGrants(p project, done bool) string {
	if s, err := p.open(); err == nil && done && f.ends {
		leases, err := s.Leases()
		if err != nil || len(leases.Active()) > 0 {
			return "a lease is in force after it was done"
		}
	}
	out := p.run(run("lease", "beta"))
	got := strings.Contains(out.stdout.String(), secretValues()[2])
	switch {
	case got && done && (f.is || f.wipes):
		return "it was done, and a value was granted"
	case got && f.was && f.is:
		return "it was frozen all the time, and a value was granted"
	case !got && out.exit != 77 && out.exit != 78 && out.exit != 65:
		return "a refusal ends with " + out.String()
	case !got && !f.was && !f.is && !f.wipes:
		return "nothing froze it, and no value was granted"
	}
	return ""
}

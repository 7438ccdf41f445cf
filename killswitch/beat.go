package killswitch

import (
	"time"

	"agent-secrets/store"
)

// Due reports whether the endpoint is to be asked now. A clock that was set
// back must not put that off; and a scheduler that comes a moment early must
// not make it come every second time only.
func Due(b store.Beat, c store.Heartbeat, now time.Time) bool {
	interval := c.Interval.Duration()
	since := now.Sub(b.LastCheck)
	return c.Enabled && (since < 0 || since >= interval-interval/10)
}

// Verdict is what one answer of the endpoint, or its silence, leads to.
type Verdict struct {
	Beat      store.Beat
	Fails     bool // an outage begins
	Recovered bool // an outage is over
	Act       bool // Plan is to be carried out
	Plan      store.Plan
	// EndLeases: the plan is that of a killswitch. Otherwise it is only to
	// freeze, or only to rotate.
	EndLeases bool
}

// Judge takes the endpoint's answer at now into account. What counts is how
// often it was asked in vain in a row: time in which nobody asked, because the
// machine slept or its clock was set, counts for nothing. An outage sets off
// the action once, and a wipe, which needs twice the failures, once.
func Judge(b store.Beat, c store.Heartbeat, now time.Time, alive bool) Verdict {
	before := b
	b.LastCheck = now
	if alive {
		return Verdict{Beat: store.Beat{LastCheck: now, LastOK: now}, Recovered: before.Failures > 0}
	}
	b.Failures++
	v := Verdict{Beat: b, Fails: b.Failures == 1, Plan: store.Plan{By: store.ByHeartbeat}}
	action := c.FailAction
	if b.Failures >= c.Failures && !b.Acted {
		v.Act, v.EndLeases = true, action.RevokeAll
		v.Plan.Freeze, v.Plan.Rotate = action.Freeze, action.RotateAll
	}
	if action.WipeStore && b.Failures/2 >= c.Failures && !b.Wiped {
		v.Act, v.EndLeases, v.Plan.Wipe = true, true, true
	}
	return v
}

// Acted returns the beat after the plan was carried out.
func (v Verdict) Acted() store.Beat {
	b := v.Beat
	b.Acted = true
	b.Wiped = b.Wiped || v.Plan.Wipe
	return b
}

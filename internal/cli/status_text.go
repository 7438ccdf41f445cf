package cli

import (
	"slices"
	"strings"
	"time"
)

// writeText is a dashboard: what is wrong first, then who has what for how
// long, then what goes on by itself.
func (v statusValue) writeText(p *page) {
	if !v.Initialized {
		p.say("%s is not a store yet: secrets init", clean(v.Directory))
		return
	}
	p.say("%s  %s, %s in force", p.styled(strong, clean(v.Directory)), count(v.SecretsCount, "secret"), count(v.ActiveLeases, "lease"))
	if v.Frozen {
		p.sayFrozen(v.Holds)
	}
	if len(v.Overdue) > 0 {
		p.say("%s %s: secrets rotate --due", p.styled(bad, "overdue"), strings.Join(v.Overdue, ", "))
	}
	if len(v.leases) > 0 {
		p.say("")
		v.leaseTable(p)
	}
	p.say("")
	v.Heartbeat.writeText(p)
	if v.LastWatch != nil {
		p.say("watch      ran %s", relative(*v.LastWatch, p.now))
	} else {
		p.say("watch      never ran: secrets watch --print cron")
	}
	if v.StartedAt != nil {
		p.say("since      %s, %s", v.StartedAt.Local().Format(time.DateOnly), relative(*v.StartedAt, p.now))
	}
}

const shownLeases = 10

// leaseTable shows the leases by what expires next.
func (v statusValue) leaseTable(p *page) {
	leases := slices.Clone(v.leases)
	slices.SortStableFunc(leases, func(a, b leaseValue) int { return a.ExpiresAt.Compare(b.ExpiresAt) })
	more := max(0, len(leases)-shownLeases)
	var rows [][]cell
	for _, l := range leases[:len(leases)-more] {
		left, whole := l.ExpiresAt.Sub(p.now), l.ExpiresAt.Sub(l.GrantedAt)
		rows = append(rows, []cell{
			word(l.SecretName), word(l.ClientID), word(l.Via), hued(barStyle(left, whole), bar(left, whole)), word(relative(l.ExpiresAt, p.now)),
		})
	}
	p.table([]string{"SECRET", "CLIENT", "VIA", "LEFT", "EXPIRES"}, rows, 0, 1)
	if more > 0 {
		p.say("and %d more: secrets leases", more)
	}
}

func barStyle(left, whole time.Duration) style {
	if left < whole/4 {
		return warned
	}
	return good
}

func (v heartbeatValue) writeText(p *page) {
	hue := map[string]style{"alive": good, "failing": warned, "dead": bad}[v.State]
	words := p.styled(hue, v.State)
	if v.Failures > 0 {
		words += ", " + count(v.Failures, "failure") + " in a row"
	}
	if v.LastCheck != nil {
		words += ", asked " + relative(*v.LastCheck, p.now)
	}
	p.say("heartbeat  %s", words)
}

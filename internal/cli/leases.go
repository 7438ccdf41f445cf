package cli

import (
	"time"

	"agent-secrets/lease"
	"agent-secrets/store"

	"github.com/urfave/cli/v2"
)

func leasesCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:  "leases",
		Usage: "list the leases in force",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "also those that have ended, as far as the ledger goes back"},
		},
		Action: inv.action(func(c *cli.Context) (result, error) {
			return inv.with(store.Open, func(s *store.Store) (result, error) { return runLeases(s, c.Bool("all")) })
		}),
	}
}

// leaseValue is a lease as commands print it.
type leaseValue struct {
	LeaseID    string     `json:"lease_id"`
	SecretName string     `json:"secret_name"`
	ClientID   string     `json:"client_id"`
	Via        string     `json:"via"`
	GrantedAt  time.Time  `json:"granted_at"`
	ExpiresAt  time.Time  `json:"expires_at"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
	Remaining  string     `json:"remaining,omitempty"` // while it is in force
	State      string     `json:"state,omitempty"`     // active, or what ended it
}

// leaseValues are leases without their state, which the caller's key tells.
func leaseValues(leases []*lease.Lease) []leaseValue {
	values := make([]leaseValue, len(leases))
	for i, l := range leases {
		values[i] = leaseValue{
			LeaseID: l.ID, SecretName: l.Secret, ClientID: l.ClientID, Via: l.Via,
			GrantedAt: l.GrantedAt, ExpiresAt: l.ExpiresAt,
		}
	}
	return values
}

func runLeases(s *store.Store, all bool) (result, error) {
	leases, err := s.Leases()
	if err != nil {
		return result{}, err
	}
	shown := leases.Active()
	if all {
		shown = leases.All
	}
	values := leaseValues(shown)
	for i, l := range shown {
		values[i].State = l.State(leases.Now)
		values[i].EndedAt = optional(l.EndedAt)
		if l.Active(leases.Now) {
			values[i].Remaining = remaining(l.ExpiresAt.Sub(leases.Now))
		}
	}
	r := result{value: leasesValue{values, len(values), leases.Now}}
	if len(leases.Active()) > 0 {
		r.next = []action{
			{"secrets revoke <lease-id>", "End a lease"},
			{"secrets revoke --all", "End every lease at once"},
		}
	}
	return r, nil
}

// remaining is a time left in whole seconds, never 0 while there is some.
func remaining(left time.Duration) string {
	return lease.FormatDuration(max(left.Truncate(time.Second), time.Second))
}

type leasesValue struct {
	Leases []leaseValue `json:"leases"`
	Count  int          `json:"count"`
	now    time.Time
}

func (v leasesValue) writeText(p *page) {
	if v.Count == 0 {
		p.say("no leases")
		return
	}
	rows := make([][]cell, v.Count)
	for i, l := range v.Leases {
		rows[i] = []cell{word(l.LeaseID), word(l.SecretName), word(l.ClientID), word(l.Via), l.stateCell(v.now)}
	}
	p.table([]string{"LEASE", "SECRET", "CLIENT", "VIA", "STATE"}, rows, 1, 2)
}

// stateCell says how much time is left, or how and when it ended.
func (l leaseValue) stateCell(now time.Time) cell {
	switch {
	case l.Remaining != "":
		return hued(good, "expires "+relative(l.ExpiresAt, now))
	case l.EndedAt != nil:
		return hued(faint, l.State+" "+relative(*l.EndedAt, now))
	}
	return hued(faint, l.State+" "+relative(l.ExpiresAt, now))
}

// sayEnded tells which leases a command ended.
func (p *page) sayEnded(leases []leaseValue) {
	if len(leases) == 0 {
		return
	}
	p.say("%s ended:", count(len(leases), "lease"))
	rows := make([][]cell, len(leases))
	for i, l := range leases {
		rows[i] = []cell{word(l.LeaseID), word(l.SecretName), word(l.ClientID), word(l.Via)}
	}
	p.table([]string{"LEASE", "SECRET", "CLIENT", "VIA"}, rows, 1, 2)
}

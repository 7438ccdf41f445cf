package cli

import (
	"strconv"
	"strings"
	"time"

	"agent-secrets/store"

	"github.com/urfave/cli/v2"
)

func listCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:    "list",
		Aliases: []string{"ls"},
		Usage:   "list the secrets, never their values",
		Action: inv.action(func(*cli.Context) (result, error) {
			return inv.with(store.Open, runList)
		}),
	}
}

type secretValue struct {
	Name         string     `json:"name"`
	HasRotation  bool       `json:"has_rotation"`
	ActiveLeases int        `json:"active_leases"`
	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
	RotatedAt    *time.Time `json:"rotated_at"` // null if never
	RotateEvery  string     `json:"rotate_every,omitempty"`
	DueAt        *time.Time `json:"due_at,omitempty"`
	Overdue      bool       `json:"overdue,omitempty"`
}

func runList(s *store.Store) (result, error) {
	secrets, err := s.Secrets()
	if err != nil {
		return result{}, err
	}
	leases, err := s.Leases()
	if err != nil {
		return result{}, err
	}
	active := map[string]int{}
	for _, l := range leases.Active() {
		active[l.Secret]++
	}
	values := make([]secretValue, len(secrets))
	next := make([]action, len(secrets), len(secrets)+1)
	for i, one := range secrets {
		values[i] = secretValue{
			Name: one.Name, HasRotation: one.RotateVia != "", ActiveLeases: active[one.Name],
			CreatedAt: one.CreatedAt, UpdatedAt: one.UpdatedAt, RotatedAt: optional(one.RotatedAt),
			RotateEvery: every(one), DueAt: optional(one.DueAt), Overdue: one.Overdue(leases.Now),
		}
		next[i] = action{"secrets lease " + one.Name, "Get the value of " + one.Name}
	}
	if len(secrets) == 0 {
		next = append(next, action{"secrets add <name>", "Put a secret into the store"})
	}
	return result{
		value: secretsValue{values, len(values)},
		next:  next,
	}, nil
}

// optional is null in JSON for a time that is not set.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

type secretsValue struct {
	Secrets []secretValue `json:"secrets"`
	Count   int           `json:"count"`
}

func (v secretsValue) writeText(p *page) {
	if v.Count == 0 {
		p.say("no secrets yet: secrets add <name>")
		return
	}
	rows := make([][]cell, v.Count)
	for i, one := range v.Secrets {
		rows[i] = []cell{word(one.Name), word(one.leasesWord()), word(relative(one.UpdatedAt, p.now)), one.rotationCell(p.now)}
	}
	p.table([]string{"SECRET", "LEASES", "CHANGED", "ROTATION"}, rows, 0)
}

func (s secretValue) leasesWord() string {
	if s.ActiveLeases == 0 {
		return "-"
	}
	return strconv.Itoa(s.ActiveLeases)
}

// rotationCell says when the secret is renewed, and whether by itself.
func (s secretValue) rotationCell(now time.Time) cell {
	who := "by hand"
	if s.HasRotation {
		who = "by its hook"
	}
	switch {
	case s.Overdue:
		return hued(bad, "overdue since "+strings.TrimSuffix(relative(*s.DueAt, now), " ago")+", "+who)
	case s.DueAt != nil:
		return word("due " + relative(*s.DueAt, now) + ", " + who)
	case s.RotatedAt != nil:
		return word("rotated " + relative(*s.RotatedAt, now))
	case s.HasRotation:
		return word("has a hook")
	}
	return word("-")
}

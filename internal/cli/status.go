package cli

import (
	"errors"
	"time"

	"agent-secrets/lease"
	"agent-secrets/store"

	"github.com/urfave/cli/v2"
)

func statusCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "tell how the store is: secrets, leases, what expires next",
		Action: inv.action(func(*cli.Context) (result, error) {
			r, err := inv.with(store.Open, func(s *store.Store) (result, error) { return runStatus(inv, s) })
			if errors.Is(err, store.ErrNotInitialized) && !errors.Is(err, store.ErrIncomplete) {
				return inv.statusBeforeInit()
			}
			return r, err
		}),
	}
}

// statusValue keeps answering what scripts for a daemon asked: running means
// that the store can be used, started_at is when it was initialised.
type statusValue struct {
	Running      bool           `json:"running"`
	Initialized  bool           `json:"initialized"`
	Frozen       bool           `json:"frozen"`
	Holds        []holdValue    `json:"holds"` // why it is frozen
	SecretsCount int            `json:"secrets_count"`
	Overdue      []string       `json:"overdue_rotations"`
	ActiveLeases int            `json:"active_leases"`
	StartedAt    *time.Time     `json:"started_at"`
	Uptime       string         `json:"uptime"`
	NextExpiry   *time.Time     `json:"next_expiry"`
	Heartbeat    heartbeatValue `json:"heartbeat"`
	LastWatch    *time.Time     `json:"last_watch"`
	Directory    string         `json:"directory"`
	leases       []leaseValue
}

type heartbeatValue struct {
	Enabled   bool       `json:"enabled"`
	State     string     `json:"state"` // disabled, unknown, alive, failing or dead
	Failures  int        `json:"failures"`
	LastCheck *time.Time `json:"last_check"`
	LastOK    *time.Time `json:"last_ok"`
}

func (inv *invocation) statusBeforeInit() (result, error) {
	path, err := inv.directory()
	return result{
		value: statusValue{
			Holds: []holdValue{}, Overdue: []string{}, Heartbeat: heartbeatValue{State: "disabled"}, Directory: path,
		},
		next: []action{{"secrets init", "Make the store"}},
	}, err
}

func runStatus(inv *invocation, s *store.Store) (result, error) {
	secrets, err := s.Secrets()
	if err != nil {
		return result{}, err
	}
	leases, err := s.Leases()
	if err != nil {
		return result{}, err
	}
	started, err := s.Started()
	if err != nil {
		return result{}, err
	}
	frozen, err := s.Frozen()
	if err != nil {
		return result{}, err
	}
	watched, err := s.Watched()
	if err != nil {
		inv.warn("%v", err) // the next watch says so, and counts anew
	}
	active := leases.Active()
	v := statusValue{
		Running: true, Initialized: true, Frozen: frozen, Holds: holdsOf(s),
		SecretsCount: len(secrets), Overdue: overdue(secrets, leases.Now), ActiveLeases: len(active),
		StartedAt: &started, Uptime: remaining(leases.Now.Sub(started)),
		NextExpiry: optional(earliest(active)),
		Heartbeat:  heartbeatOf(watched.Heartbeat, s.Config().Heartbeat),
		LastWatch:  optional(watched.At),
		Directory:  s.Path(),
		leases:     leaseValues(active),
	}
	return result{value: v, next: v.actions(s.Unfinished())}, nil
}

func heartbeatOf(b store.Beat, c store.Heartbeat) heartbeatValue {
	v := heartbeatValue{Enabled: c.Enabled, Failures: b.Failures, LastCheck: optional(b.LastCheck), LastOK: optional(b.LastOK)}
	switch {
	case !c.Enabled:
		v.State = "disabled"
	case b.LastCheck.IsZero():
		v.State = "unknown"
	case b.Failures >= c.Failures:
		v.State = "dead"
	case b.Failures > 0:
		v.State = "failing"
	default:
		v.State = "alive"
	}
	return v
}

// overdue are the secrets that should have been rotated before now.
func overdue(secrets []store.Secret, now time.Time) []string {
	names := []string{}
	for _, one := range secrets {
		if one.Overdue(now) {
			names = append(names, one.Name)
		}
	}
	return names
}

func (v statusValue) actions(unfinished bool) []action {
	var next []action
	switch {
	case unfinished:
		next = append(next, action{"secrets revoke --all", "Finish the killswitch that was interrupted"})
	case v.Frozen:
		next = append(next, action{"secrets thaw", "Allow grants again: for a person to decide"})
	}
	if len(v.Overdue) > 0 {
		next = append(next, action{"secrets rotate --due", "Rotate what is overdue"})
	}
	if v.SecretsCount == 0 {
		return append(next, action{"secrets add <name>", "Put a secret into the store"})
	}
	next = append(next, action{"secrets lease <name>", "Get a secret value"})
	if v.ActiveLeases > 0 {
		next = append(next, action{"secrets leases", "See the leases in force"})
	}
	return next
}

func earliest(leases []*lease.Lease) time.Time {
	var first time.Time
	for _, l := range leases {
		if first.IsZero() || l.ExpiresAt.Before(first) {
			first = l.ExpiresAt
		}
	}
	return first
}

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
			r, err := inv.withStore(func(s *store.Store) (result, error) { return runStatus(s) })
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
	SecretsCount int            `json:"secrets_count"`
	ActiveLeases int            `json:"active_leases"`
	StartedAt    *time.Time     `json:"started_at"`
	Uptime       string         `json:"uptime"`
	NextExpiry   *time.Time     `json:"next_expiry"`
	Heartbeat    heartbeatValue `json:"heartbeat"`
	LastWatch    *time.Time     `json:"last_watch"`
	Directory    string         `json:"directory"`
}

type heartbeatValue struct {
	Enabled   bool       `json:"enabled"`
	State     string     `json:"state"`
	Failures  int        `json:"failures"`
	LastCheck *time.Time `json:"last_check"`
	LastOK    *time.Time `json:"last_ok"`
}

func (inv *invocation) statusBeforeInit() (result, error) {
	path, err := inv.directory()
	return result{
		value: statusValue{Heartbeat: heartbeatValue{State: "unknown"}, Directory: path},
		next:  []action{{"secrets init", "Make the store"}},
	}, err
}

func runStatus(s *store.Store) (result, error) {
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
	active := leases.Active()
	return result{
		value: statusValue{
			Running: true, Initialized: true, Frozen: frozen,
			SecretsCount: len(secrets), ActiveLeases: len(active),
			StartedAt: &started, Uptime: remaining(leases.Now.Sub(started)),
			NextExpiry: optional(earliest(active)),
			Heartbeat:  heartbeatValue{Enabled: s.Config().Heartbeat.Enabled, State: "unknown"},
			Directory:  s.Path(),
		},
		next: statusActions(len(secrets), len(active), frozen),
	}, nil
}

func statusActions(secrets, active int, frozen bool) []action {
	var next []action
	if frozen {
		next = append(next, action{"secrets revoke --all", "Finish the killswitch that was interrupted"})
	}
	if secrets == 0 {
		return append(next, action{"secrets add <name>", "Put a secret into the store"})
	}
	next = append(next, action{"secrets lease <name>", "Get a secret value"})
	if active > 0 {
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

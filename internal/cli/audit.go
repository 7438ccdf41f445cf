package cli

import (
	"strconv"
	"strings"
	"time"

	"agent-secrets/audit"
	"agent-secrets/lease"
	"agent-secrets/store"

	"github.com/urfave/cli/v2"
)

type auditOptions struct {
	tail                     int
	secret, clientID, action string
	since                    string
	verify                   bool
}

func auditCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:  "audit",
		Usage: "read the audit log, newest last",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "tail", Value: "50", Usage: "show the last `N` events; 0 for all"},
			&cli.StringFlag{Name: "secret", Usage: "only events of the secret `NAME`"},
			&cli.StringFlag{Name: "client-id", Usage: "only events of the client `ID`"},
			&cli.StringFlag{Name: "action", Usage: "only the event `NAME`, or with lease all of lease.*"},
			&cli.StringFlag{Name: "since", Usage: "only events of the last `DURATION`, such as 1h or 7d"},
			&cli.BoolFlag{Name: "verify", Usage: "check the whole chain, and the ledger and the store against it"},
		},
		Action: inv.action(func(c *cli.Context) (result, error) {
			opts := auditOptions{
				secret: c.String("secret"), clientID: c.String("client-id"),
				action: c.String("action"), since: c.String("since"), verify: c.Bool("verify"),
			}
			var err error
			if opts.tail, err = strconv.Atoi(c.String("tail")); err != nil || opts.tail < 0 {
				return result{}, usageError{msg: "--tail takes 0 for all or a number of events", fix: "secrets help audit"}
			}
			return inv.with(store.OpenToRead, func(s *store.Store) (result, error) {
				if opts.verify {
					return runVerify(s)
				}
				return runAudit(inv, s, opts)
			})
		}),
	}
}

func runAudit(inv *invocation, s *store.Store, opts auditOptions) (result, error) {
	match, err := opts.filter(inv.env.Now())
	if err != nil {
		return result{}, err
	}
	events, unreadable, err := s.Events(opts.tail, match)
	if err != nil {
		return result{}, err
	}
	if unreadable > 0 {
		inv.warn("%d lines of the audit log cannot be read: secrets audit --verify", unreadable)
	}
	if events == nil {
		events = []audit.Event{}
	}
	return result{
		value: auditValue{events, len(events), unreadable},
		next:  []action{{"secrets audit --verify", "Check that nobody changed the log"}},
	}, nil
}

func (o auditOptions) filter(now time.Time) (func(audit.Event) bool, error) {
	var since time.Time
	if o.since != "" {
		d, err := lease.ParseDuration(o.since)
		if err != nil {
			return nil, usageError{msg: "--since: " + err.Error(), fix: "secrets help audit"}
		}
		since = now.Add(-d)
	}
	return func(e audit.Event) bool {
		return (o.secret == "" || e.Secret == o.secret) &&
			(o.clientID == "" || e.ClientID == o.clientID) &&
			(o.action == "" || e.Event == o.action || strings.HasPrefix(e.Event, o.action+".")) &&
			!e.Time.Before(since)
	}, nil
}

func runVerify(s *store.Store) (result, error) {
	v, err := s.Verify()
	if err != nil {
		return result{}, err
	}
	notes := v.Notes
	if notes == nil {
		notes = []string{}
	}
	return result{
		value: verifiedValue{true, v.Lines, v.Events, v.Grants, v.Repairs, v.Head.Seq, v.Head.Sum, notes},
		next:  []action{{"secrets audit", "Read the log"}},
	}, nil
}

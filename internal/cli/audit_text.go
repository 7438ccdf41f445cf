package cli

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"agent-secrets/audit"
)

type auditValue struct {
	Events     []audit.Event `json:"events"`
	Count      int           `json:"count"`
	Unreadable int           `json:"unreadable_lines,omitempty"`
}

// writeText reads like a log: a line for each event, under the day on which it
// was, in local time.
func (v auditValue) writeText(p *page) {
	if v.Count == 0 {
		p.say("no events")
		return
	}
	day, rows := "", [][]cell{}
	flush := func() {
		if len(rows) > 0 {
			p.say("%s", p.styled(strong, day))
			p.table([]string{"TIME", "EVENT", "SECRET", "CLIENT", ""}, rows, 4, 3, 2)
		}
		rows = nil
	}
	for _, e := range v.Events {
		at := e.When().Local()
		if d := at.Format("Mon 2 January 2006"); d != day {
			flush()
			day = d
		}
		rows = append(rows, eventRow(e, at))
	}
	flush()
}

func eventRow(e audit.Event, at time.Time) []cell {
	s := plain
	if !e.OK {
		s = bad
	}
	return []cell{hued(faint, at.Format(time.TimeOnly)), hued(s, e.Event), word(dash(e.Secret)), word(dash(e.ClientID)), hued(s, eventDetail(e))}
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// eventDetail is what else is worth knowing of an event.
func eventDetail(e audit.Event) string {
	var words []string
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	if e.Code != "" {
		add("%s", e.Code)
	}
	if e.Via != "" && e.Event == audit.LeaseGrant {
		add("%s until %s", e.Via, e.ExpiresAt.Local().Format("15:04"))
	}
	if e.Reason != "" {
		add("%s", strings.ReplaceAll(e.Reason, "_", " "))
	}
	if e.Status != nil {
		add("status %d", *e.Status)
	}
	if e.Count > 0 && e.Event != audit.HeartbeatFailed && e.Event != audit.HeartbeatAlive {
		add("%s", count(e.Count, "lease"))
	}
	if e.Path != "" {
		add("%s", filepath.Base(e.Path))
	}
	return strings.Join(words, ", ")
}

type verifiedValue struct {
	Verified bool     `json:"verified"`
	Lines    int      `json:"lines"`
	Events   int      `json:"events"`
	Grants   int      `json:"grants"`
	Repairs  int      `json:"repairs"` // places where a crash left bytes that count for nothing
	LastSeq  uint64   `json:"last_seq"`
	LastHash string   `json:"last_sha256"`
	Notes    []string `json:"notes"` // what the next command that writes puts in order
}

func (v verifiedValue) writeText(p *page) {
	p.say("%s: %s in an unbroken chain, and ledger and store agree with it", p.styled(good, "verified"), count(v.Events, "event"))
	if v.Repairs > 0 {
		p.say("%s left by a crash count for nothing, and were repaired", count(v.Repairs, "place"))
	}
	for _, note := range v.Notes {
		p.say("%s: %s", p.styled(warned, "note"), clean(note))
	}
	p.say("it ends at %d with\n  %s", v.LastSeq, v.LastHash)
}

// Package audit is the log of everything that happened: an append-only journal
// of events, each of which carries the hash of the line before it.
//
// # File format
//
// audit.jsonl holds one [Event] a line as a JSON object of at most [MaxLine]
// bytes. seq counts from 1 without gaps. prev is the SHA-256 of the line before,
// without its newline, in hex; that of the first line is 64 zeros. The first
// event is an init, whose version is that of the format. generation and
// ledger_seq are the state that the store and the ledger are in after the event,
// so that the last line alone tells whether one of them fell behind in a crash.
//
// A crash can leave bytes that are not a line. They stay where they are, and
// the next writer puts a log.repair event after them that gives their offset,
// their length and their hash. Nothing else may stand between two lines: a
// whole line that does not continue the chain was tampered with, and is
// reported, never repaired.
//
// New events may be added freely. A new member of an event, or a new meaning of
// one, needs a new version, because older programs refuse what they do not know.
package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"agent-secrets/internal/strictjson"
)

// ErrCorrupt means that the log is not the unbroken chain that was written.
var ErrCorrupt = errors.New("audit log is corrupt")

const (
	// Version is the version of the log's format.
	Version = 1
	// MaxLine is the longest line, in bytes without the newline.
	MaxLine = 4096
)

// The events.
const (
	Init             = "init"
	Add              = "add"
	Update           = "update"
	Remove           = "remove"
	LeaseGrant       = "lease.grant"
	LeaseDenied      = "lease.denied"
	LeaseUndelivered = "lease.undelivered"
	LeaseRevoked     = "lease.revoked"
	LeaseReleased    = "lease.released"
	LeaseExpired     = "lease.expired"
	Rotate           = "rotate"       // or an attempt at it
	RotateStart      = "rotate.start" // the hook is about to run
	Rollback         = "rollback"
	Freeze           = "freeze"
	Thaw             = "thaw"
	KillswitchRevoke = "killswitch.revoke_all" // every lease before it has ended
	KillswitchStep   = "killswitch.step"       // any other step, named by its reason
	KillswitchWipe   = "killswitch.wipe"       // store and identity are gone: generation 0
	HeartbeatFailed  = "heartbeat.failed"
	HeartbeatAlive   = "heartbeat.alive" // again
	ExecStart        = "exec.start"
	ExecExit         = "exec.exit"
	EnvWrite         = "env.write"
	EnvWipe          = "env.wipe"
	ConfigInvalid    = "config.invalid"
	LogRepair        = "log.repair"
	StoreRepair      = "store.repair" // a generation that was announced is not there
	LedgerRepair     = "ledger.repair"
)

// Event is one line of the log. It never carries a value, the output of a hook
// or the arguments of a child.
type Event struct {
	Seq       uint64    `json:"seq"`
	Time      time.Time `json:"ts"` // UTC
	Event     string    `json:"event"`
	OK        bool      `json:"ok"` // false for what was refused or went wrong
	Version   int       `json:"version,omitempty"`
	Secret    string    `json:"secret,omitempty"`
	LeaseID   string    `json:"lease_id,omitempty"`
	ClientID  string    `json:"client_id,omitempty"`
	Via       string    `json:"via,omitempty"`
	Path      string    `json:"path,omitempty"`   // of an env file
	Owner     string    `json:"owner,omitempty"`  // process that a lease is bound to
	Status    *int      `json:"status,omitempty"` // exit status of a child
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// At is when it happened, where that was before it was logged.
	At     time.Time `json:"at,omitzero"`
	Code   string    `json:"code,omitempty"` // error code of what was refused
	Reason string    `json:"reason,omitempty"`
	Count  int       `json:"count,omitempty"` // of leases concerned, or of failures
	Repair *Repair   `json:"repair,omitempty"`
	// Generation is that of the store after the event, 0 if there is none.
	Generation uint64 `json:"generation"`
	// LedgerSeq is the seq of the newest event that the ledger stands for.
	LedgerSeq uint64 `json:"ledger_seq"`
	Prev      string `json:"prev"`
}

// Repair describes bytes of a state file that a crash left and that count for
// nothing.
type Repair struct {
	File   string `json:"file"`
	Offset int64  `json:"offset"` // bytes
	Length int64  `json:"length"` // bytes
	SHA256 string `json:"sha256"` // hex
}

// ForLedger reports whether the ledger has a line for the event.
func (e Event) ForLedger() bool {
	switch e.Event {
	case LeaseGrant, LeaseUndelivered, LeaseRevoked, LeaseReleased, LeaseExpired, EnvWipe, KillswitchRevoke:
		return true
	}
	return false
}

// checkFirst refuses the first line of a log of another kind or version.
func (e Event) checkFirst() error {
	if e.Seq != 1 || e.Event != Init || e.Version != Version {
		return fmt.Errorf("a log begins with an init of format version %d: this one is foreign or newer", Version)
	}
	return nil
}

// When is the time at which the event took place.
func (e Event) When() time.Time {
	if e.At.IsZero() {
		return e.Time
	}
	return e.At
}

func (e Event) encode() ([]byte, error) {
	line, err := json.Marshal(e)
	if err == nil && len(line) > MaxLine {
		err = fmt.Errorf("audit line of %d bytes: at most %d", len(line), MaxLine)
	}
	return line, err
}

func decode(line []byte) (Event, error) {
	var e Event
	err := strictjson.Decode(line, &e)
	return e, err
}

// Package lease is the ledger: which credential was handed to whom, until when,
// and what ended that. The ledger is an append-only journal of operations that
// is folded into leases when it is read; it is an index to the audit log, which
// carries the same facts and from which lost lines are written again.
//
// # File format
//
// leases.jsonl holds one [Op] a line as a JSON object whose last member, sum,
// is the first 16 hex digits of the SHA-256 of the object without it. The first
// line is a header that gives the version of the format. Every line names the
// seq of the audit line that stands for it, so that the last line tells how far
// the ledger has come. A reader that meets a version it does not know stops.
// New operations and members need a new version, because older programs refuse
// what they do not know.
package lease

import (
	"errors"
	"time"
)

var (
	// ErrCorrupt means that the ledger cannot be read as one.
	ErrCorrupt = errors.New("ledger is corrupt")
	// ErrNotFound means that no lease has the given id or prefix.
	ErrNotFound = errors.New("lease not found")
	// ErrAmbiguous means that several leases have the given prefix.
	ErrAmbiguous = errors.New("lease id is ambiguous")
)

// The ways in which a value leaves the store.
const (
	ViaStdout = "stdout"
	ViaExec   = "exec"
	ViaEnv    = "env"
	ViaMCP    = "mcp" // shown to a model
)

// The reasons for which a lease ends.
const (
	Expired     = "expired"
	Revoked     = "revoked"
	Removed     = "removed"     // the secret was removed
	Killswitch  = "killswitch"  // revoke --all
	Undelivered = "undelivered" // the value never reached its reader
	Released    = "released"    // the process that it was for has ended
	OwnerDead   = "owner_dead"  // the process that held it was killed
	Replaced    = "replaced"    // its env file was written anew
	Rotated     = "rotated"     // the secret has another value
)

// Lease is one grant of one secret to one client.
type Lease struct {
	ID        string // a ULID
	Seq       uint64 // of the ledger line that granted it
	Secret    string
	ClientID  string
	Via       string
	Path      string    // of the env file it was written to, or empty
	Owner     string    // process that it is bound to, or empty
	Wiped     bool      // the env file is gone
	GrantedAt time.Time // UTC
	ExpiresAt time.Time // UTC
	EndedAt   time.Time // zero while it has not been ended
	EndReason string
}

// Active reports whether the lease is in force at now.
func (l *Lease) Active(now time.Time) bool {
	return l.EndedAt.IsZero() && now.Before(l.ExpiresAt)
}

// State names the lease's state at now: "active", or what ended it.
func (l *Lease) State(now time.Time) string {
	switch {
	case !l.EndedAt.IsZero():
		return l.EndReason
	case now.Before(l.ExpiresAt):
		return "active"
	}
	return Expired
}

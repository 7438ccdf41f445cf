package store

import (
	"errors"
	"fmt"
)

var (
	// ErrNotInitialized means that init has not been run, or not to its end.
	ErrNotInitialized = errors.New("not initialised")
	// ErrIncomplete means that init did not end, or that a file was lost
	// since. It is an ErrNotInitialized.
	ErrIncomplete = fmt.Errorf("%w to the end", ErrNotInitialized)
	// ErrWiped means that the store was destroyed on purpose. It is an
	// ErrNotInitialized.
	ErrWiped = fmt.Errorf("%w: the store was wiped", ErrNotInitialized)
	// ErrAlreadyInitialized means that init has nothing to do.
	ErrAlreadyInitialized = errors.New("already initialised")
	// ErrCannotCreate means that the state directory cannot be made.
	ErrCannotCreate = errors.New("cannot create the state directory")
	// ErrCorrupt means that the encrypted store cannot be read as one.
	ErrCorrupt = errors.New("store is corrupt")
	// ErrIdentityMissing means that there is no identity to open the store with.
	ErrIdentityMissing = errors.New("no identity")
	// ErrIdentityInvalid means that what should be an identity is not one.
	ErrIdentityInvalid = errors.New("not an X25519 identity")
	// ErrWrongIdentity means that the identity does not open the store.
	ErrWrongIdentity = errors.New("the identity does not open the store")
	// ErrInvalidConfig means that config.json cannot be used.
	ErrInvalidConfig = errors.New("invalid configuration")
	// ErrInvalidName means that a text cannot name a secret.
	ErrInvalidName = errors.New("invalid secret name")
	// ErrInvalidClientID means that a text cannot name a client.
	ErrInvalidClientID = errors.New("invalid client id")
	// ErrSecretNotFound means that the store has no secret of that name.
	ErrSecretNotFound = errors.New("secret not found")
	// ErrSecretExists means that the store has a secret of that name already.
	ErrSecretExists = errors.New("secret exists already")
	// ErrEmptyValue means that a secret was given no value.
	ErrEmptyValue = errors.New("the value is empty")
	// ErrValueTooLarge means that a value has more than MaxValue bytes.
	ErrValueTooLarge = errors.New("the value is too large")
	// ErrTTLExceedsMax means that a lease was asked for longer than allowed.
	ErrTTLExceedsMax = errors.New("TTL is above the maximum")
	// ErrFrozen means that nothing is granted until a person has looked.
	ErrFrozen = errors.New("frozen")
	// ErrNoRotationHook means that a secret has no command that renews it.
	ErrNoRotationHook = errors.New("no rotation hook")
	// ErrRotationConflict means that a secret was changed while its hook ran.
	ErrRotationConflict = errors.New("changed while its rotation hook ran")
	// ErrNoPreviousValue means that there is nothing to roll back to.
	ErrNoPreviousValue = errors.New("no previous value")
	// ErrWatchDamaged means that what watch remembers cannot be read.
	ErrWatchDamaged = errors.New("watch.json is damaged")
	// ErrUnfinished means that a killswitch has not come to its end, and that
	// nothing is granted for this reason. It is an ErrFrozen.
	ErrUnfinished = fmt.Errorf("%w: a killswitch has not come to its end", ErrFrozen)
	// ErrAuditFailed means that the audit log did not take a line, and that
	// for this reason nothing was released.
	ErrAuditFailed = errors.New("audit log cannot be written")
	// ErrLedgerFailed means that the ledger did not take a line.
	ErrLedgerFailed = errors.New("ledger cannot be written")
)

// said is a sentinel in words that name what it is about.
type said struct {
	words string
	is    error
}

func (e *said) Error() string { return e.words }
func (e *said) Unwrap() error { return e.is }

func notFound(name string) error {
	return &said{fmt.Sprintf("secret %q not found", name), ErrSecretNotFound}
}

func exists(name string) error {
	return &said{fmt.Sprintf("secret %q exists already", name), ErrSecretExists}
}

package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"agent-secrets/audit"
	"agent-secrets/envfile"
	"agent-secrets/internal/fsx"
	"agent-secrets/internal/supervise"
	"agent-secrets/killswitch"
	"agent-secrets/lease"
	"agent-secrets/rotate"
	"agent-secrets/store"
)

// The exit statuses, of sysexits.h where it has a fitting one.
const (
	exitInternal  = 1
	exitUsage     = 2
	exitCorrupt   = 65
	exitNotFound  = 66
	exitEndpoint  = 69
	exitExists    = 73
	exitIO        = 74
	exitBusy      = 75
	exitForbidden = 77
	exitConfig    = 78
	exitPartial   = 79

	// Of exec, as env and timeout have them.
	exitLeaseEnded    = 124
	exitExec          = 125
	exitNotExecutable = 126
	exitNoCommand     = 127
)

// mapping is how an error appears outside.
type mapping struct {
	err  error
	code string
	exit int
	fix  string // a command that can be pasted, then perhaps a few words
}

// mappings is the one table of errors. The first row that an error is decides,
// so that what explains another error stands above it.
func mappings() []mapping {
	return []mapping{
		{errUsage, "usage", exitUsage, "secrets help"},
		{errOutput, "io", exitIO, ""},
		{errKillswitchPartial, "killswitch_partial", exitPartial, "secrets help recovery"},
		{errUnhealthy, "unhealthy", exitInternal, "secrets doctor --fix"},
		{errRotationPartial, "rotation_failed", exitPartial, "secrets audit --action rotate"},
		{errImport, "invalid_import", exitCorrupt, "secrets help import"},
		{envfile.ErrInvalidManifest, "invalid_project", exitCorrupt, "secrets help env"},
		{envfile.ErrUnmanagedFile, "env_file_exists", exitExists, "secrets import --from .env --dry-run # secrets env --force replaces the file"},
		{envfile.ErrRefusedFile, "env_file_exists", exitExists, "secrets env --output <path>"},
		{errForeignSkill, "skill_exists", exitExists, "secrets skill install --force"},
		{errHookInput, "hook_input", exitCorrupt, "secrets help claude-hook"},
		{store.ErrUnfinished, "frozen", exitForbidden, "secrets revoke --all"},
		{store.ErrFrozen, "frozen", exitForbidden, "secrets thaw # once a person has looked"},
		{store.ErrNotInitialized, "not_initialized", exitConfig, "secrets init"},
		{store.ErrAlreadyInitialized, "already_initialized", exitExists, "secrets status"},
		{store.ErrCannotCreate, "cannot_create", exitExists, "secrets --dir <path> init"},
		{store.ErrInvalidName, "invalid_name", exitUsage, "secrets list"},
		{store.ErrInvalidClientID, "invalid_client_id", exitUsage, "secrets help lease"},
		{lease.ErrInvalidDuration, "invalid_ttl", exitUsage, "secrets help lease"},
		{store.ErrTTLExceedsMax, "ttl_exceeds_max", exitForbidden, "secrets help lease"},
		{store.ErrSecretNotFound, "secret_not_found", exitNotFound, "secrets list"},
		{store.ErrSecretExists, "secret_exists", exitExists, "secrets list"},
		{store.ErrEmptyValue, "empty_value", exitUsage, "secrets help add"},
		{store.ErrValueTooLarge, "value_too_large", exitUsage, "secrets help add"},
		{store.ErrNoRotationHook, "no_rotation_hook", exitNotFound, "secrets update <name> --rotate-via <cmd>"},
		{store.ErrRotationConflict, "rotation_conflict", exitPartial, "secrets rollback <name> # takes the hook's value"},
		{store.ErrNoPreviousValue, "no_previous_value", exitNotFound, "secrets list"},
		{rotate.ErrTimeout, "rotation_timeout", exitPartial, "secrets help files # rotation_timeout in config.json"},
		{rotate.ErrFailed, "rotation_failed", exitPartial, "secrets list"},
		{lease.ErrNotFound, "lease_not_found", exitNotFound, "secrets leases"},
		{lease.ErrAmbiguous, "lease_ambiguous", exitUsage, "secrets leases"},
		{store.ErrIdentityMissing, "identity_missing", exitForbidden, "export SECRETS_IDENTITY_FILE=<path to the identity>"},
		{store.ErrIdentityInvalid, "identity_invalid", exitForbidden, "secrets help environment"},
		{store.ErrWrongIdentity, "wrong_identity", exitForbidden, "export SECRETS_IDENTITY_FILE=<path to the identity>"},
		{store.ErrInvalidConfig, "invalid_config", exitConfig, "secrets help files"},
		{fsx.ErrUnsafe, "unsafe_permissions", exitForbidden, "secrets help files"},
		{store.ErrCorrupt, "corrupt_store", exitCorrupt, "secrets help recovery"},
		{lease.ErrCorrupt, "corrupt_ledger", exitCorrupt, "secrets revoke --all # ends every lease and starts the ledger anew; or: secrets help recovery"},
		{audit.ErrCorrupt, "corrupt_audit", exitCorrupt, "secrets help recovery"},
		{store.ErrWatchDamaged, "corrupt_watch", exitCorrupt, "secrets watch # it began to count anew"},
		{fsx.ErrTooLarge, "too_large", exitCorrupt, "secrets help recovery"},
		{fsx.ErrBusy, "busy", exitBusy, ""},
		{store.ErrAuditFailed, "audit_failed", exitIO, diskFix},
		{store.ErrLedgerFailed, "io", exitIO, diskFix},
		{envfile.ErrUnrepresentable, "unrepresentable_value", exitCorrupt, "secrets exec -- <cmd>"},
		{store.ErrLeaseEnded, "lease_ended", exitLeaseEnded, "secrets leases --all"},
		{supervise.ErrUndelivered, "io", exitIO, ""},
		{supervise.ErrNotFound, "command_not_found", exitNoCommand, ""},
		{supervise.ErrNotExecutable, "command_not_executable", exitNotExecutable, ""},
		{killswitch.ErrHeartbeat, "heartbeat_failed", exitEndpoint, "secrets status"},
		{errFile, "file", exitNotFound, ""},
		{errPass, "pass_failed", exitNotFound, ""},
		{fs.ErrPermission, "io", exitForbidden, ""},
	}
}

var (
	// errKillswitchPartial means that a step of the killswitch failed.
	errKillswitchPartial = errors.New("the killswitch ended only in part")
	// errUnhealthy means that doctor found something that does not work.
	errUnhealthy = errors.New("not everything works")
	// errRotationPartial means that a hook of many failed.
	errRotationPartial = errors.New("the rotation ended only in part")
	// errFile means that a file which the user named cannot be read.
	errFile = errors.New("cannot read the file")
)

// unexplained is how an error appears that no row is for.
func unexplained() mapping { return mapping{code: "internal", exit: exitInternal} }

// lookup returns the row for err. An error of the file system that nothing
// explains is an I/O error; anything else is our mistake.
func lookup(err error) mapping {
	for _, m := range mappings() {
		if errors.Is(err, m.err) {
			return m
		}
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return mapping{code: "io", exit: exitIO}
	}
	return unexplained()
}

// codeOf is the code of an error, for the log.
func codeOf(err error) string { return lookup(err).code }

// diskFix stands for a fix that names the file which could not be written.
const diskFix = "df . # the disk may be full"

// fixError is an error for which the command knows a better fix than the table.
type fixError struct {
	error
	fix string
}

func (e *fixError) Unwrap() error { return e.error }

// withFix gives err a fix, if it is target.
func withFix(err, target error, format string, args ...any) error {
	if !errors.Is(err, target) {
		return err
	}
	return &fixError{err, fmt.Sprintf(format, args...)}
}

func fixFor(err error, m mapping) string {
	var known *fixError
	var usage usageError
	var unsafe *fsx.UnsafeError
	var path *fs.PathError
	switch {
	case errors.As(err, &known):
		return known.fix
	case errors.As(err, &usage):
		return usage.fix
	case errors.As(err, &unsafe) && unsafe.Perm != 0:
		return fmt.Sprintf("chmod %o %s", unsafe.Perm, shellQuote(unsafe.Path))
	case m.fix == diskFix && errors.As(err, &path):
		return "df " + shellQuote(path.Path) + " # the disk may be full"
	}
	return m.fix
}

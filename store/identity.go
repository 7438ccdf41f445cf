package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"time"

	"agent-secrets/internal/fsx"

	"filippo.io/age"
)

const maxIdentity = 64 << 10

// identity returns the identity that opens the store and says where it came
// from. What the caller gave goes before what lies in the directory.
func (o Options) identity(dir *fsx.Dir) (*age.X25519Identity, string, error) {
	text, from, err := o.identityText(dir)
	if err != nil {
		return nil, from, err
	}
	id, err := parseIdentity(text)
	if err != nil {
		return nil, from, fmt.Errorf("%s: %w", from, err)
	}
	return id, from, nil
}

func (o Options) identityText(dir *fsx.Dir) (text []byte, from string, err error) {
	switch {
	case o.Identity != "":
		return []byte(o.Identity), "SECRETS_IDENTITY", nil
	case o.IdentityFile != "":
		text, err = fsx.ReadExternal(o.IdentityFile, maxIdentity)
		from = o.IdentityFile
	default:
		text, _, err = dir.Read(identityFile, maxIdentity)
		from = dir.Path(identityFile)
	}
	return text, from, identityError(err, from)
}

// identityError says what an error in reading a file means for the identity.
func identityError(err error, from string) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: there is no file %s", ErrIdentityMissing, from)
	case errors.Is(err, syscall.EISDIR):
		return fmt.Errorf("%w: %s is a directory", ErrIdentityInvalid, from)
	case errors.Is(err, fsx.ErrTooLarge):
		return fmt.Errorf("%w: %w", ErrIdentityInvalid, err)
	}
	return err
}

// parseIdentity reads the one X25519 key of an identity file. The errors of the
// parser are not passed on, because they could quote the key.
func parseIdentity(text []byte) (*age.X25519Identity, error) {
	var found *age.X25519Identity
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, err := age.ParseX25519Identity(line)
		if err != nil || found != nil {
			return nil, fmt.Errorf("%w: it must hold one key, a line that begins with AGE-SECRET-KEY-1", ErrIdentityInvalid)
		}
		found = id
	}
	if found == nil {
		return nil, fmt.Errorf("%w: it holds no key", ErrIdentityInvalid)
	}
	return found, nil
}

// identityFileFor writes id the way age-keygen does.
func identityFileFor(id *age.X25519Identity, now time.Time) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# created: %s\n", now.Format(time.RFC3339))
	fmt.Fprintf(&b, "# public key: %s\n", id.Recipient())
	fmt.Fprintf(&b, "%s\n", id)
	return b.Bytes()
}

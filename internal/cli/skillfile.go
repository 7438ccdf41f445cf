package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"agent-secrets/internal/fsx"
	"agent-secrets/skills"
)

func (p skillPlace) path() string { return filepath.Join(p.base, p.name) }

// maxSkill is the size, in bytes, up to which a file in the skill's place is
// looked at. A larger one is not ours.
const maxSkill = 1 << 20

// check says what writing would do, and refuses it where the file is not ours.
func (p skillPlace) check(force bool) (string, error) {
	dir, err := fsx.OpenPublic(p.base)
	if err != nil {
		return "", fileError(err)
	}
	defer dir.Close()
	there, err := dir.Read(p.name, maxSkill)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return skillWritten, nil
	case errors.Is(err, fsx.ErrTooLarge):
	case err != nil:
		return "", fmt.Errorf("install the skill: %w", err)
	case string(there) == skills.SecretManagement(), string(there) == signSkill(skills.SecretManagement()):
		return skillUnchanged, nil
	}
	if !force && !isSignedSkill(string(there)) {
		return "", fmt.Errorf("%s: %w", p.path(), errForeignSkill)
	}
	return skillUpdated, nil
}

func (p skillPlace) write() error {
	dir, err := fsx.OpenPublic(p.base)
	if err != nil {
		return fileError(err)
	}
	defer dir.Close()
	if err := dir.Write(p.name, []byte(signSkill(skills.SecretManagement()))); err != nil {
		return fmt.Errorf("install the skill: %w", err)
	}
	return nil
}

// errForeignSkill means that the file in a skill's place was not written by us,
// or was edited since.
var errForeignSkill = errors.New("the file is not ours, or was edited")

// The signature is the last line of an installed file. It tells a later version
// that nobody has edited the file, so that it may be replaced; it proves nothing.
const (
	signatureStart = "\n<!-- Written by secrets skill install, which replaces it unless it is edited: "
	signatureEnd   = " -->\n"
)

func signSkill(text string) string {
	sum := sha256.Sum256([]byte(text))
	return text + signatureStart + hex.EncodeToString(sum[:]) + signatureEnd
}

func isSignedSkill(file string) bool {
	i := strings.LastIndex(file, signatureStart)
	return i >= 0 && file == signSkill(file[:i])
}

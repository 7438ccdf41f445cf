package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"agent-secrets/internal/importer"
	"agent-secrets/store"
)

// errPass means that pass did not show an entry.
var errPass = errors.New("pass failed")

// passDirectory is where pass itself would look.
func (inv *invocation) passDirectory(from string) (string, error) {
	switch home := inv.getenv("HOME"); {
	case from != "":
		return from, nil
	case inv.getenv("PASSWORD_STORE_DIR") != "":
		return inv.getenv("PASSWORD_STORE_DIR"), nil
	case home != "":
		return filepath.Join(home, ".password-store"), nil
	}
	return "", usageError{msg: "there is no HOME: say where the password store is", fix: "secrets import --format pass --from <path>"}
}

// listPass lists the entries of a password store, which are the files whose
// names end in .gpg. Nothing is decrypted.
func (inv *invocation) listPass(from string) (found importer.Found, err error) {
	dir, err := inv.passDirectory(from)
	if err != nil {
		return found, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return found, fileError(err)
	}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch name, isEntry := strings.CutSuffix(entry.Name(), ".gpg"); {
		case err != nil:
			return err
		case path != dir && strings.HasPrefix(name, "."):
			if entry.IsDir() {
				return filepath.SkipDir // its own, or git's
			}
			return nil
		case entry.IsDir() || !isEntry:
			return nil
		}
		key, err := filepath.Rel(dir, strings.TrimSuffix(path, ".gpg"))
		found.Entries = append(found.Entries, importer.Entry{Key: filepath.ToSlash(key)})
		return err
	})
	return found, fileError(err)
}

// showPass reads one entry. The value is its first line, as it is for pass -c;
// what follows is notes. A key in armour is all of its lines.
func (inv *invocation) showPass(ctx context.Context, from, key string) (value store.Value, more bool, err error) {
	dir, err := inv.passDirectory(from)
	if err != nil {
		return value, false, err
	}
	text, err := inv.env.ShowPass(ctx, dir, key)
	if err != nil {
		return value, false, err
	}
	value, more = passValue(text)
	return value, more, store.CheckValue(value)
}

func passValue(text []byte) (value store.Value, more bool) {
	if bytes.HasPrefix(text, []byte("-----BEGIN ")) {
		return store.NewValue(dropNewline(text)), false
	}
	first, rest, _ := bytes.Cut(text, []byte{'\n'})
	return store.NewValue(first), len(bytes.TrimSpace(rest)) > 0
}

// showWithPass runs pass, which asks for a passphrase by gpg's own ways. What it
// says on standard error is not repeated: nobody knows what it holds.
func showWithPass(ctx context.Context, dir, key string) ([]byte, error) {
	program, err := exec.LookPath("pass")
	if err != nil {
		return nil, &fixError{fmt.Errorf("%w: it is not installed", errPass), "secrets help import"}
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	out := &boundedBuffer{left: maxInput}
	cmd := exec.CommandContext(ctx, program, "show", "--", key)
	cmd.Stdout = out
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "SECRETS_") && !strings.HasPrefix(variable, "PASSWORD_STORE_DIR=") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(cmd.Env, "PASSWORD_STORE_DIR="+dir)
	err = cmd.Run()
	if out.over {
		return nil, fmt.Errorf("%w: at most %d bytes", store.ErrValueTooLarge, store.MaxValue)
	}
	if err != nil {
		err = fmt.Errorf("%w, and nothing was imported: pass show %s: %v", errPass, shellQuote(key), err)
		return nil, &fixError{err, "PASSWORD_STORE_DIR=" + shellQuote(dir) + " pass show " + shellQuote(key) + " >/dev/null # says why"}
	}
	return out.data, nil
}

// boundedBuffer takes so many bytes and no more.
type boundedBuffer struct {
	data []byte
	left int
	over bool // there were more
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if len(p) > b.left {
		b.over = true
		return 0, io.ErrShortWrite
	}
	b.data, b.left = append(b.data, p...), b.left-len(p)
	return len(p), nil
}

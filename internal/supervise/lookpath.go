package supervise

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

var (
	// ErrNotFound means that there is no such command, or that the interpreter
	// which its file names is missing. A shell reports 127.
	ErrNotFound = errors.New("command not found")
	// ErrNotExecutable means that the command is there and cannot be run: a
	// directory, or a file without the permission or in no known format. A
	// shell reports 126.
	ErrNotExecutable = errors.New("command not executable")
)

// LookPath returns the path of the command that execvp would run if env, of the
// form "NAME=value", were the environment. A name with a slash is its own path.
func LookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		if err := executable(name); err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		return name, nil
	}
	missing := ErrNotFound
	for dir := range strings.SplitSeq(searchPath(env), ":") {
		if dir == "" {
			dir = "." // so it is written in PATH, for better or worse
		}
		path := strings.TrimSuffix(dir, "/") + "/" + name
		err := executable(path)
		if name != "" && err == nil {
			return path, nil
		}
		if name != "" && errors.Is(err, ErrNotExecutable) {
			missing = ErrNotExecutable
		}
	}
	return "", fmt.Errorf("%s: %w", name, missing)
}

// searchPath is PATH, or what the C library takes in its place. Where a name is
// given twice, getenv finds the first.
func searchPath(env []string) string {
	for _, variable := range env {
		if path, ok := strings.CutPrefix(variable, "PATH="); ok {
			return path
		}
	}
	return "/bin:/usr/bin"
}

func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.ELOOP):
		return ErrNotExecutable
	case err != nil:
		return ErrNotFound
	case !info.Mode().IsRegular() || unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS) != nil:
		return ErrNotExecutable
	}
	return nil
}

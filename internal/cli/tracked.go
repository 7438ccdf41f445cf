package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"agent-secrets/envfile"
)

// gitTimeout is far more than git needs to look into an index.
const gitTimeout = 5 * time.Second

// refuseTracked refuses a file that git tracks: its next commit would publish
// what is written there. So does a repository that git cannot answer for.
func refuseTracked(dir, name string) error {
	err := git(dir, "ls-files", "--error-unmatch", "--", name)
	var exit *exec.ExitError
	path := filepath.Join(dir, name)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil // where there is no git, nothing is committed
	case err == nil:
		return fmt.Errorf("%w: git tracks %s: git rm --cached it first", envfile.ErrRefusedFile, path)
	case errors.As(err, &exit) && exit.ExitCode() == 1, !inRepository(dir):
		return nil
	}
	return fmt.Errorf("%w: git cannot tell whether it tracks %s", envfile.ErrRefusedFile, path)
}

// ignored reports whether git would leave a file out of a commit.
func ignored(dir, name string) bool {
	err := git(dir, "check-ignore", "-q", "--", name)
	return err == nil || errors.Is(err, exec.ErrNotFound)
}

// git asks git about a repository, whose own settings are not trusted: those by
// which it could run a program are overruled.
func git(dir string, args ...string) error {
	program, err := exec.LookPath("git")
	if err != nil {
		return exec.ErrNotFound
	}
	ctx, cancel := context.WithTimeout(context.Background(), gitTimeout)
	defer cancel()
	settings := []string{"-C", dir, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "safe.directory=*"}
	cmd := exec.CommandContext(ctx, program, append(settings, args...)...)
	cmd.Env = []string{"GIT_OPTIONAL_LOCKS=0", "LC_ALL=C"}
	for _, name := range []string{"PATH", "HOME", "GIT_DIR", "GIT_WORK_TREE"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	return cmd.Run()
}

// inRepository looks for what makes a directory part of a repository.
func inRepository(dir string) bool {
	if os.Getenv("GIT_DIR") != "" {
		return true
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return true
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}

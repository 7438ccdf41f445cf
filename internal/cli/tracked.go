package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"agent-secrets/envfile"
)

// refuseTracked refuses a file that git tracks: its next commit would publish
// what is written there. The repository's own settings are not trusted, so
// those by which it could run a program are overruled.
func refuseTracked(dir, name string) error {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil // where there is no git, nothing is committed
	}
	cmd := exec.Command(git, "-C", dir, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
		"ls-files", "--error-unmatch", "--", name)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C"}
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return fmt.Errorf("%w: git tracks %s: git rm --cached it first", envfile.ErrRefusedFile, filepath.Join(dir, name))
	case errors.As(err, &exit):
		return nil // not tracked, or not in a repository
	}
	return fmt.Errorf("%w: %s cannot be run: %v", envfile.ErrRefusedFile, git, err)
}

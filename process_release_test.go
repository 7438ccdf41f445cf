package main_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestTwoBuildsAreTheSame builds the tree in two directories as make build does.
func TestTwoBuildsAreTheSame(t *testing.T) {
	t.Parallel()
	var sums [2][sha256.Size]byte
	for i, name := range []string{"here", "some/place/else"} {
		dir := filepath.Join(t.TempDir(), name)
		copySources(t, dir)
		cmd := exec.Command("make", "build", "VERSION=v1.2.3")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		program, err := os.ReadFile(filepath.Join(dir, "secrets"))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(program, []byte(dir)) {
			t.Errorf("the program names the directory in which it was built")
		}
		sums[i] = sha256.Sum256(program)
	}
	if sums[0] != sums[1] {
		t.Errorf("%x and %x", sums[0], sums[1])
	}
}

// copySources copies what the build reads.
func copySources(t *testing.T, to string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	script := `tar -cf - --exclude=.git --exclude='*_test.go' --exclude=node_modules --exclude=./secrets . | tar -xf - -C "$1"`
	if out, err := exec.Command("sh", "-c", script, "sh", to).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestTheDemoTellsItsWholeStory also sees that it leaves nothing behind.
func TestTheDemoTellsItsWholeStory(t *testing.T) {
	t.Parallel()
	s := bareSandbox(t)
	temp := t.TempDir()
	cmd := exec.Command("testdata/demo.sh", s.program)
	cmd.Env = append(os.Environ(), "HOME="+s.home, "TMPDIR="+temp)
	begun := time.Now()
	out, err := runWithin(t, cmd, 30*time.Second)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("it took %v", time.Since(begun).Round(time.Millisecond))
	for _, want := range []string{"[redacted:github_token]", "(status 124)", "(status 77)", "no leases", "verified: ", "no such file", "; secrets revoke --all"} {
		if !strings.Contains(strings.ToLower(out), strings.ToLower(want)) {
			t.Errorf("it does not show %q:\n%s", want, out)
		}
	}
	for _, dir := range []string{temp, s.home} {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("it left %v in %s, %v", left, dir, err)
		}
	}
}

// TestInstallVerifiesWhatItInstalls installs a release from a directory, and
// refuses it once a byte of it has changed.
func TestInstallVerifiesWhatItInstalls(t *testing.T) {
	t.Parallel()
	s := bareSandbox(t)
	release, to := t.TempDir(), filepath.Join(s.home, "bin")
	archive := fmt.Sprintf("secrets_1.2.3_%s_%s.tar.gz", runtime.GOOS, runtime.GOARCH)
	s.sh(t, `mkdir "$1/x" && cp "$2" "$1/x/secrets" && tar -czf "$1/$3" -C "$1/x" secrets && rm -r "$1/x" &&
		cd "$1" && : >secrets_1.2.3_plan9_mips.tar.gz && sha256sum *.tar.gz >checksums.txt`, release, s.program, archive)
	install := func(args ...string) (string, error) {
		cmd := exec.Command("./install.sh", args...)
		cmd.Env = []string{"HOME=" + s.home, "PATH=" + os.Getenv("PATH")}
		return runWithin(t, cmd, time.Minute)
	}
	if out, err := install("--from", release, "--to", to); err != nil || !strings.Contains(out, "installed") {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := exec.Command(filepath.Join(to, "secrets"), "version").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	s.sh(t, `rm "$2/secrets"; printf x >>"$1/$3"`, release, to, archive)
	out, err := install("--from", release, "--to", to)
	if err == nil || !strings.Contains(out, "checksum") {
		t.Errorf("what was changed was installed: %v\n%s", err, out)
	}
	if left, _ := os.ReadDir(to); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
	for _, args := range [][]string{{"--from", s.home}, {"--from", "http://localhost/x"}, {"--from"}, {"--nonsense"}} {
		if out, err := install(append(args, "--to", to)...); err == nil {
			t.Errorf("%v: %s", args, out)
		}
	}
}

func (s *sandbox) sh(t *testing.T, script string, args ...string) {
	t.Helper()
	if out, err := exec.Command("sh", append([]string{"-euc", script, "sh"}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestShellScriptsAreClean asks shellcheck.
func TestShellScriptsAreClean(t *testing.T) {
	t.Parallel()
	if !installed("shellcheck") {
		t.Skip("not installed: shellcheck")
	}
	cmd := exec.Command("shellcheck", "install.sh", ".ci/run", "testdata/demo.sh", "internal/cli/completion/secrets.bash")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

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

// TestTheActionRunsACommandWithSecrets runs the two scripts of the composite
// action as a runner would.
func TestTheActionRunsACommandWithSecrets(t *testing.T) {
	t.Parallel()
	action, err := os.ReadFile(".github/actions/secrets/action.yml")
	if err != nil {
		t.Fatal(err)
	}
	scripts := runBlocks(string(action))
	if len(scripts) != 2 {
		t.Fatalf("found %d scripts", len(scripts))
	}
	s := newSandbox(t)
	identity, err := os.ReadFile(filepath.Join(s.dir, "identity.age"))
	if err != nil {
		t.Fatal(err)
	}
	s.sh(t, `rm "$1/identity.age"; chmod 755 "$1"; chmod 644 "$1"/*; echo '{"secrets":[{"name":"one","env_var":"ONE"}]}' >"$2/.secrets.json"`, s.dir, s.home)
	release, runner := t.TempDir(), t.TempDir()
	s.sh(t, `tar -czf "$1/secrets_1.0.0_$4_$5.tar.gz" -C "$2" --transform 's/.*/secrets/' "$3" && cd "$1" && sha256sum *.tar.gz >checksums.txt`,
		release, filepath.Dir(s.program), filepath.Base(s.program), runtime.GOOS, runtime.GOARCH)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	run := func(script string, env ...string) string {
		cmd := exec.Command("bash", "-eo", "pipefail", "-c", script)
		cmd.Dir = s.home
		cmd.Env = append([]string{"HOME=" + s.home, "PATH=" + os.Getenv("PATH"), "RUNNER_TEMP=" + runner}, env...)
		out, err := runWithin(t, cmd, time.Minute)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return out
	}
	paths := filepath.Join(runner, "path")
	run(scripts[0], "FROM="+release, "GITHUB_PATH="+paths, "GITHUB_ACTION_PATH="+filepath.Join(here, ".github/actions/secrets"))
	added, err := os.ReadFile(paths)
	if err != nil {
		t.Fatal(err)
	}
	out := run(scripts[1], "PATH="+strings.TrimSpace(string(added))+":"+os.Getenv("PATH"), "SECRETS_IDENTITY="+string(identity), "SECRETS_HOME="+s.dir,
		"SECRETS_CLIENT_ID=github:owner/name:1", "TTL=30m", `RUN=echo "one is $ONE, the key is ${SECRETS_IDENTITY:-not here}"`)
	if !strings.Contains(out, "one is [redacted:one], the key is not here") {
		t.Error(out)
	}

	// What the README has for GitLab, on the same checkout.
	_, gitlab, found := strings.Cut(readme(t), "deploy:\n  script:\n")
	gitlab, _, ended := strings.Cut(gitlab, "```")
	if !found || !ended {
		t.Fatal("the README has nothing for GitLab")
	}
	s.sh(t, `printf '#!/bin/sh\necho "deployed with $ONE"\n' >"$1/deploy.sh"; chmod 755 "$1/deploy.sh"`, s.home)
	out = run(strings.ReplaceAll(gitlab, "    - ", ""), "PATH="+strings.TrimSpace(string(added))+":"+os.Getenv("PATH"),
		"SECRETS_IDENTITY="+string(identity), "CI_PROJECT_DIR="+s.home)
	if !strings.Contains(out, "deployed with [redacted:one]") {
		t.Error(out)
	}
}

// runBlocks returns the literal blocks after "run: |".
func runBlocks(yaml string) []string {
	var blocks []string
	for _, part := range strings.Split(yaml, "run: |\n")[1:] {
		var block strings.Builder
		for line := range strings.Lines(part) {
			if !strings.HasPrefix(line, "        ") {
				break
			}
			block.WriteString(strings.TrimPrefix(line, "        "))
		}
		blocks = append(blocks, block.String())
	}
	return blocks
}

// TestTextFitsARealTerminal shows what people read in a terminal of 80 columns,
// and looks at what the terminal shows: no line wraps, and there is colour.
func TestTextFitsARealTerminal(t *testing.T) {
	t.Parallel()
	if !installed("tmux") {
		t.Skip("not installed: tmux")
	}
	s := newSandbox(t)
	s.must("a value of something", "add", "deploy/production/a-key-with-a-long-name", "--rotate-every", "1ms")
	s.must("", "lease", "one", "--client-id", "claude-code@a-machine-with-a-rather-long-name", "--ttl", "20m")
	s.must("", "lease", "deploy/production/a-key-with-a-long-name")
	commands := "status, leases --all, list, audit, audit --verify, doctor, revoke --all --freeze, status, thaw --yes, watch, help, help exec"
	script := "export PS1=; cd; clear\n"
	for _, c := range strings.Split(commands, ", ") {
		script += "secrets " + c + "\n"
	}
	file, socket, done := filepath.Join(s.home, "script"), filepath.Join(t.TempDir(), "tmux"), filepath.Join(s.home, "done")
	if err := os.WriteFile(file, []byte(script+": >"+done+"\nsleep 60\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tmux := func(args ...string) string {
		cmd := exec.Command("tmux", append([]string{"-S", socket, "-f", "/dev/null"}, args...)...)
		cmd.Env = []string{"HOME=" + s.home, "PATH=" + s.programDir(t) + ":" + os.Getenv("PATH"), "USER=tester", "TERM=xterm-256color", "SECRETS_FORMAT=text", "LC_ALL=C.UTF-8"}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	tmux("new-session", "-d", "-x", "80", "-y", "24", "sh "+file)
	t.Cleanup(func() { tmux("kill-server") })
	eventually(t, "the commands are done", func() bool { return exists(done) })
	shown := tmux("capture-pane", "-p", "-e", "-S", "-2000")
	// -J joins what the terminal wrapped: nothing may change.
	joined := tmux("capture-pane", "-p", "-e", "-J", "-S", "-2000")
	for line := range strings.Lines(joined) {
		if !strings.Contains(shown, strings.TrimRight(line, " \n")) && !strings.Contains(line, "/") {
			t.Errorf("wrapped: %q", line)
		}
	}
	for _, want := range []string{"\x1b[32m", "██████████", "FROZEN", "overdue", "an unbroken chain", "SECRET"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the terminal does not show %q", want)
		}
	}
}

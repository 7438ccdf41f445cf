package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// interactive runs a shell on a terminal, types at it, and returns what it
// showed. The line that makes it complete goes first.
func (s *sandbox) interactive(t *testing.T, shell []string, lines ...string) string {
	t.Helper()
	if !installed(shell[0]) || !installed("script") {
		t.Skipf("not installed: %s, or script of util-linux", shell[0])
	}
	cmd := exec.Command("script", "-qec", strings.Join(shell, " "), "/dev/null")
	s.prepare(cmd, strings.Join(lines, "\n")+"\nexit\n", nil, nil)
	bin := s.programDir(t)
	cmd.Env = append(cmd.Env, "PATH="+bin+":"+os.Getenv("PATH"), "TERM=dumb", "PS1=> ", "HISTFILE=")
	out, err := runWithin(t, cmd, 30*time.Second)
	if err != nil {
		t.Logf("%s: %v", shell[0], err)
	}
	return out
}

// programDir is a directory with the program under its own name.
func (s *sandbox) programDir(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	if err := os.Symlink(s.program, filepath.Join(bin, "secrets")); err != nil {
		t.Fatal(err)
	}
	return bin
}

func runWithin(t *testing.T, cmd *exec.Cmd, limit time.Duration) (string, error) {
	t.Helper()
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	return out.String(), err
}

// TestShellsComplete types tabs at real shells: what they completed runs, and
// what looks like a command in a word does not.
func TestShellsComplete(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ shell, begin []string }{
		"bash": {[]string{"bash", "--norc", "--noprofile", "-i"}, []string{"source <(secrets completion bash)"}},
		"zsh":  {[]string{"zsh", "-f", "-i"}, []string{"autoload -Uz compinit && compinit -u -d $HOME/zcompdump", "source <(secrets completion zsh)"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t)
			s.must("another value", "add", "deploy/key")
			before := s.audited()
			lines := append(test.begin,
				"secrets lease on\t",               // lease one
				"secrets rem\tdep\t--y\t",          // remove deploy/key --yes
				"secrets env --form\tsyst\t",       // a flag's value
				"secrets lease '$(touch pwned)\t'", // evaluates nothing
				"echo finished")
			out := s.interactive(t, test.shell, lines...)
			if !strings.Contains(out, theValue) {
				t.Errorf("lease was not completed:\n%s", out)
			}
			if !strings.Contains(out, `"command": "secrets remove"`) || !strings.Contains(out, `"name": "deploy/key"`) {
				t.Errorf("remove was not completed:\n%s", out)
			}
			if !strings.Contains(out, "there is no .secrets.json") || !strings.Contains(out, "finished") {
				t.Errorf("the flag was not completed:\n%s", out)
			}
			if _, err := os.Stat(filepath.Join(s.home, "pwned")); err == nil {
				t.Error("a word was evaluated")
			}
			if n := s.audited(); n <= before {
				t.Errorf("%d lines of the log, and %d before", n, before)
			}
		})
	}
}

// TestFishCompletes asks fish's own engine.
func TestFishCompletes(t *testing.T) {
	t.Parallel()
	if !installed("fish") {
		t.Skip("not installed: fish")
	}
	s := newSandbox(t)
	before := s.audited()
	for typed, want := range map[string]string{
		"secrets lea":              "lease\tprint the value of a secret, on a lease\nleases\tlist the leases in force\n",
		"secrets lease o":          "one\tsecret\n",
		"secrets lease --ttl 1":    "15m\n1d\n1h\n",
		"secrets lease '$(touch p": "",
		"secrets exec --env A=o":   "A=one\tsecret\n",
		"secrets --di":             "--dir\tuse the state directory PATH\n",
	} {
		cmd := exec.Command("fish", "--no-config", "-c", "secrets completion fish | source; complete -C $argv[1]", typed)
		s.prepare(cmd, "", nil, nil)
		cmd.Env = append(cmd.Env, "PATH="+s.programDir(t)+":"+os.Getenv("PATH"))
		out, err := runWithin(t, cmd, 30*time.Second)
		if err != nil || out != want {
			t.Errorf("%s: %v\n%q, want\n%q", typed, err, out, want)
		}
	}
	if n := s.audited(); n != before {
		t.Errorf("completing wrote to the log: %d lines, %d before", n, before)
	}
	if _, err := os.Stat(filepath.Join(s.home, "p")); err == nil {
		t.Error("a word was evaluated")
	}
}

// audited is how many lines the log has.
func (s *sandbox) audited() int {
	log, err := os.ReadFile(filepath.Join(s.dir, "audit.jsonl"))
	if err != nil {
		s.t.Error(err)
	}
	return strings.Count(string(log), "\n")
}

package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryExampleOfTheReadme runs the console blocks of README.md in order, in
// one shell and an empty home, and compares what they print. A line "…" stands
// for any lines, and a "…" within a line for any text.
func TestEveryExampleOfTheReadme(t *testing.T) {
	steps := consoleSteps(readme(t))
	if len(steps) < 10 {
		t.Fatalf("found %d examples only", len(steps))
	}
	checkSteps(t, "README.md", steps, runInShell(t, steps))
}

// checkSteps compares what commands printed with what a file says of them.
func checkSteps(t *testing.T, file string, steps []consoleStep, outputs []string) {
	t.Helper()
	for i, step := range steps {
		if strings.HasPrefix(step.command, "age ") && !installed("age") {
			t.Logf("skipped, because Debian package age is missing: %s", step.command)
			continue
		}
		if !pattern(step.want).MatchString(strings.TrimRight(outputs[i], "\n") + "\n") {
			t.Errorf("$ %s\nprinted\n%s\n%s says\n%s", step.command, outputs[i], file, step.want)
		}
	}
}

func TestTheReadmeStartsWithCommandsOfTheMakefile(t *testing.T) {
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(fenced(readme(t), "sh")[0]), "\n")
	for _, line := range lines {
		target, ok := strings.CutPrefix(line, "make ")
		if !ok || !bytes.Contains(makefile, []byte("\n"+target+":")) {
			t.Errorf("%q is not a target of the Makefile", line)
		}
	}
}

func TestTheSettingsOfTheReadmeAreAccepted(t *testing.T) {
	config := ""
	for _, block := range fenced(readme(t), "json") {
		if !json.Valid([]byte(block)) {
			t.Errorf("not JSON: %s", block)
		}
		if strings.Contains(block, "default_lease_ttl") {
			config = block
		}
	}
	script := "secrets init >/dev/null 2>&1\ncat >\"$HOME/.agent-secrets/config.json\"\nsecrets status"
	if out, err := shell(t, script, strings.NewReader(config)).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

type consoleStep struct{ command, want string }

func consoleSteps(readme string) []consoleStep {
	var steps []consoleStep
	for _, block := range fenced(readme, "console") {
		for _, line := range strings.Split(strings.TrimSuffix(block, "\n"), "\n") {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				steps = append(steps, consoleStep{command: command})
			} else if more, ok := strings.CutPrefix(line, "> "); ok {
				steps[len(steps)-1].command += "\n" + more
			} else {
				steps[len(steps)-1].want += line + "\n"
			}
		}
	}
	return steps
}

// runInShell runs the commands one after the other and returns what each
// printed on both streams.
func runInShell(t *testing.T, steps []consoleStep) []string {
	t.Helper()
	const separator = "---- next ----"
	var script strings.Builder
	for _, step := range steps {
		fmt.Fprintf(&script, "%s\necho\necho '%s'\n", step.command, separator)
	}
	out, err := shell(t, script.String(), nil).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	outputs := strings.Split(string(out), "\n"+separator+"\n")
	return outputs[:len(steps)]
}

// shell runs script with the built command first on PATH.
func shell(t *testing.T, script string, stdin *strings.Reader) *exec.Cmd {
	t.Helper()
	home := t.TempDir()
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = home
	cmd.Env = []string{"HOME=" + home, "USER=me", "TOKEN=ghp_example", "PATH=" + commandDir(t) + ":" + os.Getenv("PATH")}
	if stdin != nil {
		cmd.Stdin = stdin
	}
	return cmd
}

// commandDir is a directory that holds the built command under its name.
func commandDir(t *testing.T) string {
	t.Helper()
	program, err := builtProgram()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(program, filepath.Join(dir, "secrets")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func pattern(want string) *regexp.Regexp {
	var re strings.Builder
	re.WriteString(`(?s)\A`)
	for line := range strings.Lines(want) {
		if strings.TrimSpace(line) == "…" {
			re.WriteString(`(?:.*\n)?`)
			continue
		}
		re.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", `[^\n]*`))
	}
	re.WriteString(`\s*\z`)
	return regexp.MustCompile(re.String())
}

// fenced returns the code blocks of a language.
func fenced(readme, language string) []string {
	var blocks []string
	for _, part := range strings.Split(readme, "\n```"+language+"\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		blocks = append(blocks, block)
	}
	return blocks
}

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"agent-secrets/skills"
)

const (
	skillFile   = "skills/" + skills.Name + "/SKILL.md"
	skillCopy   = "plugins/claude/skills/" + skills.Name + "/SKILL.md"
	skillLength = 200 // lines: an agent reads all of them
)

// TestEveryExampleOfTheSkill runs the console blocks of the skill in order, as
// an agent would whose user has put two secrets into the store.
func TestEveryExampleOfTheSkill(t *testing.T) {
	before := consoleStep{command: "{ secrets init && printf %s \"$TOKEN\" | secrets add github_token && echo key-example | secrets add deploy/key; } >/dev/null 2>&1"}
	steps := append([]consoleStep{before}, consoleSteps(skills.SecretManagement())...)
	if len(steps) < 12 {
		t.Fatalf("found %d examples only", len(steps))
	}
	checkSteps(t, skillFile, steps, runInShell(t, steps))
}

// TestTheSkillNamesCommandsThatExist looks at the commands within sentences and
// tables, which nobody runs.
func TestTheSkillNamesCommandsThatExist(t *testing.T) {
	usage := commandUsages(t)
	spans := regexp.MustCompile("`[^`\n]*`").FindAllString(outsideOfBlocks(skills.SecretManagement()), -1)
	seen := 0
	for _, span := range spans {
		words := strings.Fields(strings.Trim(span, "`"))
		if len(words) < 2 || words[0] != "secrets" {
			continue
		}
		seen++
		if usage[words[1]] == "" {
			t.Errorf("%s: there is no such command", span)
		}
		for _, word := range words[2:] {
			if strings.HasPrefix(word, "--") && word != "--" && !strings.Contains(usage[words[1]], "["+word) {
				t.Errorf("%s: there is no flag %s", span, word)
			}
		}
	}
	if seen < 10 {
		t.Errorf("found %d commands only", seen)
	}
}

func commandUsages(t *testing.T) map[string]string {
	t.Helper()
	out, err := shell(t, "secrets", nil).Output()
	if err != nil {
		t.Fatal(err)
	}
	var tree struct {
		Result struct {
			Commands []struct{ Name, Usage string }
		}
	}
	if err := json.Unmarshal(out, &tree); err != nil {
		t.Fatal(err)
	}
	usage := map[string]string{}
	for _, c := range tree.Result.Commands {
		usage[c.Name] = c.Usage
	}
	return usage
}

func outsideOfBlocks(text string) string {
	parts := strings.Split(text, "\n```")
	var b strings.Builder
	for i := 0; i < len(parts); i += 2 {
		b.WriteString(parts[i])
	}
	return b.String()
}

// TestTheSkillKeepsToTheFormat checks what the format's own validator does, and
// that no value needs more of YAML than one plain line.
func TestTheSkillKeepsToTheFormat(t *testing.T) {
	text := skills.SecretManagement()
	head, body, ok := strings.Cut(strings.TrimPrefix(text, "---\n"), "\n---\n")
	if !ok || !strings.HasPrefix(text, "---\n") || strings.TrimSpace(body) == "" {
		t.Fatal("there is no front matter, or nothing after it")
	}
	if lines := strings.Count(text, "\n"); lines > skillLength {
		t.Errorf("%d lines, want at most %d", lines, skillLength)
	}
	longest := map[string]int{"name": 64, "description": 1024, "license": 100, "compatibility": 500}
	values := map[string]string{}
	for _, line := range strings.Split(head, "\n") {
		key, value, _ := strings.Cut(line, ": ")
		values[key] = value
		if longest[key] == 0 || value == "" || len(value) > longest[key] {
			t.Errorf("%s: an unknown key, or %d characters", key, len(value))
		}
		if strings.Contains(value, ": ") || strings.Contains(value, " #") || strings.ContainsAny(value[:1], "\"'[{>|&*!%@`#") {
			t.Errorf("%s: not one plain line of YAML", key)
		}
	}
	if values["name"] != skills.Name || !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(skills.Name) {
		t.Errorf("the name is %q", values["name"])
	}
	if values["description"] == "" || !strings.Contains(values["description"], "Use it ") {
		t.Error("the description does not say what and when")
	}
}

// TestThePluginHasTheSkill guards the copy: what a plugin links to outside of
// itself is missing where it is installed.
func TestThePluginHasTheSkill(t *testing.T) {
	text, err := os.ReadFile(skillCopy)
	if err != nil || string(text) != skills.SecretManagement() {
		t.Errorf("%v, or not the same: cp %s %s", err, skillFile, skillCopy)
	}
	if info, err := os.Lstat(filepath.FromSlash(skillCopy)); err != nil || !info.Mode().IsRegular() {
		t.Errorf("%s is not a regular file", skillCopy)
	}
}

package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestEveryCommandLineOfTheReadmeParses reads the blocks that are not run: every
// call of secrets in them is one that the command line knows.
func TestEveryCommandLineOfTheReadmeParses(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(&invocation{env: &Env{}})
	call, calls := regexp.MustCompile(`(?:^|[ (])secrets ([a-z-].*)`), 0
	for _, block := range regexp.MustCompile("(?s)\n```(sh|yaml|crontab)\n(.*?)\n```").FindAllStringSubmatch(string(text), -1) {
		for _, line := range strings.Split(block[2], "\n") {
			found := call.FindStringSubmatch(line)
			if found == nil {
				continue
			}
			calls++
			call, _, _ := strings.Cut(found[1], `)"`)
			p, err := parseArgs(app, strings.Fields(call))
			if err != nil || p.command == nil {
				t.Errorf("%q: %v", line, err)
			}
		}
	}
	if calls < 8 {
		t.Errorf("found %d calls only", calls)
	}
}

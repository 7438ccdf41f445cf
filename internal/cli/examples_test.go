package cli

import (
	"os/exec"
	"strings"
	"testing"
)

// TestEveryCommandHasExamplesThatParse reads the part of each example that calls
// secrets as a shell splits it.
func TestEveryCommandHasExamplesThatParse(t *testing.T) {
	t.Parallel()
	app := newApp(&invocation{env: &Env{}})
	for _, c := range app.Commands {
		if c.Hidden {
			continue
		}
		shown := examples(c.Name)
		if len(shown) == 0 {
			t.Errorf("%s has no example", c.Name)
		}
		for _, line := range shown {
			_, call, found := strings.Cut(line, "secrets ")
			if !found {
				t.Fatalf("%s: %q does not call secrets", c.Name, line)
			}
			call, _, _ = strings.Cut(call, ")")
			out, err := exec.Command("sh", "-c", `printf '%s\n' `+call).Output()
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			p, err := parseArgs(app, strings.Split(strings.TrimSuffix(string(out), "\n"), "\n"))
			if err != nil || p.command == nil || p.command.Name != c.Name {
				t.Errorf("%s: %q: %v", c.Name, line, err)
			}
		}
	}
}

func TestTheManualPageIsCleanRoff(t *testing.T) {
	t.Parallel()
	page := manPage(newApp(&invocation{env: &Env{}}))
	for _, want := range []string{".SH EXIT STATUS", `\fB\-\-ttl DURATION\fR`, ".SS secrets exec", `\fB124\fR`, "SECRETS_IDENTITY"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Skip("not installed: mandoc")
	}
	cmd := exec.Command("mandoc", "-T", "lint", "-W", "warning")
	cmd.Stdin = strings.NewReader(page)
	out, _ := cmd.CombinedOutput() // the status says only that there is something
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "missing date") { // it would differ from build to build
			t.Error(line)
		}
	}
}

package cli

import (
	"errors"
	"strings"
	"testing"
)

func TestWhoAsksIsTheAgentElseTheUser(t *testing.T) {
	type vars = map[string]string
	for _, c := range []struct {
		vars vars
		want string
	}{
		{vars{}, "ada@here"},
		{vars{"USER": "", "LOGNAME": "bob"}, "bob@here"},
		{vars{"CLAUDECODE": "1"}, "claude-code@here"},
		{vars{"CLAUDECODE": "0"}, "ada@here"},
		{vars{"CLAUDECODE": "false"}, "ada@here"},
		{vars{"CLAUDECODE": " "}, "ada@here"},
		{vars{"CLAUDECODE": "1", "AI_AGENT": "claude-code_2-1-197_agent"}, "claude-code@here"},
		{vars{"CLAUDECODE": "1", "AGENT": "amp"}, "amp@here"},
		{vars{"AGENT": "x"}, "ada@here"},
		{vars{"CODEX_THREAD_ID": "0199-ab"}, "codex@here"},
		{vars{"CODEX_SANDBOX": "seatbelt"}, "codex@here"},
		{vars{"CURSOR_AGENT": "1"}, "cursor@here"},
		{vars{"GEMINI_CLI": "1"}, "gemini-cli@here"},
		{vars{"OPENCODE": "1"}, "opencode@here"},
		{vars{"COPILOT_CLI": "1"}, "copilot-cli@here"},
		{vars{"AUGMENT_AGENT": "1"}, "augment@here"},
		{vars{"ANTIGRAVITY_AGENT": "1"}, "antigravity@here"},
		{vars{"OPENCLAW_SHELL": "exec"}, "openclaw@here"},
		{vars{"OPENCLAW_SHELL": "tui-local"}, "ada@here"},
		{vars{"AI_AGENT": "goose"}, "goose@here"},
		{vars{"AI_AGENT": "evil\nname"}, "ada@here"},
		{vars{"AI_AGENT": "caf\u00e9"}, "ada@here"},
		{vars{"AI_AGENT": strings.Repeat("a", 128)}, "ada@here"},
		{vars{"SECRETS_CLIENT_ID": "me", "CLAUDECODE": "1"}, "me"},
	} {
		inv := &invocation{env: &Env{
			Hostname: func() (string, error) { return "here", nil },
			Getenv: func(name string) string {
				if value, ok := c.vars[name]; ok || name != "USER" {
					return value
				}
				return "ada"
			},
		}}
		if got, err := inv.clientID(""); err != nil || got != c.want {
			t.Errorf("%v: %q, %v; want %q", c.vars, got, err, c.want)
		}
		if got, err := inv.clientID("given"); err != nil || got != "given" {
			t.Errorf("%v: %q, %v; want what was given", c.vars, got, err)
		}
	}
}

func TestWhoAsksOnAHostWithoutAName(t *testing.T) {
	inv := &invocation{env: &Env{
		Hostname: func() (string, error) { return "", errors.New("none") },
		Getenv:   func(name string) string { return map[string]string{"USER": "ada", "OPENCODE": "1"}[name] },
	}}
	if got, err := inv.clientID(""); err != nil || got != "opencode@localhost" {
		t.Errorf("got %q, %v", got, err)
	}
}

package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const pluginDir = "plugins/claude"

// pluginHooks are the shell commands of the plugin's hooks by their event.
func pluginHooks(t *testing.T) map[string]string {
	t.Helper()
	var file struct {
		Description string
		Hooks       map[string][]struct {
			Matcher string
			Hooks   []struct {
				Type, Command string
				Timeout       int
			}
		}
	}
	readJSONFile(t, pluginDir+"/hooks/hooks.json", &file)
	commands := map[string]string{}
	for event, groups := range file.Hooks {
		if len(groups) != 1 || len(groups[0].Hooks) != 1 || groups[0].Hooks[0].Type != "command" {
			t.Fatalf("%s: want one command", event)
		}
		commands[event] = groups[0].Hooks[0].Command
	}
	if len(commands) != 3 {
		t.Fatalf("hooks for %d events, want 3", len(commands))
	}
	return commands
}

func readJSONFile(t *testing.T, path string, to any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		dec := json.NewDecoder(strings.NewReader(string(data)))
		dec.DisallowUnknownFields()
		err = dec.Decode(to)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// TestAHookThatCannotWorkIsInNobodysWay runs the hooks as Claude Code does. An
// exit status of 2 would stop the tool, and so must never be theirs.
func TestAHookThatCannotWorkIsInNobodysWay(t *testing.T) {
	older := t.TempDir()
	script := "#!/bin/sh\necho '{\"ok\": false}'\nexit 2\n"
	if err := os.WriteFile(filepath.Join(older, "secrets"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	const event = `{"session_id":"a","tool_name":"Bash","tool_input":{"command":"cat .env"}}`
	for name, command := range pluginHooks(t) {
		for what, c := range map[string]struct {
			path, event string
			want        int
		}{
			"without secrets":          {t.TempDir(), event, 0},
			"with one without hooks":   {older, event, 1},
			"with a broken event":      {commandDir(t), "{", 1},
			"with everything in place": {commandDir(t), event, 0},
		} {
			cmd := exec.Command("/bin/sh", "-c", command)
			cmd.Env = []string{"PATH=" + c.path, "HOME=" + t.TempDir()}
			cmd.Stdin = strings.NewReader(c.event)
			out, err := cmd.Output()
			if got := cmd.ProcessState.ExitCode(); got != c.want {
				t.Errorf("%s %s: exit status %d, want %d: %v", name, what, got, c.want, err)
			}
			denied := strings.Contains(string(out), `"permissionDecision": "deny"`)
			if want := name == "PreToolUse" && what == "with everything in place"; denied != want {
				t.Errorf("%s %s: denied is %v, want %v", name, what, denied, want)
			}
		}
	}
}

func TestTheManifestsOfThePluginAgree(t *testing.T) {
	var plugin struct {
		Name, Description, License string
		Author                     struct{ Name string }
		Keywords                   []string
	}
	readJSONFile(t, pluginDir+"/.claude-plugin/plugin.json", &plugin)
	var market struct {
		Name, Description string
		Owner             struct{ Name string }
		Plugins           []struct{ Name, Source, Description string }
	}
	readJSONFile(t, "plugins/.claude-plugin/marketplace.json", &market)
	if len(market.Plugins) != 1 || market.Plugins[0].Name != plugin.Name || filepath.Join("plugins", market.Plugins[0].Source) != pluginDir {
		t.Errorf("the marketplace offers %+v, and the plugin is %s in %s", market.Plugins, plugin.Name, pluginDir)
	}
	var servers struct {
		Servers map[string]struct {
			Type, Command string
			Args          []string
		} `json:"mcpServers"`
	}
	readJSONFile(t, pluginDir+"/.mcp.json", &servers)
	if s := servers.Servers["secrets"]; s.Command != "secrets" || !slices.Equal(s.Args, []string{"mcp"}) {
		t.Errorf("the server is started by %s %q", s.Command, s.Args)
	}
}

// TestThePluginInClaudeCode runs the real Claude Code, if SECRETS_CLAUDE names
// its program, against a model that does as it is told here. See make
// plugin-claude.
func TestThePluginInClaudeCode(t *testing.T) {
	claude := os.Getenv("SECRETS_CLAUDE")
	if claude == "" {
		t.Skip("SECRETS_CLAUDE does not name Claude Code's program")
	}
	for _, dir := range []string{pluginDir, "plugins"} {
		if out, err := exec.Command(claude, "plugin", "validate", dir).CombinedOutput(); err != nil {
			t.Errorf("validate %s: %v\n%s", dir, err, out)
		}
	}
	plugin, err := filepath.Abs(pluginDir)
	if err != nil {
		t.Fatal(err)
	}
	model := &scriptedModel{calls: []toolCall{
		{"Bash", map[string]string{"command": "cat .env"}},
		{"Read", map[string]string{"file_path": "$PROJECT/.env"}},
		{"Bash", map[string]string{"command": "env | head"}},
		{"Bash", map[string]string{"command": "cat .env.example; secrets exec --env T=gh -- sh -c 'echo got $T'"}},
		{"Bash", map[string]string{"command": "secrets lease gh >leased; env -u SECRETS_CLIENT_ID secrets lease gh >>leased; secrets leases"}},
	}}
	server := httptest.NewServer(model)
	defer server.Close()
	script := `cd "$HOME" && secrets init >/dev/null 2>&1 && printf hunter2-plugin | secrets add gh >/dev/null && mkdir project && cd project &&
		echo TOKEN=hunter2-file >.env && echo TOKEN= >.env.example &&
		ANTHROPIC_API_KEY=none ANTHROPIC_BASE_URL=` + server.URL + ` CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 timeout 120 \
		` + shellWord(claude) + ` -p hello --plugin-dir ` + shellWord(plugin) + ` --allowedTools Bash Read >claude.out 2>&1 </dev/null || cat claude.out
		cat leased; echo; secrets leases --all`
	cmd := shell(t, script, nil)
	model.project = filepath.Join(cmd.Dir, "project")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	results := model.seen()
	want := []string{"secrets exec -- <cmd>", "secrets exec -- <cmd>", "printenv NAME", "TOKEN=\ngot [redacted:gh]", `"client_id": "claude-code@`}
	if len(results) != len(want) {
		t.Fatalf("the model was given %d results, want %d: %q\n%s", len(results), len(want), results, out)
	}
	for i, part := range want {
		if !strings.Contains(results[i], part) || strings.Contains(results[i], "hunter2") {
			t.Errorf("%s %v gave %s", model.calls[i].name, model.calls[i].input, results[i])
		}
	}
	if !strings.Contains(results[4], `"client_id": "claude-code:`) {
		t.Errorf("the commands do not ask in the session's name: %s", results[4])
	}
	// The session's lease ended with it; the one that was not in its name goes on.
	text := string(out)
	if strings.Count(text, `"state": "revoked"`) != 1 || strings.Count(text, `"state": "active"`) != 1 || !strings.HasPrefix(text, "hunter2-pluginhunter2-plugin\n") {
		t.Errorf("after the session:\n%s", text)
	}
}

func shellWord(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

type toolCall struct {
	name  string
	input map[string]string
}

// scriptedModel speaks as much of the Messages API as Claude Code needs to call
// one tool after the other.
type scriptedModel struct {
	calls   []toolCall
	project string

	mu      sync.Mutex
	results []string
}

func (m *scriptedModel) seen() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.results
}

func (m *scriptedModel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Tools    []struct{ Name string }
		Messages []struct {
			Role    string
			Content json.RawMessage
		}
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &request)
	}
	if err != nil || !strings.HasSuffix(r.URL.Path, "/messages") {
		http.Error(w, "{}", http.StatusNotFound)
		return
	}
	var results []string
	for _, message := range request.Messages {
		var blocks []struct {
			Type    string
			Content json.RawMessage
		}
		if json.Unmarshal(message.Content, &blocks) != nil {
			continue // a text
		}
		for _, block := range blocks {
			if block.Type == "tool_result" {
				results = append(results, textOf(block.Content))
			}
		}
	}
	m.mu.Lock()
	if len(results) > len(m.results) {
		m.results = results
	}
	m.mu.Unlock()
	w.Header().Set("Content-Type", "text/event-stream")
	if len(request.Tools) > 0 && len(results) < len(m.calls) {
		m.callTool(w, len(results))
		return
	}
	say(w, map[string]any{"type": "text", "text": ""}, map[string]any{"type": "text_delta", "text": "done"}, "end_turn")
}

// textOf is a string, or a list of blocks of text.
func textOf(content json.RawMessage) string {
	var text string
	if err := json.Unmarshal(content, &text); err == nil {
		return text
	}
	var blocks []struct{ Text string }
	if err := json.Unmarshal(content, &blocks); err != nil {
		return string(content)
	}
	for _, b := range blocks {
		text += b.Text
	}
	return text
}

func (m *scriptedModel) callTool(w io.Writer, n int) {
	input := map[string]string{}
	for key, value := range m.calls[n].input {
		input[key] = strings.ReplaceAll(value, "$PROJECT", m.project)
	}
	text, err := json.Marshal(input)
	if err != nil {
		panic(err)
	}
	say(w, map[string]any{"type": "tool_use", "id": fmt.Sprintf("toolu_%d", n), "name": m.calls[n].name, "input": map[string]any{}},
		map[string]any{"type": "input_json_delta", "partial_json": string(text)}, "tool_use")
}

// say streams a message of one block.
func say(w io.Writer, block, delta map[string]any, stop string) {
	usage := map[string]any{"input_tokens": 1, "output_tokens": 1}
	for _, event := range []map[string]any{
		{"type": "message_start", "message": map[string]any{
			"id": "msg_1", "type": "message", "role": "assistant", "model": "scripted", "content": []any{}, "stop_reason": nil, "stop_sequence": nil, "usage": usage}},
		{"type": "content_block_start", "index": 0, "content_block": block},
		{"type": "content_block_delta", "index": 0, "delta": delta},
		{"type": "content_block_stop", "index": 0},
		{"type": "message_delta", "delta": map[string]any{"stop_reason": stop, "stop_sequence": nil}, "usage": usage},
		{"type": "message_stop"},
	} {
		data, err := json.Marshal(event)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event["type"], data)
	}
}

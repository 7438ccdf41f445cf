package main_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// agent is a client of the real server.
type agent struct {
	t       *testing.T
	cmd     *exec.Cmd
	session *sdk.ClientSession

	mu         sync.Mutex
	transcript bytes.Buffer // every message, and what the server said on standard error
}

// Write takes what goes over the wire and what the server says on its standard
// error, at the same time.
func (a *agent) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.transcript.Write(p)
}

func (a *agent) seen() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.transcript.String()
}

// newAgent has a server that does not run yet.
func (s *sandbox) newAgent(t *testing.T, flags ...string) *agent {
	a := &agent{t: t, cmd: exec.Command(s.program, append([]string{"mcp"}, flags...)...)}
	a.cmd.Dir, a.cmd.Stderr = s.home, a
	a.cmd.Env = []string{"HOME=" + s.home, "PATH=" + os.Getenv("PATH"), "USER=tester", "SECRETS_FORMAT=text"}
	return a
}

// agent starts secrets mcp and is its client, as the SDK does it.
func (s *sandbox) agent(t *testing.T, flags ...string) *agent {
	t.Helper()
	a := s.newAgent(t, flags...)
	a.connect(&sdk.CommandTransport{Command: a.cmd})
	return a
}

// agentOnPipes is an agent that can go away in the middle of a call, which the
// SDK's would wait for: by closing its end of the server's standard input.
func (s *sandbox) agentOnPipes(t *testing.T) (a *agent, stdin io.Closer) {
	t.Helper()
	a = s.newAgent(t)
	to, err := a.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	from, err := a.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.cmd.Wait() }) // however it ended
	a.connect(&sdk.IOTransport{Reader: from, Writer: to})
	return a, to
}

func (a *agent) connect(transport sdk.Transport) {
	a.t.Helper()
	client := sdk.NewClient(&sdk.Implementation{Name: "Test Client", Version: "1"}, nil)
	var err error
	a.session, err = client.Connect(a.t.Context(), &sdk.LoggingTransport{Transport: transport, Writer: a}, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = a.session.Close() }) // it may have ended
}

// toolAnswer is what a tool answered: result, or code.
type toolAnswer struct {
	Name   string
	Text   string
	Failed bool
	result map[string]any
	code   string
}

func (a *agent) call(tool string, arguments any) toolAnswer {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), slow)
	defer cancel()
	r, err := a.session.CallTool(ctx, &sdk.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		a.t.Errorf("%s: %v", tool, err)
		return toolAnswer{Name: tool}
	}
	got := toolAnswer{Name: tool, Text: r.Content[0].(*sdk.TextContent).Text, Failed: r.IsError}
	return got.read(a.t)
}

func (got toolAnswer) read(t *testing.T) toolAnswer {
	t.Helper()
	var document struct{ Error struct{ Code string } }
	if err := json.Unmarshal([]byte(got.Text), &document); err != nil {
		t.Errorf("%s: %v: %s", got.Name, err, got.Text)
	}
	got.code = document.Error.Code
	if err := json.Unmarshal([]byte(got.Text), &got.result); err != nil {
		t.Errorf("%s: %v", got.Name, err)
	}
	if got.Failed != (got.code != "") {
		t.Errorf("%s: whether it failed is not clear: %s", got.Name, got.Text)
	}
	return got
}

type mcpCall struct {
	Name      string         `json:"name"`
	Arguments map[string]any `json:"arguments"`
	code      string         // of the failure that is expected
	path      string         // in the result: "key", or "key.#" for a length
	want      string
}

// everyTool calls each tool, in an order in which they have something to do.
func everyTool() []mcpCall {
	object := func(pairs ...any) map[string]any {
		o := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			o[pairs[i].(string)] = pairs[i+1]
		}
		return o
	}
	echo := []string{"sh", "-c", `echo "$V"; echo "$SECRETS_CLIENT_ID" >&2; exit 3`}
	return []mcpCall{
		{"secrets_status", object(), "", "secrets_count", "1"},
		{"secrets_list", object(), "", "count", "1"},
		{"secrets_add", object("name", "two", "value", "made by a model\n"), "", "name", "two"},
		{"secrets_add", object("name", "two", "value", "again"), "secret_exists", "", ""},
		{"secrets_add", object("name", "two", "value", "again and again", "force", true), "", "name", "two"},
		{"secrets_run", object("argv", echo, "secrets", object("V", "one")), "", "stdout", "[redacted:one]\n"},
		{"secrets_run", object("argv", echo, "secrets", object("V", "one")), "", "exit_code", "3"},
		{"secrets_run", object("argv", []string{"pwd"}, "dir", "/", "secrets", object("V", "one")), "", "stdout", "/\n"},
		{"secrets_run", object("argv", echo, "secrets", object("V", "two"), "ttl", "1m", "timeout", "1m"), "", "stdout", "[redacted:two]\n"},
		{"secrets_run", object("argv", []string{"cat"}, "secrets", object("V", "one")), "", "stdout", ""},
		{"secrets_run", object("argv", echo), "usage", "", ""}, // there is no .secrets.json
		{"secrets_run", object("argv", echo, "secrets", object("V", "nope")), "secret_not_found", "", ""},
		{"secrets_run", object("argv", echo, "secrets", object("PATH", "one")), "usage", "", ""},
		{"secrets_run", object("argv", echo, "secrets", object("V", "one"), "ttl", "99d"), "ttl_exceeds_max", "", ""},
		{"secrets_run", object("argv", []string{"no-such-command"}, "secrets", object("V", "one")), "command_not_found", "", ""},
		{"secrets_run", object("argv", []string{"sleep", "60"}, "secrets", object("V", "one"), "timeout", "100ms"), "timeout", "", ""},
		{"secrets_lease", object("name", "one", "ttl", "5m"), "", "value", theValue},
		{"secrets_lease", object("name", "nope"), "secret_not_found", "", ""},
		{"secrets_audit", object("tail", 1, "action", "lease.grant"), "", "count", "1"},
		{"secrets_audit", object("since", "never"), "usage", "", ""},
		{"secrets_revoke", object("lease_ids", []string{"--all"}), "lease_not_found", "", ""},
		{"secrets_revoke", object("secret", "one"), "", "count", "1"},
		{"secrets_revoke", object("client_id", "mcp:nobody"), "", "count", "0"},
		{"secrets_killswitch", object("freeze", true), "", "count", "0"},
		{"secrets_run", object("argv", echo, "secrets", object("V", "one")), "frozen", "", ""},
	}
}

// judge compares the answers with what they should be.
func judge(t *testing.T, calls []mcpCall, answers []toolAnswer) {
	t.Helper()
	if len(answers) != len(calls) {
		t.Fatalf("%d answers to %d calls", len(answers), len(calls))
	}
	for i, c := range calls {
		if got := answers[i]; got.code != c.code || c.code == "" && c.path != "" && fmt.Sprint(got.result[c.path]) != c.want {
			t.Errorf("%s %v: %s, want %s%s %q", c.Name, c.Arguments, got.Text, c.code, c.path, c.want)
		}
	}
}

// judgeLog wants the log to say who it was, and that a model has seen the value.
func (s *sandbox) judgeLog(client string) {
	s.t.Helper()
	s.verify()
	var r struct {
		Events []struct{ Event, Via, Client_ID string }
	}
	s.result(&r, "audit", "--tail", "0", "--client-id", client)
	via := map[string]int{}
	for _, e := range r.Events {
		if e.Event == "lease.grant" {
			via[e.Via]++
		}
	}
	if via["mcp"] != 1 || via["exec"] != 6 || len(via) != 2 {
		s.t.Errorf("granted to %s: %v", client, via)
	}
	if left := s.leases(); len(left) > 0 {
		s.t.Errorf("still in force: %v", left)
	}
}

func TestAClientOfTheSDKCallsEveryTool(t *testing.T) {
	s := newSandbox(t)
	a := s.agent(t, "--allow", "values,add", "--allow=killswitch")
	var names []string
	for tool, err := range a.session.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, tool.Name)
	}
	calls := everyTool()
	answers := make([]toolAnswer, len(calls))
	for i, c := range calls {
		answers[i] = a.call(c.Name, c.Arguments)
		names = slices.DeleteFunc(names, func(name string) bool { return name == c.Name })
	}
	if len(names) > 0 {
		t.Errorf("not called: %v", names)
	}
	judge(t, calls, answers)
	if err := a.session.Close(); err != nil || a.cmd.ProcessState.ExitCode() != 0 {
		t.Errorf("the server ended with %v: %v", a.cmd.ProcessState, err)
	}
	s.judgeLog("mcp:Test-Client")
}

// The client of another implementation checks every result against its output
// schema, too.
func TestAClientOfAnotherImplementationCallsEveryTool(t *testing.T) {
	modules := ""
	for _, dir := range filepath.SplitList(os.Getenv("NODE_PATH")) {
		if _, err := os.Stat(filepath.Join(dir, "@modelcontextprotocol", "sdk", "package.json")); err == nil {
			modules = dir
		}
	}
	if modules == "" || !installed("node") {
		t.Skip("npm package @modelcontextprotocol/sdk: set NODE_PATH to a node_modules directory that has it, and install node")
	}
	s := newSandbox(t)
	calls := everyTool()
	input, err := json.Marshal(calls)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), slow)
	defer cancel()
	script, err := filepath.Abs("testdata/mcp-client.js")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "node", script, s.program, "mcp", "--allow", "values,add,killswitch")
	cmd.Dir, cmd.Stdin = s.home, bytes.NewReader(input)
	cmd.Env = []string{"HOME=" + s.home, "PATH=" + os.Getenv("PATH"), "NODE_PATH=" + modules}
	output, err := cmd.Output()
	var got struct {
		Tools   []string
		Answers []toolAnswer
	}
	if err == nil {
		err = json.Unmarshal(output, &got)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	for _, c := range calls {
		if !slices.Contains(got.Tools, c.Name) {
			t.Errorf("%s is not listed", c.Name)
		}
	}
	for i := range got.Answers {
		got.Answers[i] = got.Answers[i].read(t)
	}
	judge(t, calls, got.Answers)
	s.judgeLog("mcp:another-client")
}

// secretForms are value and what redaction has to find as well.
func secretForms(value string) []string {
	forms := []string{value, hex.EncodeToString([]byte(value)), strings.ToUpper(hex.EncodeToString([]byte(value)))}
	for line := range strings.Lines(value) {
		if line = strings.TrimSuffix(line, "\n"); len(line) >= 8 {
			forms = append(forms, line)
		}
	}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			text := enc.EncodeToString([]byte("xx"[:before] + value))
			forms = append(forms, text[(before*8+5)/6:len(text)-1]) // the ends depend on the neighbours
		}
	}
	return forms
}

func TestNoValueReachesTheModel(t *testing.T) {
	s := newSandbox(t)
	values := map[string]string{
		"one": theValue, "pem": "-----BEGIN KEY-----\nMIIBVgIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n",
		"json": `quo"te\back/slash<tag>&`, "old": "the value of before",
	}
	for name, value := range values {
		if name != "one" {
			s.must(value, "add", name, "--keep-newline")
		}
	}
	values["new"] = "the value of after"
	s.must(values["new"], "update", "old")
	s.must("", "update", "one", "--rotate-via", "echo hook-printed-this-value; echo hook-printed-this-value >&2; false")
	values["hook"] = "hook-printed-this-value"

	a := s.agent(t)
	vars := map[string]string{"ONE": "one", "PEM": "pem", "JSON": "json", "OLD": "old"}
	for _, script := range []string{
		`env; env >&2`,
		`for v in "$ONE" "$PEM" "$JSON" "$OLD"; do printf %s "$v"; printf %s "$v" | base64 -w0; printf x%s "$v" | base64 -w0; printf xx%s "$v" | base64 -w0; printf %s "$v" | od -An -tx1 -v | tr -d ' \n'; done`,
		`head -c 100000 /dev/zero | tr '\0' x; echo "$ONE$PEM"; head -c 100000 /dev/zero | tr '\0' x; echo "$ONE" >&2; exit 1`,
		`yes "$ONE" | head -c 300000; yes "$PEM" | head -c 300000 >&2`, // cut somewhere in a value
		`echo "$ONE" >&2; echo "$ONE"; kill -9 $$`,
		`exec "$ONE"`,
	} {
		a.call("secrets_run", map[string]any{"argv": []string{"sh", "-c", script}, "secrets": vars})
	}
	a.call("secrets_run", map[string]any{"argv": []string{"sh", "-c", `echo "$ONE"; sleep 60`}, "secrets": vars, "timeout": "300ms"})
	a.call("secrets_run", map[string]any{"argv": []string{"sh", "-c", `echo "$ONE"; sleep 60`}, "secrets": vars, "ttl": "1s"})
	s.must("", "freeze")
	a.call("secrets_run", map[string]any{"argv": []string{"env"}, "secrets": vars})
	s.must("", "thaw", "--yes")
	for _, tool := range []string{"secrets_list", "secrets_status", "secrets_audit", "secrets_revoke"} {
		a.call(tool, map[string]any{})
	}
	a.call("secrets_audit", map[string]any{"tail": 500})
	a.call("secrets_revoke", map[string]any{"secret": "one"})
	for tool, err := range a.session.Tools(t.Context(), nil) {
		if err != nil || tool.Name == "secrets_lease" {
			t.Errorf("%s: %v", tool.Name, err)
		}
	}
	if err := a.session.Close(); err != nil {
		t.Error(err)
	}

	places := map[string]string{"the transcript": a.seen(), "the log": s.content("audit.jsonl"), "the ledger": s.content("leases.jsonl")}
	if n := strings.Count(places["the transcript"], "[redacted:one]"); n < 10 {
		t.Errorf("%d redacted values only: the test looks in the wrong place", n)
	}
	for place, text := range places {
		for name, value := range values {
			for _, form := range secretForms(value) {
				quoted, _ := json.Marshal(form) // a string always can be
				if strings.Contains(text, form) || strings.Contains(text, strings.Trim(string(quoted), `"`)) {
					t.Errorf("%s holds the value of %s as %q", place, name, form)
				}
			}
		}
	}
}

// Where it is allowed, the value comes through, and the check above would see it.
func TestAValueThatIsAllowedIsOnRecord(t *testing.T) {
	s := newSandbox(t)
	a := s.agent(t, "--allow", "values")
	got := a.call("secrets_lease", map[string]any{"name": "one"})
	if got.result["value"] != theValue || !strings.Contains(a.seen(), theValue) {
		t.Errorf("%s", got.Text)
	}
	revoked := a.call("secrets_revoke", map[string]any{"lease_ids": []any{got.result["lease_id"]}})
	if !strings.Contains(revoked.Text, "shown to a model") {
		t.Errorf("the revocation does not say what it cannot reach: %s", revoked.Text)
	}
	if strings.Contains(s.content("audit.jsonl"), theValue) {
		t.Error("the log holds the value")
	}
}

// runsTree starts a tree by secrets_run and waits until it has grown.
func (s *sandbox) runsTree(a *agent, ctx context.Context) (tr *tree, answer chan error) {
	s.t.Helper()
	tr = &tree{mark: newMark()}
	ready := filepath.Join(s.home, tr.mark)
	answer = make(chan error, 1)
	go func() {
		r, err := a.session.CallTool(ctx, &sdk.CallToolParams{Name: "secrets_run", Arguments: map[string]any{
			"argv": []string{"sh", "-c", growing(tr.mark, ": >"+ready)}, "secrets": map[string]string{"ONE": "one"},
		}})
		if err == nil && !strings.Contains(r.Content[0].(*sdk.TextContent).Text, "lease_ended") {
			err = fmt.Errorf("the call ended with %s", r.Content[0].(*sdk.TextContent).Text)
		}
		answer <- err
	}()
	eventually(s.t, "the tree grows", func() bool {
		_, err := os.Stat(ready)
		return err == nil
	})
	return tr, answer
}

// Whatever ends a call ends its command, with all that this has started, and the
// leases.
func TestTheEndOfACallIsTheEndOfItsTree(t *testing.T) {
	if !installed("setsid") {
		t.Skip("setsid is not installed: Debian package util-linux")
	}
	for name, end := range map[string]func(a *agent, stdin io.Closer, cancel func()){
		"the client goes":       func(_ *agent, stdin io.Closer, _ func()) { _ = stdin.Close() },
		"the call is cancelled": func(_ *agent, _ io.Closer, cancel func()) { cancel() },
		"the server is told":    func(a *agent, _ io.Closer, _ func()) { _ = a.cmd.Process.Signal(syscall.SIGTERM) },
		"the server is killed":  func(a *agent, _ io.Closer, _ func()) { _ = a.cmd.Process.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSandbox(t)
			a, stdin := s.agentOnPipes(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			tr, answer := s.runsTree(a, ctx)
			if len(s.leases()) != 1 || len(tr.sleepers()) < 4 {
				t.Fatalf("%v, %v", s.leases(), tr.sleepers())
			}
			begun := time.Now()
			end(a, stdin, cancel)
			eventually(t, "the tree ends", func() bool { return len(tr.sleepers()) == 0 })
			eventually(t, "the leases end", func() bool { return len(s.leases()) == 0 })
			if took := time.Since(begun); took > within {
				t.Errorf("it took %v", took)
			}
			<-answer
			eventually(t, "the log says that it ended", func() bool {
				return strings.Contains(s.must("", "audit", "--action", "exec.exit"), `"status": 124`)
			})
			s.verify()
			if name == "the client goes" || name == "the server is told" {
				_ = a.cmd.Wait() // the status tells
				if status := a.cmd.ProcessState.ExitCode(); status != 0 {
					t.Errorf("the server ended with %d: %s", status, a.seen())
				}
			}
		})
	}
}

// As with exec, what a command leaves behind is left alone. It must not keep the
// call, by none of the pipes.
func TestWhatACommandLeavesBehindDoesNotKeepTheCall(t *testing.T) {
	s := newSandbox(t)
	a := s.agent(t)
	mark := newMark()
	begun := time.Now()
	got := a.call("secrets_run", map[string]any{
		"argv":    []string{"sh", "-c", "sleep " + mark + " >/dev/null 2>&1 & sleep " + mark + " & echo done"},
		"secrets": map[string]string{"ONE": "one"},
	})
	if fmt.Sprint(got.result["stdout"]) != "done\n" || time.Since(begun) > slow/2 {
		t.Errorf("after %v: %s", time.Since(begun), got.Text)
	}
	if left := s.leases(); len(left) > 0 {
		t.Errorf("still in force: %v", left)
	}
	for _, path := range (&tree{mark: mark}).sleepers() {
		var pid int
		if _, err := fmt.Sscanf(path, "/proc/%d/", &pid); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it has done its part
		}
	}
}

func TestAKillswitchByAToolEndsTheRunsOfAll(t *testing.T) {
	s := newSandbox(t)
	one, two := s.agent(t), s.agent(t, "--allow", "killswitch")
	tr, first := s.runsTree(one, t.Context())
	_, second := s.runsTree(two, t.Context())
	if got := two.call("secrets_killswitch", nil); fmt.Sprint(got.result["count"]) != "2" {
		t.Errorf("%s", got.Text)
	}
	for _, answer := range []chan error{first, second} {
		if err := <-answer; err != nil {
			t.Error(err)
		}
	}
	if left := tr.sleepers(); len(left) > 0 {
		t.Errorf("still running: %v", left)
	}
	if got := one.call("secrets_status", nil); got.Failed {
		t.Errorf("the server does not live: %s", got.Text)
	}
}

func TestWhatAChildPrintsCostsNoMemory(t *testing.T) {
	s := newSandbox(t)
	a := s.agent(t)
	size := rounds(200<<20, 1<<30)
	got := a.call("secrets_run", map[string]any{
		"argv":    []string{"sh", "-c", fmt.Sprintf(`head -c %d /dev/zero; echo "$ONE"`, size)},
		"secrets": map[string]string{"ONE": "one"},
	})
	text := fmt.Sprint(got.result["stdout"])
	if !strings.HasSuffix(text, "\x00[redacted:one]\n") || len(text) > 70<<10 || got.result["stdout_omitted_bytes"].(float64) < float64(size)-70e3 {
		t.Errorf("%d bytes are left of the output", len(text))
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.cmd.Process.Pid))
	if err != nil {
		t.Skip("there is no /proc")
	}
	var peak int
	for line := range strings.Lines(string(status)) {
		_, _ = fmt.Sscanf(line, "VmHWM: %d kB", &peak) // of one line it is
	}
	if peak == 0 || peak > 64<<10 {
		t.Errorf("the server took %d KiB at its peak", peak)
	}
}

package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"agent-secrets/internal/mcp"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

type runAnswer struct {
	ExitCode int      `json:"exit_code"`
	Stdout   string   `json:"stdout"`
	Stderr   string   `json:"stderr"`
	Omitted  int64    `json:"stdout_omitted_bytes"`
	Notes    []string `json:"notes"`
}

func run(t *testing.T, f *fake, arguments map[string]any) *sdk.CallToolResult {
	t.Helper()
	session := serve(t, f.server(mcp.Allow{})).connect("x", "")
	return call(t, session, "secrets_run", with(arguments, "argv", []string{"cmd"}))
}

func answerOf(t *testing.T, result *sdk.CallToolResult) runAnswer {
	t.Helper()
	var a runAnswer
	if result.IsError {
		t.Errorf("the tool failed: %s", textOf(t, result))
	} else if err := json.Unmarshal([]byte(textOf(t, result)), &a); err != nil {
		t.Error(err)
	}
	return a
}

const execFailed = `{"ok":false,"success":false,"command":"secrets exec","error":{"message":"no","code":"secret_not_found"},"fix":"secrets list","next_actions":[]}` + "\n"

func printing(exit int, stdout, stderr, notes string) func(context.Context, mcp.Streams) (int, error) {
	return func(_ context.Context, s mcp.Streams) (int, error) {
		_, err := io.WriteString(s.Stdout, stdout)
		_, err2 := io.WriteString(s.Stderr, stderr)
		_, err3 := io.WriteString(s.Notes, notes)
		return exit, errors.Join(err, err2, err3)
	}
}

// Neither a status nor an output of the command's makes a failure of ours.
func TestHowACommandEndsIsAResult(t *testing.T) {
	for _, exit := range []int{0, 1, 2, 66, 124, 125, 126, 127, 137} {
		got := answerOf(t, run(t, &fake{exec: printing(exit, "out\xff", execFailed, "secrets: one\nsecrets: two\n")}, nil))
		want := runAnswer{ExitCode: exit, Stdout: "out\uFFFD", Stderr: execFailed, Notes: []string{"one", "two"}}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAFailureOfExecIsAFailureOfTheTool(t *testing.T) {
	got := faultOf(t, run(t, &fake{exec: printing(125, "", "", "secrets: a note\n"+execFailed)}, nil))
	if got.Error.Code != "secret_not_found" || got.Fix != "secrets list" || got.Result != nil {
		t.Errorf("%+v", got)
	}
	got = faultOf(t, run(t, &fake{exec: printing(124, "so far", "", execFailed)}, nil))
	var so runAnswer
	if err := json.Unmarshal(got.Result, &so); err != nil || so.Stdout != "so far" {
		t.Errorf("what it had printed is lost: %+v, %v", got, err)
	}
	got = faultOf(t, run(t, &fake{exec: func(context.Context, mcp.Streams) (int, error) { return 0, errors.New("no process") }}, nil))
	if got.Error.Code != "internal" || got.Error.Message != "no process" {
		t.Errorf("%+v", got)
	}
}

// untilTold is a command that runs until it is stopped, and says what exec says
// then.
func untilTold(started, ended chan<- struct{}) func(context.Context, mcp.Streams) (int, error) {
	return func(ctx context.Context, s mcp.Streams) (int, error) {
		_, _ = io.WriteString(s.Stdout, "begun")
		close(started)
		<-ctx.Done()
		_, _ = io.WriteString(s.Notes, strings.Replace(execFailed, "secret_not_found", "lease_ended", 1))
		close(ended)
		return 124, nil
	}
}

func TestATimeoutStopsTheCommand(t *testing.T) {
	started, ended := make(chan struct{}), make(chan struct{})
	got := faultOf(t, run(t, &fake{exec: untilTold(started, ended)}, map[string]any{"timeout": "1ms"}))
	if <-ended; got.Error.Code != "timeout" || !strings.Contains(string(got.Result), "begun") {
		t.Errorf("%+v", got)
	}
}

func TestACommandThatEndsWithItsTimeoutHasEnded(t *testing.T) {
	f := &fake{exec: func(ctx context.Context, s mcp.Streams) (int, error) { <-ctx.Done(); return 3, nil }}
	if got := answerOf(t, run(t, f, map[string]any{"timeout": "1ms"})); got.ExitCode != 3 {
		t.Errorf("%+v", got)
	}
}

func TestACancelledCallStopsItsCommandAlone(t *testing.T) {
	started, ended := make(chan struct{}), make(chan struct{})
	f := &fake{exec: untilTold(started, ended)}
	for _, protocol := range []string{"2025-06-18", ""} {
		started, ended = make(chan struct{}), make(chan struct{})
		f.exec = untilTold(started, ended)
		session := serve(t, f.server(mcp.Allow{})).connect("x", protocol)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-started; cancel() }()
		if _, err := session.CallTool(ctx, &sdk.CallToolParams{Name: "secrets_run", Arguments: map[string]any{"argv": []string{"cmd"}}}); err == nil {
			t.Error("a cancelled call has a result")
		}
		<-ended
		call(t, session, "secrets_list", nil) // it lives
	}
}

// When Serve returns, nothing runs any more, whatever ended it.
func TestTheServersEndIsTheEndOfWhatItRuns(t *testing.T) {
	for name, end := range map[string]func(*served){
		"the client closes":   func(s *served) { _ = s.in.Close() },
		"the server is told":  func(s *served) { s.stop() },
		"the client is gone":  func(s *served) { _ = s.out.Close(); _ = s.in.Close() },
		"nobody reads":        func(s *served) { _ = s.out.Close(); _, _ = io.WriteString(s.in, "no message\n"); _ = s.in.Close() },
		"the input is broken": func(s *served) { _ = s.in.CloseWithError(errors.New("broken")) },
	} {
		t.Run(name, func(t *testing.T) {
			started, ended := make(chan struct{}), make(chan struct{})
			s := serve(t, (&fake{exec: untilTold(started, ended)}).server(mcp.Allow{}))
			l := byHand(s)
			l.initialize("x", "2025-11-25")
			l.say(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"secrets_run","arguments":{"argv":["cmd"]}}}`)
			<-started
			end(s)
			if name == "the client closes" {
				if got := l.hear(); !got.Result.IsError || !strings.Contains(got.Result.Content[0].Text, "cancelled") {
					t.Errorf("%+v", got)
				}
			} else {
				go func() { _, _ = io.Copy(io.Discard, s.out) }()
			}
			err := s.ended()
			select {
			case <-ended:
			default:
				t.Error("the command still runs")
			}
			if clean := !strings.Contains(name, "gone") && name != "nobody reads"; clean != (err == nil) {
				t.Errorf("the server ended with %v", err)
			}
		})
	}
}

func TestRunsDoNotWaitForEachOther(t *testing.T) {
	both := make(chan struct{}, 2)
	release := make(chan struct{})
	f := &fake{exec: func(ctx context.Context, _ mcp.Streams) (int, error) { both <- struct{}{}; <-release; return 0, nil }}
	l := byHand(serve(t, f.server(mcp.Allow{})))
	l.initialize("x", "2025-06-18")
	for id := range 2 {
		l.say(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"secrets_run","arguments":{"argv":["cmd"]}}}`, id))
	}
	<-both
	<-both
	l.say(`{"jsonrpc":"2.0","id":"list","method":"tools/call","params":{"name":"secrets_list"}}`)
	if got := l.hear(); got.ID != "list" {
		t.Errorf("%v is answered first", got.ID)
	}
	close(release)
	l.hear()
	l.hear()
}

package mcp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"agent-secrets/internal/mcp"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// everything allows all tools.
func everything() mcp.Allow { return mcp.Allow{Values: true, Add: true, Killswitch: true} }

// called is what a tool made of its arguments.
type called struct {
	client, dir string
	args        []string
	stdin       string
}

// fake stands for the commands. It notes each call and answers what it is told to.
type fake struct {
	mu       sync.Mutex
	calls    []called
	document string                                                             // of Call; "" is a success
	exec     func(ctx context.Context, streams mcp.Streams) (exit int, _ error) // nil: ends with 0
}

func (f *fake) note(c called) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, c)
}

func (f *fake) seen() []called {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func (f *fake) server(allow mcp.Allow) mcp.Server {
	return mcp.Server{
		Version: "test", Allow: allow,
		Call: func(client string, args []string, stdin []byte) ([]byte, error) {
			f.note(called{client: client, args: args, stdin: string(stdin)})
			if f.document == "" {
				return []byte(`{"ok":true,"success":true,"command":"secrets x","result":{"count":7},"next_actions":[{"command":"secrets lease gh","description":"x"}]}`), nil
			}
			return []byte(f.document), nil
		},
		Exec: func(ctx context.Context, client, dir string, args []string, streams mcp.Streams) (int, error) {
			f.note(called{client: client, dir: dir, args: args})
			if f.exec == nil {
				return 0, nil
			}
			return f.exec(ctx, streams)
		},
	}
}

// served is a server that runs on two pipes.
type served struct {
	t    *testing.T
	in   *io.PipeWriter
	out  *io.PipeReader
	done chan error
	stop context.CancelFunc
}

func serve(t *testing.T, server mcp.Server) *served {
	t.Helper()
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	s := &served{t: t, in: toServer, out: fromServer, done: make(chan error, 1), stop: stop}
	go func() {
		s.done <- server.Serve(ctx, in, out)
		_ = out.Close() // so that a test which reads on sees the end
	}()
	t.Cleanup(func() {
		stop()
		_ = toServer.Close()
		_ = fromServer.Close()
	})
	return s
}

// connect makes the SDK's client the one of the server.
func (s *served) connect(name, protocol string) *sdk.ClientSession {
	s.t.Helper()
	client := sdk.NewClient(&sdk.Implementation{Name: name, Version: "1"}, nil)
	session, err := client.Connect(s.t.Context(), &sdk.IOTransport{Reader: s.out, Writer: s.in}, &sdk.ClientSessionOptions{ProtocolVersion: protocol})
	if err != nil {
		s.t.Fatal(err)
	}
	return session
}

// ended waits for the server's end.
func (s *served) ended() error {
	s.t.Helper()
	select {
	case err := <-s.done:
		return err
	case <-time.After(10 * time.Second):
		s.t.Fatal("the server does not end")
		return nil
	}
}

// lines is a client that speaks the protocol by hand.
type lines struct {
	*served
	from *bufio.Scanner
}

func byHand(s *served) *lines {
	from := bufio.NewScanner(s.out)
	from.Buffer(nil, 16<<20)
	return &lines{s, from}
}

func (l *lines) say(text string) {
	l.t.Helper()
	if _, err := io.WriteString(l.in, text+"\n"); err != nil {
		l.t.Fatal(err)
	}
}

// reply is a response, as far as a test looks at one.
type reply struct {
	ID     any `json:"id"`
	Result struct {
		ProtocolVersion string          `json:"protocolVersion"`
		IsError         bool            `json:"isError"`
		Structured      json.RawMessage `json:"structuredContent"`
		Content         []struct{ Text string }
	}
	Error *struct {
		Code    int
		Message string
	}
}

func (l *lines) hear() reply {
	l.t.Helper()
	var r reply
	late := time.AfterFunc(10*time.Second, func() { _ = l.out.CloseWithError(errors.New("nothing came")) })
	defer late.Stop()
	if !l.from.Scan() {
		l.t.Fatalf("no answer: %v", l.from.Err())
	}
	if err := json.Unmarshal(l.from.Bytes(), &r); err != nil {
		l.t.Fatalf("%v: %s", err, l.from.Text())
	}
	return r
}

func (l *lines) initialize(name, protocol string) reply {
	l.t.Helper()
	l.say(`{"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":"` + protocol + `","capabilities":{},"clientInfo":{"name":"` + name + `","version":"1"}}}`)
	r := l.hear()
	l.say(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	return r
}

func call(t *testing.T, session *sdk.ClientSession, tool string, arguments any) *sdk.CallToolResult {
	t.Helper()
	result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	return result
}

func textOf(t *testing.T, result *sdk.CallToolResult) string {
	t.Helper()
	var all strings.Builder
	for _, c := range result.Content {
		all.WriteString(c.(*sdk.TextContent).Text)
	}
	return all.String()
}

// fault reads the answer of a tool that failed.
type fault struct {
	Error  struct{ Code, Message string }
	Fix    string
	Result json.RawMessage
}

func faultOf(t *testing.T, result *sdk.CallToolResult) fault {
	t.Helper()
	var f fault
	if !result.IsError || result.StructuredContent != nil {
		t.Errorf("not the answer of a tool that failed: %s", textOf(t, result))
	}
	if err := json.Unmarshal([]byte(textOf(t, result)), &f); err != nil {
		t.Errorf("%v: %s", err, textOf(t, result))
	}
	return f
}

package mcp_test

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"agent-secrets/internal/mcp"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

const ping = `{"jsonrpc":"2.0","id":"ping","method":"ping"}`

func TestALineThatIsNoMessageIsAnsweredAndTheServerLives(t *testing.T) {
	l := byHand(serve(t, (&fake{}).server(mcp.Allow{})))
	l.initialize("x", "2025-06-18")
	for _, c := range []struct {
		line string
		code int
		id   any
	}{
		{`{bad`, -32700, nil},
		{`}`, -32700, nil},
		{"\x00\x01", -32700, nil},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", -32700, nil},
		{ping + ping, -32700, nil},
		{ping + `,`, -32700, nil},
		{`42`, -32600, nil},
		{`null`, -32600, nil},
		{`"text"`, -32600, nil},
		{`[]`, -32600, nil},
		{`[` + ping + `]`, -32600, nil},
		{`{}`, -32600, nil},
		{`{"id":7}`, -32600, 7.0},
		{`{"jsonrpc":"2.0","id":"x"}`, -32600, "x"},
		{`{"jsonrpc":"1.0","id":"x","method":"ping"}`, -32600, "x"},
		{`{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}`, -32600, nil},
		{strings.Repeat(" ", 9<<20), -32600, nil},
		{`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"` + strings.Repeat("x", 9<<20) + `"}}`, -32600, nil},
		{strings.Repeat("[", 1<<20), -32700, nil},
		{`{"jsonrpc":"2.0","id":3,"method":"no/such"}`, -32601, 3.0},
		{`{"jsonrpc":"2.0","id":4,"method":""}`, -32601, 4.0},
		{`{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"no_such"}}`, -32602, 5.0},
	} {
		l.say(c.line)
		shown := c.line[:min(len(c.line), 60)]
		if got := l.hear(); got.Error == nil || got.Error.Code != c.code || got.ID != c.id {
			t.Errorf("%q: %+v, want code %d and id %v", shown, got, c.code, c.id)
		}
		l.say("")
		l.say(" \r")
		l.say(ping + "\r")
		if got := l.hear(); got.ID != "ping" || got.Error != nil {
			t.Fatalf("%q: then a ping is answered with %+v", shown, got)
		}
	}
}

// Messages of the right form with the wrong content end no session either.
func TestParametersThatAreWrongAreAnsweredAndTheServerLives(t *testing.T) {
	l := byHand(serve(t, (&fake{}).server(mcp.Allow{})))
	l.initialize("x", "2025-06-18")
	for _, params := range []string{
		`[]`, `"x"`, `null`, `{}`, `{"name":7}`, `{"name":"secrets_list","arguments":7}`, `{"name":"secrets_list","arguments":[]}`,
		`{"name":"secrets_list","arguments":"{}"}`, `{"name":"secrets_run","arguments":{"argv":{"0":"ls"}}}`, `{"name":"secrets_list","_meta":7}`,
		`{"name":"secrets_list","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":"x"}}`,
	} {
		l.say(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + params + `}`)
		if got := l.hear(); got.ID != 1.0 || got.Error == nil && !got.Result.IsError {
			t.Errorf("%s: %+v", params, got)
		}
		l.say(ping)
		if got := l.hear(); got.ID != "ping" || got.Error != nil {
			t.Fatalf("%s: then a ping is answered with %+v", params, got)
		}
	}
}

func TestWhatWasAskedBeforeTheEndIsAnswered(t *testing.T) {
	l := byHand(serve(t, (&fake{}).server(mcp.Allow{})))
	go func() {
		l.say(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`)
		for id := range 50 {
			l.say(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"secrets_list"}}`, id+1))
		}
		_, _ = io.WriteString(l.in, `{"jsonrpc":"2.0","id":51,"method":"ping"}`) // the last line has no end
		_ = l.in.Close()
	}()
	answered := map[any]bool{}
	for range 52 {
		r := l.hear()
		answered[r.ID] = true
		if r.Error != nil || r.Result.IsError {
			t.Errorf("%+v", r)
		}
	}
	if err := l.ended(); err != nil || len(answered) != 52 {
		t.Errorf("%d answers, then %v", len(answered), err)
	}
}

// A subscription is a request that lasts as long as the client does. It must not
// keep the server.
func TestASubscriptionDoesNotKeepTheServer(t *testing.T) {
	l := byHand(serve(t, (&fake{}).server(mcp.Allow{})))
	l.say(`{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},` + meta("x") + `}}`)
	if got := l.hear(); got.Error != nil || got.ID != nil {
		t.Fatalf("the subscription is not taken: %+v", got)
	}
	_ = l.in.Close()
	go func() { _, _ = io.Copy(io.Discard, l.out) }()
	if err := l.ended(); err != nil {
		t.Error(err)
	}
}

func meta(client string) string {
	name, _ := json.Marshal(client) // a string always can be
	return `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},` +
		`"io.modelcontextprotocol/clientInfo":{"name":` + string(name) + `,"version":"1"}}`
}

func TestEveryProtocolVersionWorks(t *testing.T) {
	for _, protocol := range sdk.SupportedProtocolVersions() {
		f := &fake{}
		session := serve(t, f.server(mcp.Allow{})).connect("any client", protocol)
		if got := session.InitializeResult().ProtocolVersion; got != protocol {
			t.Errorf("asked for %s, got %s", protocol, got)
		}
		if !strings.Contains(session.InitializeResult().Instructions, "secrets_run") {
			t.Errorf("%s: no instructions", protocol)
		}
		if call(t, session, "secrets_list", nil).IsError {
			t.Errorf("%s: the tool failed", protocol)
		}
		if got := f.seen(); len(got) != 1 || got[0].client != "mcp:any-client" {
			t.Errorf("%s: %v", protocol, got)
		}
	}
}

func TestTheHandshakeByHand(t *testing.T) {
	for asked, want := range map[string]string{
		"2024-11-05": "2024-11-05", "2025-03-26": "2025-03-26", "2025-06-18": "2025-06-18", "2025-11-25": "2025-11-25",
		"1999-01-01": "2025-11-25", "2026-07-28": "2025-11-25", // that one has no handshake
	} {
		l := byHand(serve(t, (&fake{}).server(mcp.Allow{})))
		if got := l.initialize("x", asked).Result.ProtocolVersion; got != want {
			t.Errorf("asked for %s, got %s, want %s", asked, got, want)
		}
	}
}

// Without a handshake, each request says who asks, or does not.
func TestEachRequestMayHaveAClientOfItsOwn(t *testing.T) {
	f := &fake{}
	l := byHand(serve(t, f.server(mcp.Allow{})))
	for _, m := range []string{meta("one"), meta("two"), strings.Replace(meta("x"), "clientInfo", "noInfo", 1)} {
		l.say(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"secrets_status",` + m + `}}`)
		if got := l.hear(); got.Error != nil || got.Result.IsError {
			t.Errorf("%+v", got)
		}
	}
	var clients []string
	for _, c := range f.seen() {
		clients = append(clients, c.client)
	}
	if fmt.Sprint(clients[:2]) != "[mcp:one mcp:two]" || len(clients) != 3 {
		t.Errorf("%v", clients)
	}
}

func TestNothingIsAnsweredBeforeTheHandshake(t *testing.T) {
	f := &fake{}
	l := byHand(serve(t, f.server(everything())))
	l.say(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"secrets_killswitch"}}`)
	if got := l.hear(); got.Error == nil || len(f.seen()) > 0 {
		t.Errorf("%+v, %v", got, f.seen())
	}
}

// Whatever a line is, the server goes on.
func FuzzLine(f *testing.F) {
	for _, line := range []string{
		`{bad`, `[]`, `{}`, ping, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2026-07-28"}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"secrets_run","arguments":{"argv":["x"]},` + meta("x") + `}}`,
		`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{}}}`,
		`{"jsonrpc":"2.0","method":"notifications/initialized","params":7}`, `{"jsonrpc":"2.0","id":1,"result":{}}`,
		`{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{` + meta("x") + `}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x",` + meta("x") + `}}`,
		`{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{},` + meta("x") + `}}`,
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l := byHand(serve(t, (&fake{}).server(everything())))
		heard := make(chan bool)
		go func() {
			for l.from.Scan() {
				if strings.Contains(l.from.Text(), `"id":"the last"`) {
					heard <- true
				}
			}
			close(heard)
		}()
		l.say(strings.ReplaceAll(text, "the last", ""))
		l.say(`{"jsonrpc":"2.0","id":"the last","method":"tools/call","params":{"name":"secrets_list",` + meta("x") + `}}`)
		if !<-heard {
			t.Errorf("after %q there is no answer", text)
		}
		_ = l.in.Close()
		for range heard {
		}
		if err := l.ended(); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}

package mcp_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"agent-secrets/internal/mcp"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

func TestTheToolsAreTheseAndNoOthers(t *testing.T) {
	always := []string{"secrets_audit", "secrets_list", "secrets_revoke", "secrets_run", "secrets_status"}
	for _, c := range []struct {
		allow mcp.Allow
		more  []string
	}{
		{mcp.Allow{}, nil},
		{mcp.Allow{Values: true}, []string{"secrets_lease"}},
		{mcp.Allow{Add: true}, []string{"secrets_add"}},
		{mcp.Allow{Killswitch: true}, []string{"secrets_killswitch"}},
		{everything(), []string{"secrets_add", "secrets_killswitch", "secrets_lease"}},
	} {
		session := serve(t, (&fake{}).server(c.allow)).connect("pin", "")
		var got []string
		for tool, err := range session.Tools(t.Context(), nil) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, tool.Name)
		}
		want := slices.Sorted(slices.Values(slices.Concat(always, c.more)))
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%+v: the tools are %v, want %v", c.allow, got, want)
		}
		for _, name := range []string{"secrets_lease", "secrets_add", "secrets_killswitch"} {
			if _, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: name}); (err != nil) == slices.Contains(want, name) {
				t.Errorf("%+v: calling %s: %v", c.allow, name, err)
			}
		}
	}
}

func TestAnnotationsSayWhatAToolDoes(t *testing.T) {
	// read-only, destructive, idempotent, open world
	want := map[string]string{
		"secrets_list": "true false true false", "secrets_status": "true false true false", "secrets_audit": "true false true false",
		"secrets_run": "false true false true", "secrets_revoke": "false true true false", "secrets_lease": "false false false false",
		"secrets_add": "false true false false", "secrets_killswitch": "false true true true",
	}
	session := serve(t, (&fake{}).server(everything())).connect("annotations", "")
	for tool, err := range session.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		a := tool.Annotations
		if got := fmt.Sprint(a.ReadOnlyHint, *a.DestructiveHint, a.IdempotentHint, *a.OpenWorldHint); got != want[tool.Name] {
			t.Errorf("%s: %s, want %s", tool.Name, got, want[tool.Name])
		}
		if tool.Title == "" || tool.Description == "" || tool.OutputSchema == nil {
			t.Errorf("%s has no title, description or output schema", tool.Name)
		}
		eachProperty(tool.InputSchema, func(path string, schema map[string]any) {
			if schema["description"] == nil {
				t.Errorf("%s: its argument %s has no description", tool.Name, path)
			}
		})
	}
}

func eachProperty(schema any, visit func(path string, schema map[string]any)) {
	properties, _ := schema.(map[string]any)["properties"].(map[string]any)
	for name, property := range properties {
		visit(name, property.(map[string]any))
	}
}

// What the schema offers is taken, and what it requires is required: the two are
// written in different places.
func TestArgumentsAreTakenAsTheirSchemaHasThem(t *testing.T) {
	session := serve(t, (&fake{}).server(everything())).connect("schemas", "")
	for tool, err := range session.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		full := map[string]any{}
		eachProperty(tool.InputSchema, func(name string, schema map[string]any) { full[name] = example(name, schema) })
		if result := call(t, session, tool.Name, full); result.IsError {
			t.Errorf("%s %v: %s", tool.Name, full, textOf(t, result))
		}
		if more := call(t, session, tool.Name, with(full, "surplus", 1)); faultOf(t, more).Error.Code != "usage" {
			t.Errorf("%s takes an argument that it does not know", tool.Name)
		}
		for name := range full {
			if wrong := call(t, session, tool.Name, with(full, name, []any{map[string]any{"x": "y"}})); faultOf(t, wrong).Error.Code != "usage" {
				t.Errorf("%s takes anything for %s", tool.Name, name)
			}
		}
	}
}

func example(name string, schema map[string]any) any {
	switch {
	case name == "dir":
		return "/"
	case schema["type"] == "array":
		return []string{"one"}
	case schema["type"] == "object":
		return map[string]string{"ONE": "one"}
	case schema["type"] == "integer":
		return 5
	case schema["type"] == "boolean":
		return true
	}
	return "1h"
}

func with(arguments map[string]any, name string, value any) map[string]any {
	changed := map[string]any{name: value}
	for k, v := range arguments {
		if k != name {
			changed[k] = v
		}
	}
	return changed
}

func TestEachToolIsACommand(t *testing.T) {
	for _, c := range []struct {
		tool      string
		arguments map[string]any
		want      called
	}{
		{"secrets_list", nil, called{args: []string{"list"}}},
		{"secrets_status", nil, called{args: []string{"status"}}},
		{"secrets_audit", nil, called{args: []string{"audit"}}},
		{"secrets_audit", map[string]any{"tail": 3, "secret": "--all", "client_id": "c", "action": "lease", "since": "1h"},
			called{args: []string{"audit", "--tail=3", "--secret=--all", "--client-id=c", "--action=lease", "--since=1h"}}},
		{"secrets_revoke", map[string]any{"lease_ids": []string{"--all", "01K"}}, called{args: []string{"revoke", "--", "--all", "01K"}}},
		{"secrets_revoke", map[string]any{"secret": "gh", "client_id": "mcp:x"}, called{args: []string{"revoke", "--secret=gh", "--client-id=mcp:x", "--"}}},
		{"secrets_lease", map[string]any{"name": "--json", "ttl": "5m"}, called{args: []string{"lease", "--attended", "--ttl=5m", "--", "--json"}}},
		{"secrets_add", map[string]any{"name": "gh", "value": "v\n"}, called{args: []string{"add", "--keep-newline", "--from-file=-", "--", "gh"}, stdin: "v\n"}},
		{"secrets_add", map[string]any{"name": "gh", "value": "v", "force": true}, called{args: []string{"add", "--keep-newline", "--from-file=-", "--force", "--", "gh"}, stdin: "v"}},
		{"secrets_killswitch", nil, called{args: []string{"revoke", "--all"}}},
		{"secrets_killswitch", map[string]any{"freeze": true, "rotate": true}, called{args: []string{"revoke", "--all", "--freeze", "--rotate"}}},
		{"secrets_run", map[string]any{"argv": []string{"a", "--b"}}, called{args: []string{"exec", "--attended", "--redact=always", "--", "a", "--b"}}},
		{"secrets_run", map[string]any{"argv": []string{"a"}, "dir": "/", "ttl": "5m", "secrets": map[string]string{"B": "x", "A": "y"}},
			called{dir: "/", args: []string{"exec", "--attended", "--redact=always", "--ttl=5m", "--env=A=y", "--only=A", "--env=B=x", "--only=B", "--", "a"}}},
	} {
		f := &fake{}
		session := serve(t, f.server(everything())).connect("claude-code", "")
		if result := call(t, session, c.tool, c.arguments); result.IsError {
			t.Errorf("%s %v: %s", c.tool, c.arguments, textOf(t, result))
		}
		c.want.client = "mcp:claude-code"
		if got := f.seen(); len(got) != 1 || fmt.Sprintf("%q", got[0]) != fmt.Sprintf("%q", c.want) {
			t.Errorf("%s %v ran %q, want %q", c.tool, c.arguments, got, c.want)
		}
	}
}

func TestArgumentsThatMakeNoSenseRunNothing(t *testing.T) {
	f := &fake{}
	session := serve(t, f.server(everything())).connect("x", "")
	for _, c := range []struct {
		tool, code string
		arguments  any
	}{
		{"secrets_run", "usage", map[string]any{}},
		{"secrets_run", "usage", map[string]any{"argv": []string{}}},
		{"secrets_run", "usage", map[string]any{"argv": []string{""}}},
		{"secrets_run", "usage", map[string]any{"argv": "ls"}},
		{"secrets_run", "usage", map[string]any{"argv": []any{"ls", nil}}},
		{"secrets_run", "usage", map[string]any{"argv": []string{"a\x00b"}}},
		{"secrets_run", "usage", map[string]any{"argv": []string{"ls"}, "timeout": "soon"}},
		{"secrets_run", "usage", map[string]any{"argv": []string{"ls"}, "timeout": "-1s"}},
		{"secrets_run", "usage", map[string]any{"argv": []string{"ls"}, "ARGV": []string{"ls"}}},
		{"secrets_run", "file", map[string]any{"argv": []string{"ls"}, "dir": "/nonexistent"}},
		{"secrets_run", "file", map[string]any{"argv": []string{"ls"}, "dir": "/dev/null"}},
		{"secrets_revoke", "usage", map[string]any{}},
		{"secrets_revoke", "usage", map[string]any{"lease_ids": []string{"a\x00"}}},
		{"secrets_audit", "usage", map[string]any{"tail": 0}},
		{"secrets_audit", "usage", map[string]any{"tail": 501}},
		{"secrets_audit", "usage", map[string]any{"tail": 1.5}},
		{"secrets_list", "usage", []string{"x"}},
	} {
		if f := faultOf(t, call(t, session, c.tool, c.arguments)); f.Error.Code != c.code {
			t.Errorf("%s %v: %+v, want %s", c.tool, c.arguments, f, c.code)
		}
	}
	if got := f.seen(); len(got) != 0 {
		t.Errorf("ran %v", got)
	}
}

// A value in the wrong place is not repeated: the answer may be kept longer than
// the question.
func TestNoAnswerRepeatsAnArgument(t *testing.T) {
	session := serve(t, (&fake{}).server(everything())).connect("x", "")
	for _, arguments := range []string{
		`{"name":"gh","value":31415926535}`, `{"name":"gh","value":["hunter2-value"]}`, `{"name":31415926535,"value":"hunter2-value"}`,
		`{"name":"gh","value":"hunter2-value\ud800"}`, `{"name":"gh","value":"hunter2-value","force":"hunter2-value"}`,
	} {
		result := call(t, session, "secrets_add", json.RawMessage(arguments))
		if text := textOf(t, result); !result.IsError || strings.Contains(text, "hunter2") || strings.Contains(text, "31415926535") {
			t.Errorf("%s: %s", arguments, text)
		}
	}
}

func TestAFailureIsTheCommandsOwn(t *testing.T) {
	f := &fake{document: `{"ok":false,"success":false,"command":"secrets x","error":{"message":"it is <frozen>","code":"frozen"},"fix":"secrets thaw","next_actions":[]}`}
	session := serve(t, f.server(everything())).connect("x", "")
	for _, tool := range []string{"secrets_list", "secrets_status", "secrets_audit", "secrets_killswitch"} {
		got := faultOf(t, call(t, session, tool, nil))
		if got.Error.Code != "frozen" || got.Error.Message != "it is <frozen>" || got.Fix != "secrets thaw" {
			t.Errorf("%s: %+v", tool, got)
		}
	}
	f.document = `{"ok":false,"result":{"count":2},"error":{"message":"in part","code":"killswitch_partial"}}`
	if got := faultOf(t, call(t, session, "secrets_killswitch", nil)); string(got.Result) != `{"count":2}` {
		t.Errorf("what was done in part is lost: %+v", got)
	}
	for _, f.document = range []string{"no JSON", "{}", `{"ok":true,"error":{}}`} {
		if got := faultOf(t, call(t, session, "secrets_list", nil)); got.Error.Code != "internal" {
			t.Errorf("%s: %+v", f.document, got)
		}
	}
}

// The next actions of a command are for shells: those of list are leases.
func TestASuccessIsTheResultAlone(t *testing.T) {
	session := serve(t, (&fake{}).server(everything())).connect("x", "")
	result := call(t, session, "secrets_list", nil)
	structured, err := json.Marshal(result.StructuredContent)
	if err != nil || string(structured) != `{"count":7}` || textOf(t, result) != string(structured) {
		t.Errorf("%s, %s, %v", structured, textOf(t, result), err)
	}
}

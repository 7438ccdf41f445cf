package importer

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// The two files hold the same values, written by sops's YAML library, and by
// encoding/json.
func TestYAMLAndJSONOfSopsAreReadAlike(t *testing.T) {
	var all [2][]string
	for i, name := range []string{"testdata/sops.yaml", "testdata/sops.json"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found := Read("sops", data)
		if len(found.Refused) > 0 || len(found.Entries) < 100 {
			t.Fatalf("%s: %d entries, %v", name, len(found.Entries), found.Refused)
		}
		for _, e := range found.Entries {
			all[i] = append(all[i], fmt.Sprintf("%s=%q", e.Key, e.Value))
		}
		slices.Sort(all[i])
	}
	for i := range all[0] {
		if all[0][i] != all[1][i] {
			t.Fatalf("YAML has %s, JSON %s", all[0][i], all[1][i])
		}
	}
}

func TestReadFindsTextUnderNames(t *testing.T) {
	for _, test := range []struct{ format, in, want string }{
		{"json", "{\"a\":\"1\",\n\"b\":{\"c\":{\"d\":\"x\\u0000\\n\"}},\n \"e\":\"\"}", `1 a="1"; 2 b/c/d="x\x00\n"; 3 e=""`},
		{"json", "\ufeff\n {}", ""},
		{"sops", "{\"a\":\n\t\"1\"}", `2 a="1"`},
		{"sops", "# c\n\na: b\nc:\n  d: 'it''s'\n  e: \"x\\ty\" # c\n  f: {}\ng: |\n  1\n\n   2\n\nh: |-\n  x", `3 a="b"; 5 c/d="it's"; 6 c/e="x\ty"; 8 g="1\n\n 2\n"; 13 h="x"`},
		{"sops", "a: |\n  x", `1 a="x"`},
		{"sops", "---\r\na: 12ab\r\n\"b\": c\r\n", `2 a="12ab"; 3 b="c"`},
		{"sops", "#c\nA=b\nB=c=d\n", `2 A="b"; 3 B="c=d"`},
		{"dotenv", "A='b'\n", `1 A="b"`},
		{"sops", "", ""},
	} {
		found := Read(test.format, []byte(test.in))
		var got []string
		for _, e := range found.Entries {
			got = append(got, fmt.Sprintf("%d %s=%q", e.Line, e.Key, e.Value))
		}
		if strings.Join(got, "; ") != test.want || len(found.Refused) > 0 {
			t.Errorf("%q: got %s, %v", test.in, strings.Join(got, "; "), found.Refused)
		}
	}
}

func TestReadRefusesTheRest(t *testing.T) {
	for _, test := range []struct {
		format, in string
		line       int
		want       string
	}{
		{"json", "", 1, "empty input"},
		{"json", "hunter2", 1, "unexpected character"},
		{"json", "[\"a\"]", 1, "a list: it takes an object"},
		{"json", "\n\"hunter2\"", 2, "a text: it takes an object"},
		{"json", "{\"a\":\n1}", 2, "a number: only text"},
		{"json", "{\"b\":{\n\"a\":[\"hunter2\"]}}", 2, "a list: only text"},
		{"json", `{"a":null}`, 1, "null: only text"},
		{"json", `{"a":true}`, 1, "true or false: only text"},
		{"json", "{\"a\":\"x\",\n\"a\":\"y\"}", 2, `duplicate key "a"`},
		{"json", "{\"a/b\":\"x\",\n\"a\":{\"b\":\"y\"}}", 2, "line 1 has it already"},
		{"json", `{"a":"x"} {}`, 1, "trailing data"},
		{"json", `{"a":"\ud800"}`, 1, "surrogate"},
		{"json", strings.Repeat(`{"a":`, 40), 1, "nested deeper"},
		{"json", `{"a":"ENC[AES256_GCM,data:x]"}`, 1, "still encrypted"},
		{"dotenv", "A=1\nA=2", 2, "line 1 has it already"},
		{"dotenv", "\n{\"A\":1}", 1, "--format json"},
		{"dotenv", "A=1\nB=ENC[AES256_GCM,data:x]", 2, "still encrypted"},
		{"sops", "a: ENC[AES256_GCM,data:x]\nb: 1", 1, "still encrypted"},
		{"sops", "A=\"b\"\n", 1, "sops and the readers of .env files differ"},
		{"sops", "A=b # c\n", 1, "sops and the readers of .env files differ"},
		{"sops", "hunter2\n", 1, "not a key"},
		{"sops", "a: x\n b: y", 2, "indented more"},
		{"sops", "a: x\n  hunter2", 2, "indented more"},
		{"sops", " a: x", 1, "first key is indented"},
		{"sops", "a:\n  b: x\n\tc: y", 3, "indented by a tab"},
		{"sops", "a:\n  - x", 2, "a list"},
		{"sops", "a:\n- x", 2, "a list"},
		{"sops", "a: [x]", 1, "in brackets"},
		{"sops", "a: {b: x}", 1, "in brackets"},
		{"sops", "a: 5432", 1, "a number"},
		{"sops", "a: 0x1f", 1, "a number"},
		{"sops", "a: 1_000", 1, "a number"},
		{"sops", "a: 12:30", 1, "a number"},
		{"sops", "a: .inf", 1, "a number"},
		{"sops", "a: 99999999999999999999999", 1, "a number"},
		{"sops", "a: 2024-01-01", 1, "a time"},
		{"sops", "a: 2024-01-01T00:00:00Z", 1, "a time"},
		{"sops", "a: yes", 1, "true or false"},
		{"sops", "a: ~", 1, "null"},
		{"sops", "a:\nb: x", 1, "null"},
		{"sops", "a: >\n  x", 1, "folded"},
		{"sops", "a: |x\n  y", 1, "after the |"},
		{"sops", "a: |\n  \ty", 2, "cannot be told"},
		{"sops", "a: &b c", 1, "has a meaning"},
		{"sops", "a: *b", 1, "has a meaning"},
		{"sops", "a: !!str 1", 1, "has a meaning"},
		{"sops", "a: b: c", 1, "a colon"},
		{"sops", "a: 'x", 1, "not closed"},
		{"sops", `a: "x`, 1, "not closed"},
		{"sops", `a: "\q"`, 1, "an escape"},
		{"sops", `a: "\ud800"`, 1, "an escape"},
		{"sops", "a: 'x' y", 1, "after the closing quote"},
		{"sops", "a: x\n---\nb: y", 2, "more than one document"},
		{"sops", "--- a: x", 1, "after the ---"},
		{"sops", "a: x\na: z", 2, "line 1 has it already"},
		{"sops", "a: x\u2028y", 1, "a line end"},
		{"sops", "a: \xff", 1, "UTF-8"},
		{"sops", "? a\n: b", 1, "not a key"},
		{"sops", "<<: x", 1, "not a key"},
		{"sops", deepYAML(40), 33, "nested deeper"},
	} {
		found := Read(test.format, []byte(test.in))
		if len(found.Refused) == 0 {
			t.Errorf("%s %q: accepted", test.format, test.in)
			continue
		}
		r := found.Refused[0]
		if r.Line != test.line || !strings.Contains(r.Reason, test.want) || strings.Contains(fmt.Sprint(r), "hunter2") {
			t.Errorf("%s %.40q: want %d %s, got %d %s", test.format, test.in, test.line, test.want, r.Line, r.Reason)
		}
	}
}

func deepYAML(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String() + strings.Repeat(" ", depth) + "a: x"
}

// Whatever comes in, places are places in it and what is refused is bounded.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"testdata/sops.yaml", "testdata/sops.json"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, seed := range []string{"a: |\n  x\n", "A=b", "{\"a\":\"b\"}", "a:\n  b: 'c'\n  d: \"\\x41\"\n", "a: |2-\n\n   x\n y", "\"a\": b", "a: {}\nb: - "} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		lines := bytes.Count(data, []byte{'\n'}) + 1
		for _, format := range Formats() {
			found := Read(format, data)
			for _, e := range found.Entries {
				if e.Line < 1 || e.Line > lines {
					t.Fatalf("%s: %q is in line %d of %d", format, e.Key, e.Line, lines)
				}
			}
			for _, r := range found.Refused {
				if r.Line < 1 || r.Line > lines+1 || r.Reason == "" {
					t.Fatalf("%s: %+v of %d lines", format, r, lines)
				}
			}
			if len(found.Refused) > maxRefusals {
				t.Fatalf("%d refusals", len(found.Refused))
			}
		}
	})
}

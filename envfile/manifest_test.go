package envfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode"
)

func TestParseManifestReadsAllFields(t *testing.T) {
	got, err := ParseManifest([]byte(`{"$schema":"./schema.json","secrets":[
		{"name":"github_token","env_var":"GITHUB_TOKEN"},
		{"ttl":"30m","name":"openai/key","env_var":"OPENAI_API_KEY"}],"client_id":"my-project"}
	`))
	want := Manifest{
		Secrets: []Entry{
			{Name: "github_token", EnvVar: "GITHUB_TOKEN"},
			{Name: "openai/key", EnvVar: "OPENAI_API_KEY", TTL: "30m"},
		},
		ClientID: "my-project",
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v", got, err)
	}
}

// The grammar of names, client ids and durations is the caller's.
func TestParseManifestLeavesGrammarToCaller(t *testing.T) {
	got, err := ParseManifest([]byte(`{"secrets":[{"name":"../x","env_var":"A","ttl":"soon"}],"client_id":"\n"}`))
	if err != nil || got.Secrets[0].Name != "../x" || got.Secrets[0].TTL != "soon" || got.ClientID != "\n" {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestParseManifestErrorsNameThePlace(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"empty file", "", "line 1, column 1: "},
		{"byte order mark", "\ufeff{}", "line 1, column 1: "},
		{"null", `null`, "line 1, column 1: "},
		{"no secrets", `{}`, "line 1, column 1: secrets: lists no secret"},
		{"empty list", "{\n \"secrets\": []}", "line 2, column 13: secrets: lists no secret"},
		{"null list", `{"secrets":null}`, "line 1, column 12: secrets: "},
		{"list of numbers", `{"secrets":[1]}`, "line 1, column 13: secrets[0]: want an object"},
		{"unknown key at the top", "{\"secrets\":[],\n\"extra\":1}", `line 2, column 1: unknown key "extra"`},
		{"unknown key in an entry", `{"secrets":[{"name":"a","env_var":"A"},` + "\n" + `{"name":"b","env":"B"}]}`, `line 2, column 13: secrets[1]: unknown key "env"`},
		{"schema key in an entry", `{"secrets":[{"$schema":"x","name":"a","env_var":"A"}]}`, `line 1, column 14: secrets[0]: unknown key "$schema"`},
		{"key in another case", `{"Secrets":[]}`, "line 1, column 2: "},
		{"key twice", `{"secrets":[{"name":"a","name":"b","env_var":"A"}]}`, `line 1, column 25: secrets[0]: duplicate key "name"`},
		{"escaped key twice", `{"secrets":[{"name":"a","n\u0061me":"b","env_var":"A"}]}`, `line 1, column 25: secrets[0]: duplicate key "name"`},
		{"number for a string", `{"secrets":[{"name":"a","env_var":5}]}`, "line 1, column 35: secrets[0].env_var: want a string"},
		{"null for a string", `{"secrets":[{"name":"a","env_var":"A","ttl":null}]}`, "line 1, column 45: secrets[0].ttl: "},
		{"null client", `{"secrets":[{"name":"a","env_var":"A"}],"client_id":null}`, "line 1, column 53: client_id: "},
		{"null schema", `{"$schema":null,"secrets":[{"name":"a","env_var":"A"}]}`, "line 1, column 12: $schema: null"},
		{"no name", `{"secrets":[{"env_var":"A"}]}`, "line 1, column 13: secrets[0].name: is missing or empty"},
		{"empty name", `{"secrets":[{"name":"","env_var":"A"}]}`, "line 1, column 21: secrets[0].name: is missing or empty"},
		{"no variable", `{"secrets":[{"name":"a"}]}`, "line 1, column 13: secrets[0].env_var: is missing or empty"},
		{"empty ttl", `{"secrets":[{"name":"a","env_var":"A","ttl":""}]}`, "line 1, column 45: secrets[0].ttl: is empty"},
		{"empty client", `{"secrets":[{"name":"a","env_var":"A"}],"client_id":""}`, "line 1, column 53: client_id: is empty"},
		{"bad variable", `{"secrets":[{"name":"a","env_var":"A-B"}]}`, `line 1, column 35: secrets[0].env_var: environment variable "A-B": a name has only`},
		{"refused variable", `{"secrets":[{"name":"a","env_var":"A"},{"name":"b","env_var":"LD_PRELOAD"}]}`, `line 1, column 62: secrets[1].env_var: environment variable "LD_PRELOAD": it would`},
		{"variable twice", "{\"secrets\":[{\"name\":\"a\",\"env_var\":\"A\"},\n{\"name\":\"b\",\"env_var\":\"A\"}]}", "line 2, column 23: secrets[1].env_var: A is set by secrets[0] already"},
		{"trailing data", `{"secrets":[{"name":"a","env_var":"A"}]} {}`, "line 1, column 42: "},
		{"cut off", `{"secrets":[{"name":"a","env_var":`, "secrets[0]"},
		{"not UTF-8", "{\"secrets\":[{\"name\":\"\xff\",\"env_var\":\"A\"}]}", "line 1, column 2"},
		{"deep", `{"secrets":` + strings.Repeat("[", 10000), "line 1, column "},
		{"over 1 MiB", strings.Repeat(" ", 1<<20+1), "over 1 MiB"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseManifest([]byte(test.in))
			if !errors.Is(err, ErrInvalidManifest) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("want %q, got %v", test.want, err)
			}
			if !reflect.DeepEqual(got, Manifest{}) {
				t.Errorf("an error comes with %+v", got)
			}
		})
	}
}

func TestParseManifestAcceptsExactly1MiB(t *testing.T) {
	const doc = `{"secrets":[{"name":"a","env_var":"A"}]}`
	data := []byte(doc + strings.Repeat(" ", 1<<20-len(doc)))
	if _, err := ParseManifest(data); err != nil {
		t.Error(err)
	}
}

// A hostile file costs time in proportion to its size.
func TestParseManifestIsLinear(t *testing.T) {
	for _, data := range [][]byte{
		bytes.Repeat([]byte("["), 1<<20),
		[]byte(`{"secrets":[` + strings.Repeat(`{"name":"a","env_var":"A"},`, 30000) + `{}]}`),
		[]byte(`{"secrets":` + strings.Repeat(`{"a":`, 200000)),
		[]byte(`{"secrets":[{"name":"a","env_var":"A","` + strings.Repeat("k", 1<<19) + `":1}]}`),
	} {
		_, err := ParseManifest(data)
		if !errors.Is(err, ErrInvalidManifest) || len(err.Error()) > 400 {
			t.Errorf("got an error of %d bytes", len(err.Error()))
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"$schema":"s","secrets":[{"name":"a","env_var":"A","ttl":"1h"}],"client_id":"c"}`))
	f.Add([]byte(`{"secrets":[{"name":"a","env_var":"PATH"}]}`))
	f.Add([]byte(`{"secrets":[{"\u001b[31m":{"\u001b":1},"name":"a"}]}`))
	f.Add([]byte("{\"secrets\":[\n[1,{\"x\":[]}]]}"))
	f.Add([]byte(`{"secrets":[{"name":"a","env_var":"A"}]}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest(data)
		if err != nil {
			if !errors.Is(err, ErrInvalidManifest) {
				t.Fatalf("not ErrInvalidManifest: %v", err)
			}
			if text := err.Error(); len(text) > 500 || strings.ContainsFunc(text, unicode.IsControl) {
				t.Fatalf("not fit for a terminal: %q", text)
			}
			return
		}
		again, err := ParseManifest(manifestJSON(t, m))
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Fatalf("%+v became %+v, %v", m, again, err)
		}
	})
}

func manifestJSON(t *testing.T, m Manifest) []byte {
	t.Helper()
	file := map[string]any{}
	var entries []map[string]string
	for _, e := range m.Secrets {
		entry := map[string]string{"name": e.Name, "env_var": e.EnvVar}
		if e.TTL != "" {
			entry["ttl"] = e.TTL
		}
		entries = append(entries, entry)
	}
	file["secrets"] = entries
	if m.ClientID != "" {
		file["client_id"] = m.ClientID
	}
	data, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

package envfile

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"testing"
	"unicode/utf8"
)

func loadSchema(t *testing.T) map[string]any {
	t.Helper()
	data, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	return schema
}

// What only the parser can see: a schema compares no members of different
// entries, and the names that are refused whatever their case make no readable
// pattern. What only the schema sees is the grammar that ParseManifest leaves
// to its caller.
const (
	agree      = ""
	onlyParser = "parser"
	onlySchema = "schema"
)

func TestSchemaAgreesWithParser(t *testing.T) {
	schema := loadSchema(t)
	for _, test := range []struct {
		doc     string
		valid   bool
		refuses string // which of the two refuses, where only one does
	}{
		{`{"secrets":[{"name":"a","env_var":"A"}]}`, true, agree},
		{`{"$schema":"","secrets":[{"name":"a/b.c","env_var":"_a1","ttl":"1h30m"}],"client_id":"me@host"}`, true, agree},
		{`{"secrets":[{"name":"a","env_var":"A","ttl":"1w2d"},{"name":"a","env_var":"B"}]}`, true, agree},
		{`{"secrets":[]}`, false, agree},
		{`{"secrets":[{"name":"a","env_var":"A"},{"name":"a","env_var":"A"}]}`, false, agree},
		{`{"secrets":[{"name":"a","env_var":"1A"}]}`, false, agree},
		{`{"secrets":[{"name":"a","env_var":"A\n"}]}`, false, agree},
		{`{"secrets":[{"name":"a","env_var":"A","TTL":"1h"}]}`, false, agree},
		{`{"secrets":[{"name":"a","env_var":"A","ttl":""}]}`, false, agree},
		{`{"secrets":[{"name":"a","env_var":"A"}],"client_id":""}`, false, agree},
		{`{"secrets":[{"name":"a","env_var":"` + longName(256) + `"}]}`, true, agree},
		{`{"secrets":[{"name":"a","env_var":"` + longName(257) + `"}]}`, false, agree},
		{`[]`, false, agree},
		{`null`, false, agree},

		{`{"secrets":[{"name":"a","env_var":"A"},{"name":"b","env_var":"A"}]}`, false, onlyParser},
		{`{"secrets":[{"name":"a","env_var":"PATH"}]}`, false, onlyParser},
		{`{"secrets":[{"name":"a","env_var":"Ld_Preload"}]}`, false, onlyParser},
		{`{"secrets":[{"name":"a","env_var":"RANDOM"}]}`, false, onlyParser},

		{`{"secrets":[{"name":"a/../b","env_var":"A"}]}`, false, onlySchema},
		{`{"secrets":[{"name":"a/./b","env_var":"A"}]}`, false, onlySchema},
		{`{"secrets":[{"name":"a//b","env_var":"A"}]}`, false, onlySchema},
		{`{"secrets":[{"name":"a/","env_var":"A"}]}`, false, onlySchema},
		{`{"secrets":[{"name":"-a","env_var":"A"}]}`, false, onlySchema},
		{`{"secrets":[{"name":"` + longName(129) + `","env_var":"A"}]}`, false, onlySchema},
		{`{"secrets":[{"name":"a/.b/..c/...","env_var":"A"}]}`, true, agree},
		{`{"secrets":[{"name":"a","env_var":"A","ttl":"soon"}]}`, false, onlySchema},
		{`{"secrets":[{"name":"a","env_var":"A","ttl":"-1h"}]}`, false, onlySchema},
		{`{"secrets":[{"name":"a","env_var":"A"}],"client_id":"a\tb"}`, false, onlySchema},
	} {
		wantSchema := test.valid || test.refuses == onlyParser
		wantParser := test.valid || test.refuses == onlySchema
		compare(t, schema, []byte(test.doc), wantSchema, wantParser)
	}
}

func longName(n int) string {
	name := make([]byte, n)
	for i := range name {
		name[i] = 'A'
	}
	return string(name)
}

func compare(t *testing.T, schema map[string]any, doc []byte, wantSchema, wantParser bool) {
	t.Helper()
	var value any
	if err := json.Unmarshal(doc, &value); err != nil {
		t.Fatal(err)
	}
	problem := validate(schema, value)
	if (problem == "") != wantSchema {
		t.Errorf("%.120s: schema says %q", doc, problem)
	}
	if _, err := ParseManifest(doc); (err == nil) != wantParser {
		t.Errorf("%.120s: parser says %v", doc, err)
	}
}

// Every value of a document, replaced by one of each type or taken away, is
// judged alike.
func TestSchemaAgreesOnMutatedDocuments(t *testing.T) {
	schema := loadSchema(t)
	const doc = `{"$schema":"1h","secrets":[{"name":"n","env_var":"A","ttl":"1h"},{"name":"n","env_var":"B"}],"client_id":"c"}`
	checked := 0
	for _, replacement := range []string{`null`, `true`, `1`, `""`, `"1h"`, `[]`, `{}`, `[{}]`, remove} {
		for n := 0; ; n++ {
			var value any
			if err := json.Unmarshal([]byte(doc), &value); err != nil {
				t.Fatal(err)
			}
			left := n
			value, done := mutate(value, &left, replacement)
			if !done {
				break
			}
			data, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			valid := validate(schema, value) == ""
			compare(t, schema, data, valid, valid)
			checked++
		}
	}
	if checked < 80 {
		t.Errorf("only %d documents", checked)
	}
}

const remove = "remove"

// mutate replaces the n-th value of v, counted in a fixed order.
func mutate(v any, n *int, replacement string) (any, bool) {
	if *n == 0 && replacement != remove {
		var value any
		_ = json.Unmarshal([]byte(replacement), &value) // a constant of the test
		return value, true
	}
	*n--
	switch v := v.(type) {
	case []any:
		for i := range v {
			if *n == 0 && replacement == remove {
				return append(v[:i], v[i+1:]...), true
			}
			var done bool
			if v[i], done = mutate(v[i], n, replacement); done {
				return v, true
			}
		}
	case map[string]any:
		for _, key := range []string{"$schema", "secrets", "client_id", "name", "env_var", "ttl"} {
			member, ok := v[key]
			if !ok {
				continue
			}
			if *n == 0 && replacement == remove {
				delete(v, key)
				return v, true
			}
			var done bool
			if v[key], done = mutate(member, n, replacement); done {
				return v, true
			}
		}
	}
	return v, false
}

// validate knows the part of draft-07 that schema.json uses, and fails on any
// other keyword.
func validate(schema map[string]any, v any) (problem string) {
	for keyword, rule := range schema {
		if !holds(keyword, rule, schema, v) {
			return keyword
		}
	}
	switch v := v.(type) {
	case []any:
		return validateItems(schema, v)
	case map[string]any:
		return validateMembers(schema, v)
	}
	return ""
}

func validateItems(schema map[string]any, list []any) string {
	items, ok := schema["items"].(map[string]any)
	for _, item := range list {
		if !ok {
			break
		}
		if problem := validate(items, item); problem != "" {
			return "items/" + problem
		}
	}
	return ""
}

func validateMembers(schema, object map[string]any) string {
	properties, _ := schema["properties"].(map[string]any)
	for key, member := range object {
		property, known := properties[key].(map[string]any)
		if !known && schema["additionalProperties"] == false {
			return "additionalProperties"
		}
		if !known {
			continue
		}
		if problem := validate(property, member); problem != "" {
			return key + "/" + problem
		}
	}
	return ""
}

func holds(keyword string, rule any, schema map[string]any, v any) bool {
	text, isText := v.(string)
	list, isList := v.([]any)
	object, isObject := v.(map[string]any)
	switch keyword {
	case "$schema", "title", "description", "properties", "additionalProperties", "items":
		return true
	case "type":
		return rule == "string" && isText || rule == "array" && isList || rule == "object" && isObject
	case "required":
		for _, key := range rule.([]any) {
			if _, ok := object[key.(string)]; isObject && !ok {
				return false
			}
		}
		return true
	case "minItems":
		return !isList || len(list) >= int(rule.(float64))
	case "uniqueItems":
		for i := range list {
			for j := range i {
				if reflect.DeepEqual(list[i], list[j]) {
					return false
				}
			}
		}
		return true
	case "maxLength":
		return !isText || utf8.RuneCountInString(text) <= int(rule.(float64))
	case "pattern":
		return !isText || regexp.MustCompile(rule.(string)).MatchString(text)
	}
	panic("schema.json uses a keyword that this test does not know: " + keyword)
}

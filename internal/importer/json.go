package importer

import (
	"bytes"
	"encoding/json"
	"errors"

	"agent-secrets/internal/strictjson"
)

// readJSON reads an object of texts and of such objects. Its syntax, its keys
// and its Unicode are checked first, so that what follows can rely on them.
func readJSON(data []byte) (found Found) {
	var document json.RawMessage
	if err := strictjson.Decode(data, &document); err != nil {
		reason, line := "it is no JSON document", 1
		var strict *strictjson.Error
		if errors.As(err, &strict) {
			reason, line = strict.Problem, strict.Line
		}
		return Found{Refused: []Refusal{{Line: line, Reason: reason}}}
	}
	text := bytes.TrimLeft(data, " \t\r\n")
	line := 1 + bytes.Count(data[:len(data)-len(text)], []byte{'\n'})
	if text[0] != '{' {
		return Found{Refused: []Refusal{{Line: line, Reason: kindOf(text[0]) + ": it takes an object of texts"}}}
	}
	found.object("", text, line)
	return found
}

// object reads the members of the object that text begins with, on the line
// with this number.
func (f *Found) object(path string, text []byte, line int) {
	dec := json.NewDecoder(bytes.NewReader(text))
	_, _ = dec.Token() // the opening bracket; the syntax was checked
	read := 0
	for dec.More() {
		token, _ := dec.Token()
		var value json.RawMessage
		_ = dec.Decode(&value)
		start := int(dec.InputOffset()) - len(value)
		line += bytes.Count(text[read:start], []byte{'\n'})
		read = start
		f.member(join(path, token.(string)), value, line)
	}
}

func (f *Found) member(key string, value []byte, line int) {
	switch value[0] {
	case '{':
		f.object(key, value, line)
	case '"':
		var text string
		_ = json.Unmarshal(value, &text) // as above
		f.Entries = append(f.Entries, Entry{key, line, []byte(text)})
	default:
		f.refuse(key, line, kindOf(value[0])+": only text is imported")
	}
}

func kindOf(first byte) string {
	switch first {
	case '[':
		return "a list"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	case '"':
		return "a text"
	}
	return "a number"
}

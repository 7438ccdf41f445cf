package strictjson

import (
	"encoding/json"
	"reflect"
)

// misfit finds the value that kept encoding/json from decoding sound data into
// a t, by trying the values one by one. It costs time only where Decode has
// already come to nothing.
func misfit(data []byte, t reflect.Type) *Error {
	s := scanner{data: data, fit: true}
	if err := s.document(t); err != nil {
		return err
	}
	return errorAt(data, 0, "does not fit "+t.String())
}

// tryValue decodes the value between start and the scanner's place, unless its
// parts have been tried already.
func (s *scanner) tryValue(t reflect.Type, start int, key []byte) *Error {
	first := s.data[start]
	if t == nil || hasParts(settle(t), first) {
		return nil
	}
	if json.Unmarshal(s.data[start:s.pos], reflect.New(t).Interface()) == nil {
		return nil
	}
	return s.fail(start, aboutKey(key, complaint(t, first)))
}

// tryKey does the same for the key of a map, which may be a number or decode
// itself.
func (s *scanner) tryKey(t reflect.Type, start int, key []byte) *Error {
	if t == nil {
		return nil
	}
	m := reflect.New(reflect.MapOf(t, reflect.TypeFor[any]()))
	member := "{" + string(s.data[start:s.pos]) + ":null}"
	if json.Unmarshal([]byte(member), m.Interface()) == nil {
		return nil
	}
	return s.fail(start, "key "+quoteKey(key)+" is not a valid "+t.String())
}

// hasParts reports whether a value that begins with the byte first is of the
// settled type t as far as its brackets go.
func hasParts(t reflect.Type, first byte) bool {
	if t == nil || first != '{' && first != '[' {
		return false
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return first == '{'
	case reflect.Slice, reflect.Array:
		return first == '['
	case reflect.Interface:
		return t.NumMethod() == 0
	}
	return false
}

// complaint tells what t wants and what came instead, without the value.
func complaint(t reflect.Type, first byte) string {
	want, got := wanted(settle(t)), kindOf(first)
	if want == "" || want == got {
		return "not a valid " + t.String()
	}
	return "want " + want + ", got " + got
}

// wanted names the JSON that the settled type t is decoded from, empty for one
// that decodes itself.
func wanted(t reflect.Type) string {
	if t == nil {
		return ""
	}
	switch kind := t.Kind(); {
	case kind == reflect.Bool:
		return "true or false"
	case kind == reflect.String, kind == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return "a string"
	case reflect.Int <= kind && kind <= reflect.Float64:
		return "a number"
	case kind == reflect.Slice, kind == reflect.Array:
		return "an array"
	case kind == reflect.Struct, kind == reflect.Map:
		return "an object"
	}
	return ""
}

func kindOf(first byte) string {
	switch first {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	}
	return "a number"
}

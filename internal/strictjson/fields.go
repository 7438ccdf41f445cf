package strictjson

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// field is a key that a struct accepts.
type field struct {
	name  string
	t     reflect.Type // nil for a key that is refused
	depth int          // 0 in the struct itself, 1 in a struct embedded there, …
}

// structFields keeps the fields of a struct type for the time of one Decode,
// so that a list of structs reads them once.
type structFields struct {
	t      reflect.Type
	fields []field
}

// find returns nil where encoding/json would ignore the key: none has the
// name, or several at the least depth have it.
func find(fields []field, key []byte) *field {
	var found *field
	for i := range fields {
		f := &fields[i]
		switch {
		case f.name != string(key):
		case found == nil:
			found = f
		case found.depth == f.depth:
			return nil
		}
	}
	return found
}

func (s *scanner) fieldsOf(t reflect.Type) []field {
	for i := range s.structs {
		if s.structs[i].t == t {
			return s.structs[i].fields
		}
	}
	fields := readFields(t)
	s.structs = append(s.structs, structFields{t, fields})
	return fields
}

// readFields lists the fields of t and of the structs embedded in it, least
// depth first.
func readFields(t reflect.Type) []field {
	fields := make([]field, 0, t.NumField())
	level := []reflect.Type{t}
	var done []reflect.Type
	for depth := 0; len(level) > 0; depth++ {
		var next []reflect.Type
		for _, t := range level {
			if slices.Contains(done, t) {
				continue
			}
			for i := range t.NumField() {
				f := t.Field(i)
				name, embedded := keyOf(&f)
				if embedded != nil {
					next = append(next, embedded)
				} else if name != "" {
					fields = append(fields, field{name, valueType(&f), depth})
				}
			}
		}
		// Only after the level: a struct embedded twice at one depth makes
		// its fields ambiguous.
		done, level = append(done, level...), next
	}
	return fields
}

// keyOf returns the key of a field, or the struct whose fields take its place,
// or neither for a field that encoding/json does not know.
func keyOf(f *reflect.StructField) (name string, embedded reflect.Type) {
	tag := f.Tag.Get("json")
	if tag == "-" {
		return "", nil
	}
	name, _, _ = strings.Cut(tag, ",")
	if !validName(name) {
		name = ""
	}
	if f.Anonymous && name == "" {
		t := f.Type
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() == reflect.Struct {
			return "", t
		}
	}
	switch {
	case !f.IsExported():
		return "", nil
	case name == "":
		return f.Name, nil
	}
	return name, nil
}

// validName is the rule of encoding/json, which falls back to the field's own
// name where the tag breaks it.
func validName(name string) bool {
	for _, r := range name {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
	}
	return true
}

// valueType is nil for a field with the option "string", which holds its value
// in a second syntax that nothing here checks: its key is refused.
func valueType(f *reflect.StructField) reflect.Type {
	_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	if options != "" && slices.Contains(strings.Split(options, ","), "string") {
		return nil
	}
	return f.Type
}

// settle returns the type behind pointers, or nil if that type decodes itself.
func settle(t reflect.Type) reflect.Type {
	if t == nil {
		return nil
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	p := reflect.PointerTo(t)
	if p.Implements(reflect.TypeFor[json.Unmarshaler]()) || p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return nil
	}
	return t
}

// elementType is the type of what an array holds, for a settled t; nil if t
// takes no array.
func elementType(t reflect.Type) reflect.Type {
	if t == nil {
		return nil
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return t.Elem()
	case reflect.Interface:
		return t
	}
	return nil
}

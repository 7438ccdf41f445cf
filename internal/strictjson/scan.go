package strictjson

import (
	"bytes"
	"fmt"
	"reflect"
	"unicode/utf8"
)

// scanner walks the input and the Go type side by side, in one pass. A nil
// type stands for a value that only has to be sound JSON.
type scanner struct {
	data    []byte
	pos     int
	depth   int
	key     []byte   // key of the innermost member, nil outside of objects
	keys    [][]byte // keys seen so far in all objects that are open
	structs []structFields

	// fit makes the scanner try every value against its type as well.
	fit bool
}

func (s *scanner) document(t reflect.Type) *Error {
	if bytes.HasPrefix(s.data, []byte("\xef\xbb\xbf")) {
		return s.fail(0, "byte order mark")
	}
	s.space()
	if s.pos == len(s.data) {
		return s.fail(0, "empty input")
	}
	if err := s.value(t); err != nil {
		return err
	}
	s.space()
	if s.pos < len(s.data) {
		return s.fail(s.pos, "trailing data after the value")
	}
	return nil
}

func (s *scanner) value(t reflect.Type) *Error {
	start, key := s.pos, s.key
	if err := s.syntax(t); err != nil {
		return err
	}
	if s.fit {
		return s.tryValue(t, start, key)
	}
	return nil
}

func (s *scanner) syntax(t reflect.Type) *Error {
	switch c := s.peek(); {
	case c == '"':
		_, err := s.text()
		return err
	case c == '-' || isDigit(c):
		return s.number()
	case c == '{':
		return s.object(t)
	case c == '[':
		return s.array(t)
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.null(t)
	}
	return s.unexpected("a value")
}

func (s *scanner) array(t reflect.Type) *Error {
	start, key := s.pos, s.key
	if err := s.enter(); err != nil {
		return err
	}
	t = settle(t)
	elem, count := elementType(t), 0
	for s.peek() != ']' || count > 0 {
		s.key = key
		if err := s.value(elem); err != nil {
			return err
		}
		count++
		if more, err := s.more(']'); err != nil {
			return err
		} else if !more {
			break
		}
	}
	if t != nil && t.Kind() == reflect.Array && t.Len() != count {
		return s.fail(start, aboutKey(key, fmt.Sprintf("want %d elements, got %d", t.Len(), count)))
	}
	s.leave()
	return nil
}

// enter steps over an opening bracket, leave over the closing one.
func (s *scanner) enter() *Error {
	if s.depth == maxDepth {
		return s.fail(s.pos, fmt.Sprintf("nested deeper than %d", maxDepth))
	}
	s.depth++
	s.pos++
	s.space()
	return nil
}

func (s *scanner) leave() {
	s.depth--
	s.pos++
}

// more steps over a comma, or stops before the closing bracket.
func (s *scanner) more(closing byte) (bool, *Error) {
	s.space()
	switch s.peek() {
	case closing:
		return false, nil
	case ',':
		s.pos++
		s.space()
		return true, nil
	}
	return false, s.unexpected(fmt.Sprintf("',' or '%c'", closing))
}

func (s *scanner) null(t reflect.Type) *Error {
	start := s.pos
	if err := s.literal("null"); err != nil {
		return err
	}
	if t == nil || canBeNil(t.Kind()) {
		return nil
	}
	return s.fail(start, aboutKey(s.key, "null is not allowed"))
}

func canBeNil(kind reflect.Kind) bool {
	switch kind {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface:
		return true
	}
	return false
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return
		}
	}
}

// peek is 0 at the end, which no token starts with; unexpected tells the end
// and a real NUL apart.
func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

// unexpected explains why nothing in the grammar goes on at this byte.
func (s *scanner) unexpected(want string) *Error {
	if s.pos == len(s.data) {
		return s.truncated()
	}
	r, size := utf8.DecodeRune(s.data[s.pos:])
	switch {
	case r == 0:
		return s.fail(s.pos, "NUL byte")
	case r == utf8.RuneError && size == 1:
		return s.fail(s.pos, "invalid UTF-8")
	}
	return s.fail(s.pos, fmt.Sprintf("unexpected character %q, want %s", r, want))
}

func (s *scanner) truncated() *Error {
	return s.fail(len(trimRight(s.data)), "unexpected end of input")
}

func (s *scanner) fail(offset int, problem string) *Error {
	return errorAt(s.data, offset, problem)
}

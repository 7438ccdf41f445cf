package strictjson

import (
	"fmt"
	"unicode/utf8"
)

// text steps over a string and says whether it holds escapes.
func (s *scanner) text() (escaped bool, err *Error) {
	i := s.pos + 1
	for i < len(s.data) {
		c := s.data[i]
		switch {
		case c == '"':
			s.pos = i + 1
			return escaped, nil
		case c == '\\':
			escaped = true
			if i, err = s.escape(i); err != nil {
				return escaped, err
			}
		case c < ' ':
			return escaped, s.fail(i, fmt.Sprintf("control character %q in a string", c))
		case c < utf8.RuneSelf:
			i++
		default:
			r, size := utf8.DecodeRune(s.data[i:])
			if r == utf8.RuneError && size == 1 {
				return escaped, s.fail(i, "invalid UTF-8")
			}
			i += size
		}
	}
	return escaped, s.truncated()
}

// escape returns the offset after the escape sequence at the offset start.
func (s *scanner) escape(start int) (int, *Error) {
	if start+1 == len(s.data) {
		return 0, s.truncated()
	}
	switch s.data[start+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return start + 2, nil
	case 'u':
		return s.unicodeEscape(start)
	}
	return 0, s.fail(start, "invalid escape")
}

// unicodeEscape refuses half a surrogate pair: encoding/json would put U+FFFD
// in its place.
func (s *scanner) unicodeEscape(start int) (int, *Error) {
	unit, ok := s.codeUnit(start)
	switch {
	case !ok:
		return 0, s.fail(start, "invalid escape")
	case unit < 0xd800 || unit > 0xdfff:
		return start + 6, nil
	}
	low, ok := s.codeUnit(start + 6)
	if unit > 0xdbff || !ok || low < 0xdc00 || low > 0xdfff {
		return 0, s.fail(start, "unpaired surrogate escape")
	}
	return start + 12, nil
}

// codeUnit reads the six bytes \uXXXX.
func (s *scanner) codeUnit(start int) (unit int, ok bool) {
	if start+6 > len(s.data) || s.data[start] != '\\' || s.data[start+1] != 'u' {
		return 0, false
	}
	for _, c := range s.data[start+2 : start+6] {
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = (c | 0x20) - 'a' + 10
		default:
			return 0, false
		}
		unit = unit<<4 | int(c)
	}
	return unit, true
}

func (s *scanner) number() *Error {
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if err := s.digits(); err != nil {
		return err
	}
	if s.peek() == '.' {
		s.pos++
		if err := s.digits(); err != nil {
			return err
		}
	}
	if s.peek()|0x20 != 'e' {
		return nil
	}
	s.pos++
	if c := s.peek(); c == '+' || c == '-' {
		s.pos++
	}
	return s.digits()
}

func (s *scanner) digits() *Error {
	if !isDigit(s.peek()) {
		return s.unexpected("a digit")
	}
	for isDigit(s.peek()) {
		s.pos++
	}
	return nil
}

func (s *scanner) literal(word string) *Error {
	for i := range len(word) {
		if s.peek() != word[i] {
			return s.unexpected(word)
		}
		s.pos++
	}
	return nil
}

func isDigit(c byte) bool {
	return '0' <= c && c <= '9'
}

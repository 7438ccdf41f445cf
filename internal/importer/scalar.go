package importer

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// readScalar reads the text on the rest of a line.
func readScalar(value string) (text, reason string) {
	switch c := value[0]; {
	case c == '"' || c == '\'':
		text, rest, reason := quoted(value)
		if reason == "" && !isComment(rest) {
			reason = "something stands after the closing quote"
		}
		return text, reason
	case strings.IndexByte("{[", c) >= 0:
		return "", "a list or an object in brackets: only text is imported"
	case c == '>':
		return "", "a folded text: write it after a |, or in quotes"
	case strings.IndexByte("&*!%@`#,]}|", c) >= 0:
		return "", "it begins with a character that has a meaning in YAML: use quotes"
	case strings.IndexByte("-?:", c) >= 0 && (len(value) == 1 || value[1] == ' ' || value[1] == '\t'):
		return "", "it begins with a character that has a meaning in YAML: use quotes"
	}
	return plain(value)
}

func plain(value string) (text, reason string) {
	for i := 1; i < len(value); i++ {
		if value[i] == '#' && (value[i-1] == ' ' || value[i-1] == '\t') {
			value = value[:i]
			break
		}
	}
	value = strings.TrimRight(value, " \t")
	switch {
	case strings.Contains(value, ": "), strings.Contains(value, ":\t"), strings.HasSuffix(value, ":"):
		return "", "a colon without quotes: it could be a key"
	case strings.ContainsFunc(value, isUnprintable):
		return "", "an invisible character without quotes"
	}
	return value, typed(value)
}

func isUnprintable(c rune) bool {
	return c < ' ' || c == 0x7f || 0x80 <= c && c < 0xa0 || c == '\ufeff' || c == '\u2028' || c == '\u2029'
}

// typed says what a plain word is, if some version of YAML takes it for
// something else than text.
func typed(word string) (reason string) {
	const quote = ": only text is imported; quote it if it is one"
	switch strings.ToLower(word) {
	case "", "~", "null":
		return "null" + quote
	case "true", "false", "yes", "no", "on", "off", "y", "n":
		return "true or false" + quote
	case "=", "<<":
		return "it has a meaning in YAML: use quotes"
	}
	if strings.IndexByte("+-.0123456789", word[0]) < 0 {
		return ""
	}
	digits := strings.ReplaceAll(word, "_", "")
	_, notFloat := strconv.ParseFloat(digits, 64)
	_, notInt := strconv.ParseInt(digits, 0, 64)
	special := strings.ToLower(strings.TrimLeft(word, "+-"))
	switch {
	case isTimestamp(word):
		return "a time" + quote
	case notFloat == nil, notInt == nil, isRange(notFloat), isRange(notInt), special == ".inf", special == ".nan",
		strings.Trim(word, "+-0123456789_.:") == "" && strings.ContainsAny(word, "0123456789"):
		return "a number" + quote
	}
	return ""
}

func isRange(err error) bool {
	e, ok := err.(*strconv.NumError)
	return ok && e.Err == strconv.ErrRange
}

// isTimestamp goes by the year and the characters.
func isTimestamp(word string) bool {
	return len(word) > 5 && strings.Trim(word[:4], "0123456789") == "" && word[4] == '-' && strings.Trim(word, "0123456789-:.TtZz+ \t") == ""
}

// quoted reads the text in quotes at the beginning of s and returns what comes
// after it.
func quoted(s string) (text, rest, reason string) {
	if s[0] == '\'' {
		return singleQuoted(s[1:])
	}
	return doubleQuoted(s[1:])
}

const unclosed = "a quote is not closed on its line"

func singleQuoted(s string) (text, rest, reason string) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "'")
		if !found {
			return "", "", unclosed
		}
		b.WriteString(before)
		if !strings.HasPrefix(after, "'") {
			return b.String(), after, ""
		}
		b.WriteByte('\'')
		s = after[1:]
	}
}

func doubleQuoted(s string) (text, rest, reason string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], ""
		case '\\':
			c, length := escape(s[i+1:])
			if length == 0 {
				return "", "", "an escape in double quotes that YAML does not have"
			}
			b.WriteString(c)
			i += length
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", unclosed
}

// escape reads what follows on a backslash; of length 0 it is none.
func escape(s string) (text string, length int) {
	if s == "" {
		return "", 0
	}
	const names, meanings = `0abtnvfre"/\ N_LP`, "\x00\a\b\t\n\v\f\r\x1b\"/\\ \u0085\u00a0\u2028\u2029"
	if i := strings.IndexByte(names, s[0]); i >= 0 {
		return string([]rune(meanings)[i]), 1
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]]
	if digits == 0 || len(s) <= digits {
		return "", 0
	}
	code, err := strconv.ParseUint(s[1:1+digits], 16, 32)
	if err != nil || code > utf8.MaxRune || !utf8.ValidRune(rune(code)) {
		return "", 0
	}
	return string(rune(code)), 1 + digits
}

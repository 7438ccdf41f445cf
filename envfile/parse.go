package envfile

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Assignment is a variable that an env file sets.
type Assignment struct {
	Name  string
	Line  int // from 1, where it begins
	Value []byte
}

// Refusal is a line of an env file that cannot be taken for one value. It never
// holds any of the value.
type Refusal struct {
	Name   string // of the variable, empty where that is what is wrong
	Line   int    // from 1
	Reason string
}

// maxRefusals is how many lines are refused before the rest is left unread.
const maxRefusals = 100

// Parse reads a .env file. There is no one syntax for these, so a line counts
// only where the readers of them give one value: the dotenv library and node's
// --env-file, python-dotenv, docker compose, and a shell that sources the file.
// Any other line is refused, with what they differ in. So are lines that
// expand a variable or run a command.
//
// A line may begin with "export ". A value is
//   - bare, up to the end of the line or to a blank and a #: of characters that
//     a shell takes as they are, or & which no shell reads as part of a value,
//     nor as the end of one,
//   - in single quotes, as it is, also on several lines, or
//   - in double quotes, the same, with \n for a newline: a shell does not know
//     that one, and everybody who writes it means it.
//
// A byte order mark is dropped, and a carriage return at the end of a line that
// ends a value; within one readers differ. A file
// that Managed knows for ours is read by the rules it was written by: what
// stands in single quotes there is the value, without an exception.
//
// A name may be set more than once; readers take the last.
func Parse(data []byte) (set []Assignment, refused []Refusal) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	r := &envReader{ours: Managed(data), rest: data, line: 1}
	for len(r.rest) > 0 && len(r.refused) < maxRefusals {
		r.next()
	}
	return r.set, r.refused
}

type envReader struct {
	ours    bool
	rest    []byte // from the beginning of a line
	line    int
	set     []Assignment
	refused []Refusal
}

// next reads a line, or as many as its value has.
func (r *envReader) next() {
	line, _ := cutLine(r.rest)
	text := bytes.TrimLeft(line, " ")
	if len(text) == 0 || text[0] == '#' {
		if reason := checkRest(text); reason != "" {
			r.refuse("", reason)
		}
		r.skip(len(line))
		return
	}
	name, reason := cutName(text)
	if reason != "" {
		r.refuse("", reason)
		r.skip(len(line))
		return
	}
	start := len(line) - len(text) + bytes.IndexByte(text, '=') + 1
	value, length, reason := r.value(r.rest[start:], len(line)-start)
	if reason == "" {
		reason = checkText(value)
	}
	if reason != "" {
		r.refuse(name, reason)
	} else {
		r.set = append(r.set, Assignment{name, r.line, value})
	}
	r.skip(start + length)
}

func (r *envReader) refuse(name, reason string) {
	r.refused = append(r.refused, Refusal{name, r.line, reason})
}

// skip goes on to the line after the first n bytes.
func (r *envReader) skip(n int) {
	r.line += bytes.Count(r.rest[:n], []byte{'\n'}) + 1
	_, r.rest, _ = bytes.Cut(r.rest[n:], []byte{'\n'})
}

// cutName returns what stands before the equals sign. A line without one is
// not repeated: it may be part of a value.
func cutName(text []byte) (name, reason string) {
	before, _, found := strings.Cut(string(text), "=")
	if !found {
		return "", "there is no = in it"
	}
	before = strings.TrimPrefix(before, "export ")
	switch {
	case strings.TrimRight(before, " ") != before:
		return "", "there is a blank before the =, where a shell would run a command"
	case strings.TrimLeft(before, " \t") != before, strings.HasPrefix(before, "export\t"):
		return "", "there is a tab, or more than one space, where some readers take it for a part of the name"
	case checkGrammar(before) != "":
		return "", "what stands before the = is not the name of a variable"
	}
	return before, ""
}

// value reads the value at the beginning of text, whose first line has the
// given length, and returns how many bytes of text belong to it.
func (r *envReader) value(text []byte, lineLength int) (value []byte, length int, reason string) {
	if lineLength == 0 {
		return nil, 0, ""
	}
	quote := text[0]
	if quote != '\'' && quote != '"' {
		value, reason = bare(string(text[:lineLength]))
		return value, lineLength, reason
	}
	end := closingQuote(text, quote, r.ours)
	escaped := end < 0
	if escaped {
		end = closingQuote(text, quote, true)
	}
	if end < 0 {
		return nil, len(text), "the quote is never closed"
	}
	length = end + 1
	after, _ := cutLine(text[length:])
	length += len(after)
	if escaped {
		return nil, length, "a backslash before the closing quote: to some readers the quote is never closed"
	}
	if reason := checkAfterQuote(after); reason != "" {
		return nil, length, reason
	}
	body := text[1:end]
	switch {
	case quote == '"':
		value, reason = doubleQuoted(body)
	case r.ours:
		value = body
	default:
		value, reason = singleQuoted(body)
	}
	return value, length, reason
}

// closingQuote is where the quote that opens text closes, or -1. A backslash
// before it may be an escape; which readers take for one is looked at later.
func closingQuote(text []byte, quote byte, ours bool) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == quote:
			return i
		case text[i] == '\\' && !ours:
			i++
		}
	}
	return -1
}

func checkAfterQuote(after []byte) (reason string) {
	text := bytes.TrimLeft(after, " \t")
	switch {
	case len(text) == 0:
		return ""
	case len(text) == len(after):
		return "text stands right after the closing quote"
	case text[0] != '#':
		return "text stands after the closing quote"
	}
	return checkRest(text)
}

// checkRest refuses a comment that some readers see the end of before the end
// of the line, so that what follows would be a variable to them.
func checkRest(text []byte) (reason string) {
	switch {
	case bytes.ContainsAny(text, "\r\u2028\u2029"):
		return "there is a line end in it that only some readers know"
	case bytes.IndexByte(text, 0) >= 0:
		return hasNUL
	}
	return ""
}

func singleQuoted(body []byte) (value []byte, reason string) {
	switch {
	case bytes.IndexByte(body, '\r') >= 0:
		return nil, carriageReturn
	case bytes.Contains(body, []byte(`\'`)):
		return nil, `\' in single quotes: some readers end the value there`
	case bytes.Contains(body, []byte(`\\`)):
		return nil, `\\ in single quotes: python-dotenv takes it for one backslash`
	case bytes.Contains(body, []byte("${")):
		return nil, "${ in single quotes: python-dotenv expands it; " + literally
	}
	return body, ""
}

const (
	carriageReturn = "it has a carriage return, which some readers drop and some keep"
	literally      = "add the value by itself with secrets add"
)

func doubleQuoted(body []byte) (value []byte, reason string) {
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c == '\r':
			return nil, carriageReturn
		case c == '$':
			return nil, "$ in double quotes: shells and docker compose expand it; write what it stands for, or use single quotes"
		case c == '`':
			return nil, "` in double quotes: a shell runs what stands there; use single quotes"
		case c == '\\' && body[i+1] != 'n': // a pair, or the quote would not have closed
			return nil, fmt.Sprintf("%s in double quotes: readers differ in what it stands for; use single quotes", shownEscape(body[i+1:]))
		case c == '\\':
			value = append(value, '\n')
			i++
		default:
			value = append(value, c)
		}
	}
	return value, ""
}

// shownEscape names an escape without more of the value than it takes.
func shownEscape(after []byte) string {
	if c := after[0]; strings.IndexByte(`\"'$rtbfav`, c) >= 0 {
		return `\` + string(c)
	}
	return "a backslash"
}

// bare reads a value without quotes, which stands on one line.
func bare(text string) (value []byte, reason string) {
	value = []byte(strings.TrimRight(text, " "))
	if len(value) == 0 {
		return nil, ""
	}
	if value[0] == ' ' {
		return nil, "there is a blank after the =, where a shell ends the value"
	}
	if i := bytes.IndexByte(value, '#'); i >= 0 {
		if i == 0 || value[i-1] != ' ' {
			return nil, "# without a blank before it and without quotes: for some readers a comment begins there"
		}
		if reason := checkRest(value[i:]); reason != "" {
			return nil, reason
		}
		value = bytes.TrimRight(value[:i], " ")
	}
	return value, checkBare(string(value))
}

// checkBare refuses what a shell reads in another way than the libraries do.
// A & ends a command and not a value: the shell sets nothing.
func checkBare(value string) (reason string) {
	for i, c := range value {
		switch {
		case c == utf8.RuneError:
			continue // checkText says what is wrong with it
		case c == '\t':
			return "a tab without quotes: some readers drop it; use quotes"
		case c == ' ':
			return "a blank without quotes: a shell ends the value there; use single quotes"
		case c == '$':
			return "$ without quotes: shells and docker compose expand it; write what it stands for, or use single quotes"
		case strings.ContainsRune("'\"\\`;<>()|", c):
			return fmt.Sprintf("%c without quotes: a shell takes it for something else; use quotes", c)
		case c == '&' && strings.HasPrefix(value[i:], "&&"):
			return "&& without quotes: a shell ends the value there; use quotes"
		case c == '~' && (i == 0 || value[i-1] == ':'):
			return "~ without quotes: a shell takes it for a directory; use quotes"
		case unicode.IsSpace(c), unicode.IsControl(c), c == '\ufeff':
			return "an invisible character without quotes: some readers drop it; use quotes"
		}
	}
	return ""
}

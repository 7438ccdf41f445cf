package strictjson

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// maxKeyBytes bounds how much of a key an error repeats.
const maxKeyBytes = 64

// Error says what is wrong and where. Line and Column count from 1, Column in
// bytes. Problem never holds a value of the input, only object keys, quoted
// and shortened, and at most one character that breaks the syntax.
type Error struct {
	Line, Column int
	Problem      string

	// manyLines makes Error name the line: for one line that is noise.
	manyLines bool
}

func (e *Error) Error() string {
	if e.manyLines {
		return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Problem)
	}
	return fmt.Sprintf("column %d: %s", e.Column, e.Problem)
}

// errorAt places a problem at the byte data[offset]. White space after the
// value, such as the newline that ends a line, makes no further line.
func errorAt(data []byte, offset int, problem string) *Error {
	before := data[:offset]
	return &Error{
		Line:      1 + bytes.Count(before, []byte{'\n'}),
		Column:    offset - bytes.LastIndexByte(before, '\n'),
		Problem:   problem,
		manyLines: bytes.IndexByte(trimRight(data), '\n') >= 0,
	}
}

func trimRight(data []byte) []byte {
	return bytes.TrimRight(data, " \t\r\n")
}

// quoteKey makes a key fit for a terminal: one line, bounded, no control or
// direction-changing characters.
func quoteKey(key []byte) string {
	if len(key) <= maxKeyBytes {
		return strconv.Quote(string(key))
	}
	end := maxKeyBytes
	for end > 0 && !utf8.RuneStart(key[end]) {
		end--
	}
	return strconv.Quote(string(key[:end])) + "..."
}

// aboutKey puts the key before the problem; the outermost value has none.
func aboutKey(key []byte, problem string) string {
	if key == nil {
		return problem
	}
	return "key " + quoteKey(key) + ": " + problem
}

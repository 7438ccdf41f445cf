package importer

import (
	"strings"
	"unicode/utf8"
)

// readYAML reads the YAML that sops -d prints, and people write for it: mappings
// in mappings, indented by spaces, of texts that are plain, quoted or, after a |,
// in a block. Whatever else YAML has is refused, by its line. What some version
// of YAML takes for something else than a text is not one here.
func readYAML(data []byte) Found {
	r := &yamlReader{}
	if !utf8.Valid(data) {
		r.fail("", "it is not UTF-8 text")
		return r.found
	}
	r.open = len(data) > 0 && data[len(data)-1] != '\n'
	for line := range strings.Lines(string(data)) {
		text := strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if strings.ContainsAny(text, "\r\u0085\u2028\u2029") {
			r.at = len(r.lines)
			r.fail("", "there is a line end in it that only some versions of YAML know")
			return r.found
		}
		r.lines = append(r.lines, text)
	}
	if r.more() && strings.HasPrefix(r.lines[r.at], "---") {
		if rest := r.lines[r.at][3:]; rest != "" && !isComment(rest) {
			r.fail("", "something stands after the ---")
		}
		r.at++
	}
	if r.more() && indentOf(r.lines[r.at]) > 0 {
		r.fail("", "the first key is indented")
	}
	r.mapping("", 0)
	return r.found
}

// yamlReader is at a line. After a fault in the structure nothing more is read.
type yamlReader struct {
	lines   []string
	open    bool // the last line does not end
	at      int  // index of the next line
	depth   int
	found   Found
	stopped bool
}

// fail stops at the present line.
func (r *yamlReader) fail(key, reason string) {
	if !r.stopped {
		r.found.refuse(key, r.at+1, reason)
	}
	r.stopped = true
}

// more skips empty lines and comments, and reports whether there is a line.
func (r *yamlReader) more() bool {
	for ; r.at < len(r.lines); r.at++ {
		if text := strings.Trim(r.lines[r.at], " "); text != "" && text[0] != '#' {
			return !r.stopped
		}
	}
	return false
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

func isComment(text string) bool {
	trimmed := strings.TrimLeft(text, " \t")
	return trimmed == "" || trimmed[0] == '#' && len(trimmed) < len(text)
}

// maxDepth is how many mappings may lie inside one another.
const maxDepth = 32

// mapping reads the members that have this indentation.
func (r *yamlReader) mapping(path string, indent int) {
	r.depth++
	defer func() { r.depth-- }()
	if r.depth > maxDepth {
		r.fail("", "nested deeper than 32")
	}
	for r.more() && indentOf(r.lines[r.at]) >= indent {
		line := r.lines[r.at]
		text := line[indent:]
		switch {
		case text[0] == ' ':
			r.fail("", "it is indented more than what it could belong to; a text of more than one line takes a |")
		case text[0] == '\t':
			r.fail("", "it is indented by a tab")
		case text == "-" || strings.HasPrefix(text, "- "):
			r.fail(path, "a list: only text is imported")
		case strings.HasPrefix(text, "---"), strings.HasPrefix(text, "..."):
			r.fail("", "more than one document")
		default:
			r.member(path, indent, text)
		}
	}
}

func (r *yamlReader) member(path string, indent int, text string) {
	key, value, reason := cutKey(text)
	if reason != "" {
		r.fail("", reason)
		return
	}
	line := r.at + 1
	key = join(path, key)
	r.at++
	if isComment(value) {
		r.nested(key, indent, line)
		return
	}
	value = strings.TrimLeft(value, " ")
	if value[0] == '|' {
		r.block(key, indent, value[1:])
		return
	}
	if rest, empty := strings.CutPrefix(value, "{}"); empty && isComment(rest) {
		return
	}
	scalar, reason := readScalar(value)
	if reason != "" {
		r.found.refuse(key, line, reason)
	} else {
		r.found.Entries = append(r.found.Entries, Entry{key, line, []byte(scalar)})
	}
}

// nested reads the mapping of a key that has nothing on its line.
func (r *yamlReader) nested(key string, indent, line int) {
	if r.more() {
		next := indentOf(r.lines[r.at])
		text := r.lines[r.at][next:]
		if next > indent {
			r.mapping(key, next)
			return
		}
		if next == indent && (text == "-" || strings.HasPrefix(text, "- ")) {
			r.fail(key, "a list: only text is imported")
			return
		}
	}
	r.found.refuse(key, line, "null: only text is imported")
}

// cutKey takes a line apart at the colon after its key.
func cutKey(text string) (key, value, reason string) {
	if text[0] == '"' || text[0] == '\'' {
		key, rest, reason := quoted(text)
		if reason != "" {
			return "", "", reason
		}
		value, found := strings.CutPrefix(rest, ":")
		if !found || value != "" && value[0] != ' ' {
			return "", "", "it is not a key with a text"
		}
		return key, value, ""
	}
	key, value, found := strings.Cut(text, ":")
	if !found || value != "" && value[0] != ' ' || strings.Trim(key, keyCharacters) != "" || key == "" || key[0] == '-' {
		return "", "", "it is not a key with a text"
	}
	return key, value, ""
}

// keyCharacters are those that names of secrets have, and _ and - first.
const keyCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/-"

// block reads the lines of a text after a |. What stands after that says how
// far they are indented and what becomes of newlines at the end.
func (r *yamlReader) block(key string, indent int, header string) {
	line := r.at // from 1, of the key
	chomp, column, ok := readHeader(header)
	if !ok {
		r.at--
		r.fail(key, "what stands after the | is not understood")
		return
	}
	column += indent
	if column == indent {
		column = r.blockColumn(indent)
	}
	var b strings.Builder
	for ; r.at < len(r.lines); r.at++ {
		text := r.lines[r.at]
		switch blank := strings.Trim(text, " ") == ""; {
		case blank && len(text) <= column:
			b.WriteByte('\n')
			continue
		case indentOf(text) >= column:
			b.WriteString(text[column:] + "\n")
			continue
		}
		break
	}
	text := b.String()
	if r.open && r.at == len(r.lines) {
		text = strings.TrimSuffix(text, "\n")
	}
	r.found.Entries = append(r.found.Entries, Entry{key, line, []byte(chomped(text, chomp))})
}

func readHeader(text string) (chomp byte, column int, ok bool) {
	for text != "" && !isComment(text) {
		switch c := text[0]; {
		case (c == '-' || c == '+') && chomp == 0:
			chomp = c
		case '1' <= c && c <= '9' && column == 0:
			column = int(c - '0')
		default:
			return 0, 0, false
		}
		text = text[1:]
	}
	return chomp, column, true
}

// blockColumn is where the first line of a block begins that is not empty.
func (r *yamlReader) blockColumn(indent int) int {
	widest := 0
	for _, text := range r.lines[r.at:] {
		column := indentOf(text)
		if column == len(text) {
			widest = max(widest, column)
			continue
		}
		if column <= indent {
			break // the text has no other lines
		}
		if widest > column || text[column] == '\t' {
			r.fail("", "how far the text is indented cannot be told")
		}
		return column
	}
	return max(widest, indent+1)
}

// chomped drops newlines at the end: all but one, all (-), or none (+).
func chomped(text string, chomp byte) string {
	if chomp == '+' {
		return text
	}
	body := strings.TrimRight(text, "\n")
	if chomp == '-' || body == "" || body == text {
		return body
	}
	return body + "\n"
}

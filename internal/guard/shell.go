package guard

import "strings"

// command is a simple command of a shell script: its words without quotes, with
// nothing expanded, and the files that it is redirected from and to.
type command struct {
	words    []string
	from, to []string
}

// parse cuts a script into its simple commands, in the order in which they end;
// those within substitutions come before the one that they are part of. It never
// fails: what is not closed ends with the script.
func parse(script string) []command {
	p := &parser{src: script}
	p.list(0, 0)
	return p.commands
}

type parser struct {
	src      string
	pos      int
	commands []command
}

// maxNesting bounds parentheses within parentheses.
const maxNesting = 100

// simple is a command that is being read.
type simple struct {
	command
	word    strings.Builder
	inWord  bool
	next    byte     // what the next word is: '<' or '>' for a file, 'h' for a here-document's end
	pending []string // ends of here-documents that begin after this line
}

// list reads commands up to the byte end, or 0 for the end of the script.
func (p *parser) list(end byte, depth int) {
	var s simple
	for p.pos < len(p.src) {
		c := p.src[p.pos]
		p.pos++
		switch {
		case end != 0 && c == end:
			p.finish(&s)
			return
		case c == '\'' || c == '"' || c == '\\':
			s.inWord = true
			p.quoted(&s, c, depth)
		case p.substitution(&s, c, depth):
		case c == '<' || c == '>':
			p.redirect(&s, c)
		case c == '\n':
			p.finish(&s)
			p.hereDocuments(&s)
		case c == '(' && depth < maxNesting:
			p.finish(&s)
			p.list(')', depth+1)
		case strings.IndexByte(";&|()", c) >= 0:
			p.finish(&s)
		case c == ' ' || c == '\t' || c == '\r':
			s.endWord()
		case c == '#' && !s.inWord:
			p.skipLine()
		default:
			s.inWord = true
			s.word.WriteByte(c)
		}
	}
	p.finish(&s)
}

// quoted reads what a quote or backslash begins, without the quotes.
func (p *parser) quoted(s *simple, quote byte, depth int) {
	switch quote {
	case '\\':
		if p.pos < len(p.src) {
			if p.src[p.pos] != '\n' {
				s.word.WriteByte(p.src[p.pos])
			}
			p.pos++
		}
	case '\'':
		length := strings.IndexByte(p.src[p.pos:], '\'')
		if length < 0 {
			length = len(p.src) - p.pos
		}
		s.word.WriteString(p.src[p.pos : p.pos+length])
		p.pos = min(p.pos+length+1, len(p.src))
	default:
		p.doubleQuoted(s, depth)
	}
}

func (p *parser) doubleQuoted(s *simple, depth int) {
	for p.pos < len(p.src) {
		c := p.src[p.pos]
		p.pos++
		switch {
		case c == '"':
			return
		case c == '\\' && p.pos < len(p.src) && strings.IndexByte("\"\\$`", p.src[p.pos]) >= 0:
			s.word.WriteByte(p.src[p.pos])
			p.pos++
		case c != '<' && c != '>' && p.substitution(s, c, depth):
		default:
			s.word.WriteByte(c)
		}
	}
}

// substitution reads $(…), `…`, <(…) or >(…), whose commands count and whose
// output is unknown. In a word it stands as "$()", which names no file.
func (p *parser) substitution(s *simple, c byte, depth int) bool {
	end := byte('`')
	switch {
	case depth >= maxNesting:
		return false
	case c == '`':
	case strings.IndexByte("$<>", c) >= 0 && strings.HasPrefix(p.src[p.pos:], "("):
		p.pos++
		end = ')'
	default:
		return false
	}
	p.list(end, depth+1)
	s.inWord = true
	s.word.WriteString("$()")
	return true
}

// redirect reads the operator; the word that follows is its file.
func (p *parser) redirect(s *simple, c byte) {
	if isNumber(s.word.String()) {
		s.word.Reset() // of the descriptor
		s.inWord = false
	}
	s.endWord()
	s.next = c
	rest := p.src[p.pos:]
	switch {
	case c == '<' && strings.HasPrefix(rest, "<<"):
		p.pos += 2
		s.next = 's' // a string, no file
	case c == '<' && strings.HasPrefix(rest, "<"):
		p.pos++
		s.next = 'h'
		if strings.HasPrefix(p.src[p.pos:], "-") {
			p.pos++
		}
	case strings.HasPrefix(rest, "&"):
		p.pos++
		s.next = 's' // a descriptor
	case strings.HasPrefix(rest, ">") || strings.HasPrefix(rest, "|"):
		p.pos++
	}
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func (s *simple) endWord() {
	if !s.inWord {
		return
	}
	word := s.word.String()
	s.word.Reset()
	s.inWord = false
	switch s.next {
	case '<':
		s.from = append(s.from, word)
	case '>':
		s.to = append(s.to, word)
	case 'h':
		s.pending = append(s.pending, word)
	case 's':
	default:
		s.words = append(s.words, word)
	}
	s.next = 0
}

func (p *parser) finish(s *simple) {
	s.endWord()
	if len(s.words)+len(s.from)+len(s.to) > 0 {
		p.commands = append(p.commands, s.command)
	}
	s.command = command{}
}

// hereDocuments passes over the text of here-documents, which is no command.
func (p *parser) hereDocuments(s *simple) {
	for _, end := range s.pending {
		for p.pos < len(p.src) {
			line, _, _ := strings.Cut(p.src[p.pos:], "\n")
			p.pos = min(p.pos+len(line)+1, len(p.src))
			if strings.TrimLeft(line, "\t") == end {
				break
			}
		}
	}
	s.pending = nil
}

func (p *parser) skipLine() {
	length := strings.IndexByte(p.src[p.pos:], '\n')
	if length < 0 {
		length = len(p.src) - p.pos
	}
	p.pos += length
}

package cli

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// prose is a result that says in its own words what it means to people. One
// that does not is shown member by member.
type prose interface{ writeText(p *page) }

// page is what people read: lines and tables, no wider than pageWidth where
// that can be done without leaving anything out that has to be typed again.
type page struct {
	b     strings.Builder
	now   time.Time
	color bool
}

const pageWidth = 80

// style is how a terminal shows a text.
type style string

const (
	plain  style = ""
	strong style = "1"
	faint  style = "2"
	good   style = "32"
	warned style = "33"
	bad    style = "31"
)

func (p *page) styled(s style, text string) string {
	if !p.color || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// say writes a line. What comes from outside goes through clean first.
func (p *page) say(format string, args ...any) {
	fmt.Fprintf(&p.b, format+"\n", args...)
}

// cell is one place of a table.
type cell struct {
	text  string
	style style
}

func word(text string) cell          { return cell{clean(text), plain} }
func hued(s style, text string) cell { return cell{clean(text), s} }

// table writes rows with aligned columns under a header. The columns named
// elastic are cut where the line would be too long.
func (p *page) table(header []string, rows [][]cell, elastic ...int) {
	widths := make([]int, len(header))
	for i, h := range header {
		widths[i] = len(h)
	}
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	shrink(widths, header, elastic)
	head := make([]cell, len(header))
	for i, h := range header {
		head[i] = cell{h, faint}
	}
	for _, row := range append([][]cell{head}, rows...) {
		p.row(row, widths)
	}
}

const (
	gap        = 2 // spaces between columns
	leastWidth = 8 // of a column that is narrowed
)

// shrink narrows the elastic columns, always the widest of them, until a line
// fits or each is as narrow as makes sense.
func shrink(widths []int, header []string, elastic []int) {
	total := -gap
	for _, w := range widths {
		total += w + gap
	}
	for ; total > pageWidth; total-- {
		widest := -1
		for _, column := range elastic {
			least := max(len(header[column]), leastWidth)
			if widths[column] > least && (widest < 0 || widths[column] > widths[widest]) {
				widest = column
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
	}
}

func (p *page) row(row []cell, widths []int) {
	var line strings.Builder
	for i, c := range row {
		shown := fit(c.text, widths[i])
		line.WriteString(p.styled(c.style, shown))
		if i < len(row)-1 {
			line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(shown)+gap))
		}
	}
	p.b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

// fit shortens text to width characters, and shows that it did.
func fit(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	runes := []rune(text)
	return string(runes[:width-1]) + "…"
}

// clean drops what a terminal would act on.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r != ' ' && !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}

const barLength = 10

// bar shows which part of a whole is left.
func bar(left, whole time.Duration) string {
	filled := 0
	if whole > 0 {
		filled = int((left*barLength + whole - 1) / whole)
	}
	filled = min(max(filled, 0), barLength)
	return strings.Repeat("█", filled) + strings.Repeat("░", barLength-filled)
}

// count is a number of things, in words: "1 lease", "2 leases".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

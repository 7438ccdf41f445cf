package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// flagNames are the flags that may be suggested at this place of the line.
func (l *line) flagNames() []string {
	flags := l.app.Flags
	names := []string{"help"}
	if l.parsed.command != nil {
		flags = slices.Concat(l.parsed.command.Flags, flags)
	} else {
		names = append(names, "version")
	}
	for _, f := range flags {
		if !hidden(f) {
			names = append(names, f.Names()...)
		}
	}
	return names
}

func commandNames(app *cli.App) []string {
	var names []string
	for _, cmd := range app.Commands {
		if !cmd.Hidden {
			names = append(names, cmd.Names()...)
		}
	}
	return names
}

func didYouMean(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %s?", name)
}

// meant is the command that somebody may have meant who knows other tools, or
// has mistyped.
func meant(word string, names []string) string {
	elsewhere := map[string]string{
		"unfreeze": "thaw", "get": "lease", "show": "lease", "read": "lease", "set": "add", "create": "add", "put": "add", "edit": "update",
		"kill": "revoke --all", "killswitch": "revoke --all", "logs": "audit", "log": "audit", "check": "doctor", "unlease": "revoke",
	}
	if name, known := elsewhere[word]; known {
		return name
	}
	return nearest(word, names)
}

// nearest returns the first of the names that are closest to word, or "" where
// all are over two edits away, or over half of a short word ("serv" is no env).
func nearest(word string, names []string) string {
	best, found := 3, ""
	for _, name := range names {
		if n := len(name) - len(word); n > 2 || n < -2 {
			continue
		}
		if d := distance(word, name); d < best && 2*d <= min(len(word), len(name)) {
			best, found = d, name
		}
	}
	return found
}

// distance is the number of bytes to insert, delete or replace to make a of b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal, row[j+1] = row[j+1], min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// shown is a word as a message may repeat it: short, and without anything that
// a terminal would act on.
func shown(word string) string {
	word = shorten(word)
	quoted := strconv.Quote(word)
	if quoted == `"`+word+`"` && !strings.Contains(word, " ") {
		return word
	}
	return quoted
}

// shorten keeps so little of a long word that a key is of no use any more.
func shorten(word string) string {
	if len(word) <= maxShownBytes {
		return word
	}
	return word[:16] + "..."
}

// looksLikeFlag tells a mistyped flag from a secret that starts with a dash.
func looksLikeFlag(word string) bool {
	return len(word) <= 32 && strings.Trim(word, "-abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

package rotate

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"agent-secrets/internal/redact"
	"agent-secrets/store"
)

// shownLines is how many of a failed hook's last lines are worth reading.
const shownLines = 10

// show prints the end of what a hook that failed wrote to its standard error,
// with every value in the store, and what the hook itself printed as a new one,
// taken out.
func (r Runner) show(name string, out Output, known []store.Value) {
	if len(out.Stderr) == 0 { // as of a hook that prints without end
		return
	}
	secrets := []redact.Secret{{Name: name, Value: out.Value}}
	for _, v := range known {
		secrets = append(secrets, redact.Secret{Name: "a secret", Value: v.Reveal()})
	}
	lines := lastLines(redact.New(secrets...).Bytes(out.Stderr), out.Truncated)
	for _, line := range lines {
		// What cannot be printed is not worth failing for.
		_, _ = fmt.Fprintf(r.Stderr, "secrets: %s: %s\n", name, line)
	}
}

// lastLines returns the last lines as they may go to a terminal. A line that
// lacks its beginning is left out: a value that was cut cannot be recognised.
func lastLines(text []byte, cut bool) []string {
	if cut {
		_, text, _ = bytes.Cut(text, []byte{'\n'})
	}
	var lines []string
	for line := range bytes.Lines(text) {
		if line := strings.TrimRight(printable(string(line)), " "); line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-shownLines):]
}

// printable drops what would steer the terminal.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, line)
}

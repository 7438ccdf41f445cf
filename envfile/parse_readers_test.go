package envfile

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// What Parse accepts, the real readers read alike. They get one file with every
// line that it accepts out of many that were put together from what readers
// stumble over.
func TestReadersAgreeOnWhatParseAccepts(t *testing.T) {
	for _, r := range dotenvReaders() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			if !r.installed() {
				t.Skip("not installed: " + r.needs)
			}
			file, want := acceptedLines(t, func(line string) bool { return r.name != "node" || !nodeDiffers(line) })
			renderedSet{values: want}.check(t, r.run(t, file), false)
		})
	}
}

// A shell reads them alike too, save for \n in double quotes, & without quotes,
// which it sets nothing for, and a carriage return before the line end.
func TestShellsAgreeOnWhatParseAccepts(t *testing.T) {
	file, want := acceptedLines(t, func(line string) bool { return !shellDiffers(line) })
	for _, r := range shellReaders() {
		if r.format != "dotenv" || !strings.HasSuffix(r.name, "UTF-8") || strings.HasPrefix(r.name, "zsh") {
			continue // zsh looks for commands in more places than a POSIX shell
		}
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			if !r.installed() {
				t.Skip("not installed: " + r.needs)
			}
			renderedSet{values: want}.check(t, r.run(t, file), false)
		})
	}
}

func dotenvReaders() []reader {
	var readers []reader
	for _, r := range libraryReaders() {
		if r.format == "dotenv" {
			readers = append(readers, r)
		}
	}
	return append(readers, npmReaders()...)
}

// acceptedLines returns a file and what Parse reads in it.
func acceptedLines(t *testing.T, fit func(line string) bool) (file []byte, want map[string]string) {
	t.Helper()
	want = map[string]string{}
	var b strings.Builder
	for i, line := range candidates() {
		name := fmt.Sprintf("K%04d", i)
		line = strings.ReplaceAll(line, "NAME", name)
		set, refused := Parse([]byte(line))
		if len(refused) > 0 || len(set) > 1 || !fit(line) {
			continue
		}
		b.WriteString(line + "\n")
		if len(set) == 1 {
			want[set[0].Name] = string(set[0].Value)
		}
	}
	if len(want) < 500 {
		t.Fatalf("only %d lines are accepted", len(want))
	}
	set, refused := Parse([]byte(b.String()))
	if len(refused) > 0 || len(set) != len(want) {
		t.Fatalf("%d variables in one file of %d lines that are accepted one by one, and %v", len(set), len(want), refused)
	}
	for _, a := range set {
		if want[a.Name] != string(a.Value) {
			t.Fatalf("%s has another value among the others", a.Name)
		}
	}
	return []byte(b.String()), want
}

func shellDiffers(line string) bool {
	return strings.Contains(line, `\n`) || strings.Contains(line, "&") || strings.Contains(line, "\r")
}

// nodeDiffers: node takes an indented comment that follows on an empty line for
// the beginning of the next name.
func nodeDiffers(line string) bool {
	return strings.HasPrefix(line, " ") || strings.Contains(line, "\n #") || strings.Contains(line, "\n  ")
}

// candidates are lines for a variable NAME, most of which are refused.
func candidates() []string {
	parts := []string{
		"a", "b", "x1", "K", "=", "==", " ", "\t", "#", " #", "# ", "'", "'", `"`, `"`, "`", `\`, `\n`, `\r`, `\t`, `\\`, `\"`, `\'`, "$", "${", "}", "$(", ")", "(",
		"&", "&&", ";", "|", "<", ">", "~", ":", ":~", "*", "?", "[", "]", "{", ",", "!", "%", "@", "^", "+", "-", ".", "/", "\n", "\n\n", "é", "🔐", "\u00a0", "\u2028", "\u0085", "\ufeff", "\r", "\v", "\f", "\x1c", "\x01", "\x7f",
	}
	random := rand.New(rand.NewPCG(3, 4))
	some := func(most int) string {
		var b strings.Builder
		for range random.IntN(most + 1) {
			b.WriteString(parts[random.IntN(len(parts))])
		}
		return b.String()
	}
	one := func(from ...string) string { return from[random.IntN(len(from))] }
	lines := []string{"NAME=", "export NAME=", "NAME=''", `NAME=""`, "NAME= ", "# it's \"a\" comment", "  # NAME=x", "", "  ", "\t", " \t ", "\r"}
	for _, p := range parts {
		for _, q := range []string{"", "'", `"`} {
			lines = append(lines, "NAME="+q+p+q, "NAME="+q+"a"+p+q, "NAME="+q+p+"b"+q, "NAME="+q+"a"+p+"b"+q, "NAME="+q+"a"+q+p, "#"+p+"NAME=x")
		}
	}
	for range 6000 {
		quote := one("", "", "'", "'", `"`, `"`)
		lines = append(lines, one("", "", "", " ", "\t", "export ", "export  ")+"NAME="+quote+some(6)+quote+one("", "", "", " ", " # it's a comment", "\t#", " #'x' \"", "\t", "\r"))
	}
	return lines
}

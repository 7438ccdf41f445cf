package cli

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestATableFitsThePage(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("wörter ", 20)
	p := &page{}
	p.table([]string{"ID", "ONE", "OTHER"}, [][]cell{
		{word("01JABCDEFGHJKMNPQRSTVWXYZ0"), word(long), word(long)},
		{word("x"), word("short"), word("\x1b[2J\nline")},
	}, 1, 2)
	lines := strings.Split(strings.TrimSuffix(p.b.String(), "\n"), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines: %q", len(lines), lines)
	}
	for _, line := range lines {
		if utf8.RuneCountInString(line) > pageWidth || strings.TrimRight(line, " ") != line || strings.ContainsRune(line, 0x1b) {
			t.Errorf("%d characters: %q", utf8.RuneCountInString(line), line)
		}
	}
	if !strings.HasPrefix(lines[1], "01JABCDEFGHJKMNPQRSTVWXYZ0  wörter") || strings.Count(lines[1], "…") != 2 {
		t.Errorf("what is to be typed again is cut, or nothing is: %q", lines[1])
	}
	if at := strings.Index(lines[0], "OTHER"); at != strings.Index(lines[2], " [2J line") {
		t.Errorf("the columns are not aligned:\n%s", p.b.String())
	}
}

func TestColourIsForATerminalAlone(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		terminal   bool
		vars, want string
	}{
		{true, "", "\x1b[31mFROZEN\x1b[0m"}, {false, "", "FROZEN"}, {true, "NO_COLOR=1", "FROZEN"}, {true, "TERM=dumb", "FROZEN"}, {true, "TERM=xterm", "\x1b[31mFROZEN\x1b[0m"},
	} {
		inv := &invocation{env: &Env{Getenv: func(name string) string {
			if key, value, _ := strings.Cut(test.vars, "="); key == name {
				return value
			}
			return ""
		}}}
		p := &page{color: inv.color(test.terminal)}
		if got := p.styled(bad, "FROZEN"); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

func TestABarShowsWhatIsLeft(t *testing.T) {
	t.Parallel()
	for left, want := range map[time.Duration]string{
		time.Hour: "██████████", 30 * time.Minute: "█████░░░░░", time.Second: "█░░░░░░░░░", 0: "░░░░░░░░░░", -time.Hour: "░░░░░░░░░░", 2 * time.Hour: "██████████",
	} {
		if got := bar(left, time.Hour); got != want {
			t.Errorf("%s of an hour: %s", left, got)
		}
	}
}

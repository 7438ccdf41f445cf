package envfile

import (
	"errors"
	"strings"
	"testing"
)

// rereadSh reads what follows the equals sign as a shell does. It knows no
// expansion: ok is false for text in which a shell would look for one.
func rereadSh(text string) (value string, ok bool) {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\'':
			end := strings.IndexByte(text[i+1:], '\'')
			if end < 0 {
				return "", false
			}
			out.WriteString(text[i+1 : i+1+end])
			i += end + 1
		case c == '"':
			end := strings.IndexByte(text[i+1:], '"')
			if end < 0 || strings.ContainsAny(text[i+1:i+1+end], "\\$`") {
				return "", false
			}
			out.WriteString(text[i+1 : i+1+end])
			i += end + 1
		case c == '\\' && i+1 < len(text) && text[i+1] == '\'':
			out.WriteByte('\'')
			i++
		case isWord(c) || strings.IndexByte("./@%+,:-=", c) >= 0:
			out.WriteByte(c)
		default:
			return "", false
		}
	}
	return out.String(), true
}

func addSeeds(f *testing.F) {
	for _, v := range loadVectors(f) {
		f.Add(string(v.Value))
	}
	for _, s := range []string{"", "'", "''", `'\''`, "\x00", "\xff'", "\n'\n", "a=", "===", `"'`, `\`, `\'`, "$(touch x)"} {
		f.Add(s)
	}
}

// fileText renders one value and returns what stands between the prefix and
// the last newline.
func fileText(t *testing.T, format, prefix, value string) (text string, err error) {
	out, err := renderOne(format, value)
	if err != nil {
		if !errors.Is(err, ErrUnrepresentable) {
			t.Fatalf("%s: %q: %v", format, value, err)
		}
		return "", err
	}
	text, found := strings.CutPrefix(string(out.File), "# managed by secrets\n"+prefix)
	text, ended := strings.CutSuffix(text, "\n")
	if !found || !ended {
		t.Fatalf("%s: %q became %q", format, value, out.File)
	}
	return text, nil
}

func FuzzRenderSh(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, value string) {
		text, err := fileText(t, "sh", "export KEY=", value)
		if (err != nil) != strings.Contains(value, "\x00") {
			t.Fatalf("%q: %v", value, err)
		}
		if got, ok := rereadSh(text); err == nil && (!ok || got != value) {
			t.Fatalf("%q became %q, read as %q", value, text, got)
		}
	})
}

func FuzzRenderDotenv(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, value string) {
		text, err := fileText(t, "dotenv", "KEY=", value)
		if got, ok := rereadSh(text); err == nil && (!ok || got != value) {
			t.Fatalf("%q became %q, read as %q", value, text, got)
		}
	})
}

// What the rules for docker, github and systemd accept, the readers in
// rules_test.go give back.
func FuzzRenderByRules(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, value string) {
		for _, reader := range ruleReaders() {
			out, err := renderOne(reader.format, value)
			if err != nil {
				continue
			}
			got, err := reader.read(out.File)
			if err != nil || len(got) != 1 || got["KEY"] != value {
				t.Fatalf("%s: %q became %q, read as %q, %v", reader.format, value, out.File, got, err)
			}
		}
	})
}

package envfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func allFormats() []string {
	return []string{"docker", "dotenv", "fish", "github", "json", "sh", "systemd"}
}

// zeros stands for a random source where the test wants known delimiters.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func renderOne(format, value string) (Output, error) {
	return Render(format, Header{}, []Var{{"KEY", "db/pass", []byte(value)}}, zeros{})
}

type vector struct {
	Name     string
	Value    []byte   `json:"value_b64"`
	Encoded  []byte   `json:"encoded_b64"`
	Refusal  string   `json:"refusal"`
	Warnings []string `json:"warnings"`
}

func loadVectors(t testing.TB) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/dotenv-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []vector }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) < 100 {
		t.Fatalf("only %d vectors", len(file.Vectors))
	}
	return file.Vectors
}

func TestDotenvVectors(t *testing.T) {
	for _, v := range loadVectors(t) {
		text, refusal := quoteDotenv(v.Value)
		if text != string(v.Encoded) || refusal != v.Refusal {
			t.Errorf("%s: got %q, %q, want %q, %q", v.Name, text, refusal, v.Encoded, v.Refusal)
		}
		if classes := warningClasses(v.Value); !slices.Equal(classes, v.Warnings) {
			t.Errorf("%s: warns of %q, want %q", v.Name, classes, v.Warnings)
		}
		checkVectorRender(t, v)
	}
}

// warningClasses are none for a value that is refused before its quotes are
// chosen. Render warns of no refused value at all.
func warningClasses(value []byte) []string {
	classes := []string{}
	if checkDotenv(value) != "" {
		return classes
	}
	for _, w := range dotenvWarnings(value) {
		classes = append(classes, w.name)
	}
	return classes
}

func checkVectorRender(t *testing.T, v vector) {
	t.Helper()
	out, err := renderOne("dotenv", string(v.Value))
	if v.Refusal != "" {
		if !errors.Is(err, ErrUnrepresentable) || !strings.Contains(err.Error(), v.Refusal) {
			t.Errorf("%s: want %q, got %v", v.Name, v.Refusal, err)
		}
		return
	}
	if want := "# managed by secrets\nKEY=" + string(v.Encoded) + "\n"; err != nil || string(out.File) != want {
		t.Errorf("%s: got %q, %v", v.Name, out.File, err)
	}
	if len(out.Warnings) != len(v.Warnings) {
		t.Errorf("%s: got %q", v.Name, out.Warnings)
	}
}

func TestDotenvRules(t *testing.T) {
	for value, want := range map[string]string{
		"":                   "",
		"abc":                "abc",
		"a.b@c/d:e,f%g+h-":   "a.b@c/d:e,f%g+h-",
		"YWI=":               "YWI=",
		"YQ==":               "YQ==",
		"YQ===":              "'YQ==='",
		"=":                  "'='",
		"==":                 "'=='",
		"a=b":                "'a=b'",
		"a.":                 "'a.'",
		"a:":                 "'a:'",
		"a@":                 "'a@'",
		"a.=":                "'a.='",
		"é":                  "'é'",
		" ":                  "' '",
		"a b":                "'a b'",
		"a\tb":               "'a\tb'",
		"it's":               `"it's"`,
		"'":                  `"'"`,
		"a\nb":               "\"a\nb\"",
		"\n":                 "\"\n\"",
		"a\n\"b\"":           "'a\n\"b\"'",
		"a\n$b":              "'a\n$b'",
		"a\n`b`":             "'a\n`b`'",
		"-----BEGIN\nx\n---": "\"-----BEGIN\nx\n---\"",
	} {
		if text, refusal := quoteDotenv([]byte(value)); text != want || refusal != "" {
			t.Errorf("%q: got %q, %q, want %q", value, text, refusal, want)
		}
	}
	for value, want := range map[string]string{
		"a\x00b":       hasNUL,
		"\x00":         hasNUL,
		"\xff":         notUTF8,
		"\xed\xa0\x80": notUTF8, // a surrogate
		"a\r":          "carriage return",
		"a\\":          "backslash where the quote closes",
		"\\":           "backslash where the quote closes",
		"\n\\":         "backslash where the quote closes",
		"\\'":          "backslash where the quote closes",
		"'\"":          "single quote together",
		"'\n`":         "single quote together",
	} {
		if text, refusal := quoteDotenv([]byte(value)); text != "" || !strings.Contains(refusal, want) {
			t.Errorf("%q: got %q, %q, want %q", value, text, refusal, want)
		}
	}
}

func TestRenderGolden(t *testing.T) {
	header := Header{Expires: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)}
	vars := []Var{
		{"B_KEY", "b", []byte(`p<w> $1\"x"`)},
		{"A_KEY", "a", []byte("plain")},
	}
	const comments = "# managed by secrets\n# expires 2026-01-02T15:04:05Z\n"
	const delimiter = "ghadelimiter_00000000000000000000000000000000"
	for format, want := range map[string]string{
		"dotenv":  comments + "A_KEY=plain\nB_KEY='p<w> $1\\\"x\"'\n",
		"sh":      comments + "export A_KEY='plain'\nexport B_KEY='p<w> $1\\\"x\"'\n",
		"fish":    comments + "set -gx A_KEY 'plain'\nset -gx B_KEY 'p<w> $1\\\\\"x\"'\n",
		"docker":  comments + "A_KEY=plain\nB_KEY=p<w> $1\\\"x\"\n",
		"systemd": comments + "A_KEY=\"plain\"\nB_KEY=\"p<w> \\$1\\\\\\\"x\\\"\"\n",
		"json":    "{\n  \"A_KEY\": \"plain\",\n  \"B_KEY\": \"p<w> $1\\\\\\\"x\\\"\"\n}\n",
		"github":  "A_KEY<<" + delimiter + "\nplain\n" + delimiter + "\nB_KEY<<" + delimiter + "\np<w> $1\\\"x\"\n" + delimiter + "\n",
	} {
		out, err := Render(format, header, vars, zeros{})
		if err != nil || string(out.File) != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", format, err, out.File, want)
		}
		if (len(out.Masks) > 0) != (format == "github") {
			t.Errorf("%s: masks %q", format, out.Masks)
		}
	}
	if vars[0].Name != "B_KEY" {
		t.Error("the caller's slice was sorted")
	}
}

// One value that cannot be written leaves nothing of the others, and the error
// says which it is and what to do, but not the value.
func TestRenderIsAllOrNothing(t *testing.T) {
	for format, value := range map[string]string{
		"dotenv": "s3cret'\"", "sh": "s3cret\x00", "fish": "s3cret\x00", "docker": "s3cret\nx",
		"github": "s3cret\xff", "systemd": "s3cret\x1b", "json": "s3cret\xff",
	} {
		out, err := Render(format, Header{}, []Var{
			{"A", "a", []byte("fine")}, {"B", "db/pass", []byte(value)}, {"C", "c", []byte("fine")},
		}, zeros{})
		if out.File != nil || out.Masks != nil || out.Warnings != nil {
			t.Errorf("%s: an error comes with %+v", format, out)
		}
		if !errors.Is(err, ErrUnrepresentable) {
			t.Fatalf("%s: %v", format, err)
		}
		text := err.Error()
		for _, want := range []string{"B ", `"db/pass"`, format} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %s in %q", format, want, text)
			}
		}
		if strings.Contains(text, "s3cret") {
			t.Errorf("%s: the value is in %q", format, text)
		}
		exec := strings.Contains(text, "secrets exec") && strings.Contains(text, "--format sh")
		if nul := strings.Contains(value, "\x00"); exec == nul || nul != strings.Contains(text, "secrets lease") {
			t.Errorf("%s: wrong ways out: %s", format, text)
		}
	}
}

func TestRenderRefusesNames(t *testing.T) {
	for _, format := range allFormats() {
		var refused *VarError
		_, err := Render(format, Header{}, []Var{{"A=1\nB", "b", []byte("x")}}, zeros{})
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", format, err)
		}
		_, err = Render(format, Header{}, []Var{{"A", "a", nil}, {"B", "b", nil}, {"A", "c", nil}}, zeros{})
		if err == nil || !strings.Contains(err.Error(), "A is set twice") {
			t.Errorf("%s: %v", format, err)
		}
	}
}

func TestRenderUnknownFormatListsAll(t *testing.T) {
	_, err := Render("yaml", Header{}, nil, nil)
	if err == nil || !strings.Contains(err.Error(), strings.Join(allFormats(), ", ")) {
		t.Error(err)
	}
}

// Neither errors nor warnings may hold a value, whatever it is.
func TestNoValueInMessages(t *testing.T) {
	for _, format := range allFormats() {
		for _, value := range testValues(t) {
			if len(value) < 8 {
				continue // may well be part of a sentence
			}
			out, err := renderOne(format, value)
			if err != nil && strings.Contains(err.Error(), value) {
				t.Errorf("%s: %q is in %v", format, value, err)
			}
			if strings.Contains(strings.Join(out.Warnings, "\n"), value) {
				t.Errorf("%s: %q is in %q", format, value, out.Warnings)
			}
		}
	}
}

func TestWarningsGiveVariableAndClass(t *testing.T) {
	out, err := renderOne("dotenv", "$a\\\\b\nc")
	if err != nil || len(out.Warnings) != 3 {
		t.Fatalf("%q, %v", out.Warnings, err)
	}
	for _, w := range out.Warnings {
		if !strings.HasPrefix(w, "KEY: has a ") || strings.Contains(w, "\n") {
			t.Errorf("%q", w)
		}
	}
	for _, format := range []string{"sh", "fish", "docker", "systemd", "json", "github"} {
		if out, _ := renderOne(format, "$abc\\\\d"); len(out.Warnings) > 0 {
			t.Errorf("%s is exact, but warns %q", format, out.Warnings)
		}
	}
}

func TestGithubMasks(t *testing.T) {
	for value, want := range map[string]string{
		"":                  "",
		"abcd":              "::add-mask::abcd\n",
		"100%0A":            "::add-mask::100%250A\n",
		"line one\nx\nline": "::add-mask::line one%0Ax%0Aline\n::add-mask::line one\n::add-mask::line\n",
		"left\r\nright":     "::add-mask::left%0D%0Aright\n::add-mask::left\n::add-mask::right\n",
		"text\n\n    \n":    "::add-mask::text%0A%0A    %0A\n::add-mask::text\n",
		"éééé":              "::add-mask::éééé\n",
		"::add-mask::x":     "::add-mask::::add-mask::x\n",
	} {
		out, err := renderOne("github", value)
		if err != nil || string(out.Masks) != want || len(out.Warnings) > 0 {
			t.Errorf("%q: got %q, %q, %v", value, out.Masks, out.Warnings, err)
		}
	}
	for _, short := range []string{"abc", "ééé"} {
		out, err := renderOne("github", short)
		if err != nil || len(out.Masks) > 0 || len(out.Warnings) != 1 || !strings.HasPrefix(out.Warnings[0], "KEY: ") {
			t.Errorf("%q: got %q, %q, %v", short, out.Masks, out.Warnings, err)
		}
	}
}

func TestGithubDelimiterIsFreshAndNotInValue(t *testing.T) {
	random := bytes.NewReader(append(bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 16)...))
	out, err := Render("github", Header{}, []Var{{"A", "a", []byte("x")}, {"B", "b", []byte("y")}}, random)
	if err != nil || !bytes.Contains(out.File, []byte("A<<ghadelimiter_0101")) || !bytes.Contains(out.File, []byte("B<<ghadelimiter_0202")) {
		t.Errorf("%q, %v", out.File, err)
	}
	value := "x\nghadelimiter_00000000000000000000000000000000\nPATH=/tmp"
	if out, err := renderOne("github", value); err == nil {
		t.Errorf("the value ends its own heredoc: %q", out.File)
	}
	if _, err := Render("github", Header{}, []Var{{"A", "a", nil}}, bytes.NewReader(nil)); !errors.Is(err, io.EOF) {
		t.Errorf("without randomness: %v", err)
	}
}

func TestDockerLineLimit(t *testing.T) {
	longest := strings.Repeat("x", 1<<16-len("KEY=\n"))
	if _, err := renderOne("docker", longest); err != nil {
		t.Error(err)
	}
	if _, err := renderOne("docker", longest+"x"); !errors.Is(err, ErrUnrepresentable) {
		t.Error(err)
	}
}

// What every file keeps to, so that a reader that takes line ends, BOMs or
// order badly has nothing to take badly.
func TestFilesAreTextWithLF(t *testing.T) {
	for _, format := range allFormats() {
		out, err := Render(format, Header{Expires: time.Unix(0, 0)}, []Var{{"B", "b", []byte("x")}, {"A", "a", nil}}, zeros{})
		if err != nil || bytes.HasPrefix(out.File, []byte("\ufeff")) || bytes.Contains(out.File, []byte("\r")) || !bytes.HasSuffix(out.File, []byte("\n")) {
			t.Errorf("%s: %q, %v", format, out.File, err)
		}
	}
}

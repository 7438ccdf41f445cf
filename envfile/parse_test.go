package envfile

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestParseReadsWhatReadersAgreeOn(t *testing.T) {
	const file = "\ufeff# a comment\n\n  A=one\nexport B='two words' # it's a comment\nC=\"line 1\nline 2\\nline 3\"\r\n" +
		"D=\nE=''\nF=postgres://u:p@h/db?a=1&b=2\nG='a \"quoted\" $word \\n'\nH=a=b==\r\nI=é🔐 # x"
	set, refused := Parse([]byte(file))
	var got []string
	for _, a := range set {
		got = append(got, fmt.Sprintf("%d %s=%q", a.Line, a.Name, a.Value))
	}
	want := []string{
		`3 A="one"`, `4 B="two words"`, `5 C="line 1\nline 2\nline 3"`, `7 D=""`, `8 E=""`, `9 F="postgres://u:p@h/db?a=1&b=2"`,
		`10 G="a \"quoted\" $word \\n"`, `11 H="a=b=="`, `12 I="é🔐"`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") || len(refused) > 0 {
		t.Errorf("got\n%s\n%v", strings.Join(got, "\n"), refused)
	}
}

func TestParseRefusesWhatReadersDifferIn(t *testing.T) {
	for text, want := range map[string]string{
		"A":              "there is no =",
		"secret-value":   "there is no =",
		"A =b":           "a blank before the =",
		"A= b":           "a blank after the =",
		"A=#b":           "for some readers a comment",
		"A=b#c":          "for some readers a comment",
		"A.B=c":          "not the name",
		"1A=c":           "not the name",
		"=c":             "not the name",
		"export  A=b":    "more than one space",
		"\tA=b":          "a tab",
		"A=b\tc":         "a tab",
		"A=a b":          "shell ends the value",
		"A=$B":           "expand",
		"A=${B}":         "expand",
		"A=\"${B}\"":     "expand",
		"A='${B}'":       "expands it",
		"A=`b`":          "` without quotes",
		"A=\"`b`\"":      "a shell runs",
		"A=a;b":          "; without quotes",
		"A=a&&b":         "&& without quotes",
		"A=~/b":          "~ without quotes",
		"A=it's":         "' without quotes",
		`A=a\b`:          `\ without quotes`,
		`A="a\"b"`:       `\" in double quotes`,
		`A="a\\b"`:       `\\ in double quotes`,
		`A="a\tb"`:       `\t in double quotes`,
		`A="a\qb"`:       "a backslash in double quotes",
		`A='a\\b'`:       `\\ in single quotes`,
		`A='a\'b'`:       `\' in single quotes`,
		`A='a\'`:         "a backslash before the closing quote",
		`A='a`:           "never closed",
		"A=\"a\nb":       "never closed",
		`A='a'b`:         "right after the closing quote",
		`A='a' b`:        "after the closing quote",
		"A='a'#b":        "right after the closing quote",
		"A='a\r\nb'":     "carriage return",
		"A=a\rB=b":       "invisible",
		"# a\rB=b":       "line end",
		"A=a # \u2028":   "line end",
		"A=a\u00a0":      "invisible",
		"A=\xff":         "UTF-8",
		"A='\x00'":       "NUL",
		"B=1\nA='\xff'":  "UTF-8",
		"A='a\\'\nB='b'": "right after the closing quote",
	} {
		set, refused := Parse([]byte(text))
		if len(refused) == 0 || !strings.Contains(refused[0].Reason, want) {
			t.Errorf("%q: want %q, got %v and %d variables", text, want, refused, len(set))
			continue
		}
		if line := 1 + strings.Count(text[:max(0, strings.LastIndex(text, "A"))], "\n"); refused[0].Line != line && !strings.Contains(text, "B='b'") {
			t.Errorf("%q: line %d", text, refused[0].Line)
		}
	}
}

// One bad line does not hide the next.
func TestParseRefusesEveryBadLine(t *testing.T) {
	set, refused := Parse([]byte("A=a b\nB='x' y\nC=\"a\\tb\nc\"\nD=ok\nE=$E\n"))
	if len(set) != 1 || len(refused) != 4 || refused[3].Line != 6 || refused[2].Name != "C" {
		t.Errorf("%v %v", set, refused)
	}
	if _, refused = Parse(bytes.Repeat([]byte("x\n"), 1<<20)); len(refused) != maxRefusals {
		t.Errorf("%d refusals", len(refused))
	}
}

// What Render writes as a .env file, Parse gives back.
func TestParseReadsWhatRenderWrites(t *testing.T) {
	set := renderAll(t, "dotenv", testValues(t), nil)
	for _, file := range [][]byte{set.file, append(bytes.Clone(set.file), "# the end"...)} {
		got, refused := Parse(file)
		for _, r := range refused {
			t.Errorf("line %d: %s: %s: %q", r.Line, r.Name, r.Reason, set.values[r.Name])
		}
		if len(got) != len(set.values) {
			t.Fatalf("%d variables, want %d", len(got), len(set.values))
		}
		for _, a := range got {
			if want := set.values[a.Name]; string(a.Value) != want {
				t.Errorf("%q came back as %q", want, a.Value)
			}
		}
	}
}

// What Parse accepts, in any file, survives being written and read again; and
// it never repeats a value in a refusal.
func FuzzParse(f *testing.F) {
	for _, line := range candidates()[:400] {
		f.Add([]byte(line + "\nB=x"))
	}
	for _, v := range loadVectors(f) {
		if out, err := Render("dotenv", Header{}, []Var{{Name: "A", Value: v.Value}}, zeros{}); err == nil {
			f.Add(out.File)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		set, refused := Parse(data)
		lines := bytes.Count(data, []byte("\n")) + 1
		for _, r := range refused {
			if r.Line < 1 || r.Line > lines || r.Reason == "" || r.Name != "" && checkGrammar(r.Name) != "" {
				t.Fatalf("%q: %+v", data, r)
			}
		}
		before := 0
		for _, a := range set {
			if a.Line <= before || a.Line > lines || checkGrammar(a.Name) != "" || checkText(a.Value) != "" {
				t.Fatalf("%q: %+v", data, a)
			}
			before = a.Line
			text, refusal := quoteDotenv(a.Value)
			if refusal != "" {
				continue
			}
			again, refused := Parse([]byte(managedLine + "\n" + a.Name + "=" + text + "\n"))
			if len(refused) > 0 || len(again) != 1 || string(again[0].Value) != string(a.Value) {
				t.Fatalf("%q became %v, %v", a.Value, again, refused)
			}
		}
	})
}

package envfile

import (
	"strings"
	"testing"
	"time"
)

func TestHeaderIsReadBack(t *testing.T) {
	want := time.Date(2026, 1, 2, 15, 4, 5, 999, time.FixedZone("", 3600))
	vars := []Var{{Name: "A", Value: []byte("x")}}
	for _, format := range []string{"dotenv", "sh", "fish", "docker", "systemd"} {
		out, err := Render(format, Header{Expires: want}, vars, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := Expiry(out.File)
		if !Managed(out.File) || !ok || !got.Equal(want.Truncate(time.Second)) {
			t.Errorf("%s: %v %v in %q", format, got, ok, out.File)
		}
		if !strings.Contains(string(out.File), "# expires 2026-01-02T14:04:05Z\n") {
			t.Errorf("%s: not in UTC: %q", format, out.File)
		}
	}
}

func TestManaged(t *testing.T) {
	for in, want := range map[string]bool{
		"# managed by secrets\nA=1\n":   true,
		"# managed by secrets\r\nA=1\n": true,
		"# managed by secrets":          true,
		"":                              false,
		"\n# managed by secrets\n":      false,
		" # managed by secrets\n":       false,
		"# managed by secrets too\n":    false,
		"\ufeff# managed by secrets\n":  false,
		"A='\n# managed by secrets\n'":  false,
		"#managed by secrets\n":         false,
	} {
		if Managed([]byte(in)) != want {
			t.Errorf("%q: want %v", in, want)
		}
	}
}

func TestExpiryOnlyFromOurHeader(t *testing.T) {
	const line = "# expires 2026-01-02T15:04:05Z\n"
	for in, want := range map[string]bool{
		"# managed by secrets\n" + line:                               true,
		"# managed by secrets\r\n# expires 2026-01-02T15:04:05Z\r\nA": true,
		"A=1\n" + line:                    false,
		line:                              false,
		"# managed by secrets\nA=1\n":     false,
		"# managed by secrets":            false,
		"# managed by secrets\n\n" + line: false,
		"# managed by secrets\n# expires tomorrow\n": false,
	} {
		if _, ok := Expiry([]byte(in)); ok != want {
			t.Errorf("%q: want %v", in, want)
		}
	}
}

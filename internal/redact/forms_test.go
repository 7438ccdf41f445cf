package redact

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// awkward has what each escaping changes: / + ? & < " \ newline, and bytes whose
// base64 holds characters that base64url writes otherwise.
const awkward = "pa/ss+w?rd&<\"\\>~~\u00ff\u00fe tail\nsecond line of it\r\nend"

func TestEveryFormIsHidden(t *testing.T) {
	plain := "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
	for _, value := range []string{plain, awkward} {
		r := New(Secret{"token", []byte(value)})
		for name, text := range shapes(t, value) {
			in := "before " + text + " after"
			out := string(r.Bytes([]byte(in)))
			if out != "before [redacted:token] after" {
				t.Errorf("%s of %q: %q becomes %q", name, value, in, out)
			}
		}
	}
}

func shapes(t *testing.T, value string) map[string]string {
	t.Helper()
	withHTML, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var noHTML bytes.Buffer
	enc := json.NewEncoder(&noHTML)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		t.Fatal(err)
	}
	lowered := func(s string) string {
		for _, c := range value {
			for _, b := range []byte(string(c)) {
				up := "%" + strings.ToUpper(hex.EncodeToString([]byte{b}))
				s = strings.ReplaceAll(s, up, strings.ToLower(up))
			}
		}
		return s
	}
	return map[string]string{
		"the value":             value,
		"hex":                   hex.EncodeToString([]byte(value)),
		"upper-case hex":        strings.ToUpper(hex.EncodeToString([]byte(value))),
		"query escape":          url.QueryEscape(value),
		"lower-case query":      lowered(url.QueryEscape(value)),
		"path escape":           url.PathEscape(value),
		"lower-case path":       lowered(url.PathEscape(value)),
		"JSON":                  strings.Trim(string(withHTML), `"`),
		"JSON without HTML":     strings.Trim(strings.TrimSpace(noHTML.String()), `"`),
		"followed by a newline": value,
	}
}

// Around a value within base64, exactly those characters stay that have bits of
// its neighbours in them or padding.
func TestBase64IsHiddenInAnyAlignment(t *testing.T) {
	for name, enc := range map[string]*base64.Encoding{
		"std": base64.StdEncoding, "raw": base64.RawStdEncoding,
		"url": base64.URLEncoding, "raw url": base64.RawURLEncoding,
	} {
		for before := range 6 {
			for after := range 6 {
				for length := range 3 {
					value := awkward[:30+length]
					r := New(Secret{"token", []byte(value)})
					prefix, suffix := "user:x"[:before], "\xfb\xff\xbf}\x00\x01"[:after]
					out := string(r.Bytes([]byte(enc.EncodeToString([]byte(prefix + value + suffix)))))
					left, right, found := strings.Cut(out, "[redacted:token]")
					inside := 8*(before+length+30)/6 - (8*before+5)/6
					stays := enc.EncodedLen(before+length+30+after) - inside
					if !found || len(left)+len(right) != stays || len(left) != (8*before+5)/6 {
						t.Errorf("%s, %d bytes before and %d after: %q", name, before, after, out)
					}
				}
			}
		}
	}
}

func TestLinesOfAMultiLineValue(t *testing.T) {
	value := "-----BEGIN KEY-----\r\nMIIBVgIBADANBg\nseven77\neight888\n-----END KEY-----\n"
	r := New(Secret{"key", []byte(value)})
	for in, want := range map[string]string{
		"> MIIBVgIBADANBg\n":      "> [redacted:key]\n",
		"> -----BEGIN KEY-----\n": "> [redacted:key]\n",
		"> eight888\n":            "> [redacted:key]\n",
		"> seven77\n":             "> seven77\n",
		value:                     "[redacted:key]",
	} {
		if got := string(r.Bytes([]byte(in))); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestShortValuesAreSkippedAndNamed(t *testing.T) {
	r := New(
		Secret{"pin", []byte("12345")}, Secret{"six", []byte("123456")}, Secret{"empty", nil},
		Secret{"pin", []byte("54321")}, Secret{"six", []byte("abc")},
	)
	if got, want := r.Skipped(), []string{"empty", "pin", "six"}; !slices.Equal(got, want) {
		t.Errorf("skipped %q, want %q", got, want)
	}
	if got := string(r.Bytes([]byte("12345 54321 123456 abc"))); got != "12345 54321 [redacted:six] abc" {
		t.Errorf("got %q", got)
	}
}

func TestDerivedFormsUnderEightBytesAreNotLookedFor(t *testing.T) {
	for _, f := range forms([]byte("a\nbcdefg"))[1:] {
		if len(f) < minDerived {
			t.Errorf("%q is looked for", f)
		}
	}
}

func TestFormsEqualToTheValueAddNothing(t *testing.T) {
	r := New(Secret{"token", []byte("0123456789")}, Secret{"again", []byte("0123456789")})
	// The value, hex, and three alignments of base64.
	if got := len(r.trie.needles); got != 5 {
		t.Errorf("%d needles %q, want 5", got, texts(r.trie.needles))
	}
}

func TestBothValuesOfARotationAreHidden(t *testing.T) {
	r := New(Secret{"token", []byte("old-value")}, Secret{"token", []byte("new-value")})
	if got := string(r.Bytes([]byte("old-value new-value"))); got != "[redacted:token] [redacted:token]" {
		t.Errorf("got %q", got)
	}
}

func TestNewCopiesTheValue(t *testing.T) {
	value := []byte("first line\nsecond line")
	r := New(Secret{"token", value})
	clear(value)
	if got := string(r.Bytes([]byte("first line, first line\nsecond line"))); got != "[redacted:token], [redacted:token]" {
		t.Errorf("got %q", got)
	}
}

func TestMarkerLikeValues(t *testing.T) {
	r := New(Secret{"odd", []byte("x[redacted:odd]y")}, Secret{"token", []byte("secretvalue")})
	for in, want := range map[string]string{
		"x[redacted:odd]y":          "[redacted:odd]",
		"[redacted:odd]":            "[redacted:odd]",
		"x[redacted:secretvalue":    "x[redacted:[redacted:token]",
		"secretvaluex[redacted:odd": "[redacted:token]x[redacted:odd",
	} {
		if got := string(r.Bytes([]byte(in))); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

// The documentation says that these get through. Should one no longer, it is to
// be corrected.
func TestDocumentedBypasses(t *testing.T) {
	value := "ghp_16C7e42F292c6912E7710c838347Ae178B4a-16C7e42F292c6912E7710c838347Ae178B4a"
	reversed := []byte(value)
	slices.Reverse(reversed)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(value)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(value))
	r := New(Secret{"token", []byte(value)})
	for name, in := range map[string]string{
		"reversed":                     string(reversed),
		"spaced out":                   strings.Join(strings.Split(value, ""), " "),
		"gzip":                         zipped.String(),
		"base64 wrapped at 76 columns": encoded[:76] + "\n" + encoded[76:],
	} {
		if got := string(r.Bytes([]byte(in))); got != in {
			t.Errorf("%s is documented to get through and became %q", name, got)
		}
	}
}

func TestEscapesOfOtherLanguagesAreFound(t *testing.T) {
	const value = `pass word/with=st"\uff,ü&é`
	r := New(Secret{Name: "v", Value: []byte(value)})
	for by, escaped := range map[string]string{
		"encodeURIComponent":     `pass%20word%2Fwith%3Dst%22%5Cuff%2C%C3%BC%26%C3%A9`,
		"encodeURI":              `pass%20word/with=st%22%5Cuff,%C3%BC&%C3%A9`,
		"urllib.parse.quote":     `pass%20word/with%3Dst%22%5Cuff%2C%C3%BC%26%C3%A9`,
		"quote_plus":             `pass+word%2Fwith%3Dst%22%5Cuff%2C%C3%BC%26%C3%A9`,
		"lower-case escapes":     `pass%20word%2fwith%3dst%22%5cuff%2c%c3%bc%26%c3%a9`,
		"json.dumps":             `pass word/with=st\"\\uff,\u00fc&\u00e9`,
		"JSON.stringify":         `pass word/with=st\"\\uff,ü&é`,
		"json_encode, unescaped": `pass word\/with=st\"\\uff,ü&é`,
		"JSON in JSON":           `pass word/with=st\\\"\\\\uff,ü&é`,
	} {
		if got := string(r.Bytes([]byte("<" + escaped + ">"))); got != "<[redacted:v]>" {
			t.Errorf("%s: %s", by, got)
		}
	}
}

package redact

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// FuzzRedact: the output equals the reference's and has no value in it, and is
// the same for any chunking.
func FuzzRedact(f *testing.F) {
	f.Add([]byte("ghp_0123456789"), []byte("456789abcdef"), []byte("a ghp_0123456789abcdef ghp_01"), uint8(1))
	f.Add([]byte("aaaaaa"), []byte("aaaaaaab"), []byte("aaaaaaaaaaaaaaaabaaaaaaa"), uint8(3))
	f.Add([]byte("abababab"), []byte("bababa"), []byte("abababababababab"), uint8(7))
	f.Add([]byte("line one\nline two"), []byte("one\r\ntwo three"), []byte("line one\r\nline two\xff"), uint8(5))
	f.Add([]byte("[redacted:"), []byte("redacted:b]"), []byte("[redacted:a][redacted:b]"), uint8(2))
	f.Add([]byte("\xff\x00\xff\x00\xff\x00"), []byte(""), []byte("/wD/AP8A ff00ff00ff00 \xff\x00\xff\x00\xff\x00"), uint8(4))
	f.Fuzz(func(t *testing.T, one, two, input []byte, chunk uint8) {
		if len(one)+len(two)+len(input) > 2000 {
			t.Skip("the reference is slow")
		}
		secrets := []Secret{{"a", one}, {"b", two}}
		input = slices.Concat(input, one, two, input)
		needles, _ := needlesOf(secrets)
		checkStream(t, needles, input, func() int { return 1 + int(chunk) })
		out := New(secrets...).Bytes(input)
		if want, _ := reference(needles).output(input, len(input)); string(out) != want {
			t.Fatalf("got %q, want %q", out, want)
		}
		for _, s := range secrets {
			if len(s.Value) >= MinLength && bytes.Contains(out, s.Value) && !fromMarkers(s.Value) {
				t.Fatalf("value %q is in output %q", s.Value, out)
			}
		}
	})
}

// fromMarkers reports whether the replacements themselves can put value, in
// whole or in part, into the output.
func fromMarkers(value []byte) bool {
	return bytes.ContainsAny(value, "[]") || strings.Contains("redacted:a redacted:b", string(value))
}

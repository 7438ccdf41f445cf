package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf16"
)

// minDerived is the length in bytes under which a line or an encoded form of a
// value is not looked for.
const minDerived = 8

// forms returns value and what it may look like in output, each a slice of its
// own. Some may be equal.
func forms(value []byte) [][]byte {
	all := [][]byte{bytes.Clone(value)}
	for _, derived := range [][][]byte{
		lines(value),
		base64Forms(base64.RawStdEncoding, value),
		base64Forms(base64.RawURLEncoding, value),
		hexForms(value),
		urlForms(value),
		jsonForms(value),
	} {
		for _, f := range derived {
			if len(f) >= minDerived {
				all = append(all, f)
			}
		}
	}
	return all
}

// lines returns the lines of value without their CRLF or LF, and nothing for a
// value of one line.
func lines(value []byte) [][]byte {
	parts := bytes.Split(bytes.Clone(value), []byte("\n"))
	if len(parts) == 1 {
		return nil
	}
	for i, part := range parts {
		parts[i] = bytes.TrimSuffix(part, []byte("\r"))
	}
	return parts
}

// base64Forms returns, for value starting at the first, second and third byte
// of a group of three, those characters of the encoding that depend on nothing
// else. Padding would follow, so it makes no difference.
func base64Forms(enc *base64.Encoding, value []byte) [][]byte {
	all := make([][]byte, 3)
	for offset := range all {
		text := enc.AppendEncode(nil, append(make([]byte, offset), value...))
		// A character is 6 bits. The first kept is the first to start at or
		// after the value does, the last is the last to end within it.
		first := (8*offset + 5) / 6
		end := 8 * (offset + len(value)) / 6
		all[offset] = text[first:end]
	}
	return all
}

func hexForms(value []byte) [][]byte {
	lower := hex.AppendEncode(nil, value)
	return [][]byte{lower, bytes.ToUpper(lower)}
}

// urlForms returns value as the common libraries escape it: Go's query and path,
// and by what they leave as it is JavaScript's encodeURIComponent and encodeURI
// and Python's quote.
func urlForms(value []byte) [][]byte {
	var all [][]byte
	for _, escaped := range [][]byte{
		[]byte(url.QueryEscape(string(value))),
		[]byte(url.PathEscape(string(value))),
		percentEscape(value, "-_.~"),
		percentEscape(value, "-_.~/"),
		percentEscape(value, "-_.!~*'()"),
		percentEscape(value, "-_.!~*'();/?:@&=+$,#"),
	} {
		all = append(all, escaped, lowerEscapes(escaped))
	}
	return all
}

// percentEscape escapes everything but letters, digits and what is safe.
func percentEscape(value []byte, safe string) []byte {
	var out []byte
	for _, c := range value {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(safe, c) >= 0 {
			out = append(out, c)
		} else {
			out = fmt.Appendf(out, "%%%02X", c)
		}
	}
	return out
}

// lowerEscapes turns %2F into %2f and leaves all else.
func lowerEscapes(escaped []byte) []byte {
	out := bytes.Clone(escaped)
	for i := 0; i < len(out); i++ {
		if out[i] == '%' {
			copy(out[i+1:], bytes.ToLower(out[i+1:i+3]))
			i += 2
		}
	}
	return out
}

// jsonForms returns value as the inside of a JSON string: with <, > and & escaped
// and without, as PHP escapes slashes, as Python keeps to ASCII, and as JSON
// within JSON.
func jsonForms(value []byte) [][]byte {
	var all [][]byte
	for _, html := range []bool{true, false} {
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(html)
		if enc.Encode(string(value)) != nil {
			continue // Never happens: every string can be encoded.
		}
		quoted := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
		inner := quoted[1 : len(quoted)-1]
		all = append(all, inner,
			bytes.ReplaceAll(inner, []byte("/"), []byte(`\/`)),
			asciiOnly(inner),
			bytes.ReplaceAll(bytes.ReplaceAll(inner, []byte(`\`), []byte(`\\`)), []byte(`"`), []byte(`\"`)))
	}
	return all
}

// asciiOnly writes every other character as \u and four hex digits.
func asciiOnly(text []byte) []byte {
	var out []byte
	for _, r := range string(text) {
		if r < 0x80 {
			out = append(out, byte(r))
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			out = fmt.Appendf(out, `\u%04x`, unit)
		}
	}
	return out
}

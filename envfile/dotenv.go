package envfile

import (
	"bytes"
	"strings"
)

// writeDotenv quotes so that as many .env readers as possible agree: shells,
// node, the dotenv libraries, docker compose. They differ in escapes, so none
// is used: a value is written as it is, bare or between quotes that it does
// not end, or not at all.
func writeDotenv(d *document, v Var) error {
	text, refusal := quoteDotenv(v.Value)
	if refusal != "" {
		return d.refuse(v, refusal)
	}
	d.file.WriteString(v.Name + "=" + text + "\n")
	for _, class := range dotenvWarnings(v.Value) {
		d.warn(v, class.text)
	}
	return nil
}

// quoteDotenv returns what stands after the equals sign, or why nothing can.
func quoteDotenv(value []byte) (text, refusal string) {
	s := string(value)
	if isBare(s) {
		return s, ""
	}
	if refusal := checkDotenv(value); refusal != "" {
		return "", refusal
	}
	single := strings.Contains(s, "'")
	newline := strings.Contains(s, "\n")
	special := strings.ContainsAny(s, "\"\\$`")
	switch {
	case !single && !newline:
		return "'" + s + "'", ""
	case !special:
		return `"` + s + `"`, ""
	case !single:
		return "'" + s + "'", ""
	}
	return "", "has a single quote together with one of \" \\ $ `"
}

// isBare accepts what no reader treats specially without quotes. The last
// characters are kept to fewer kinds, since a dot, a comma or a colon at the
// end is taken for punctuation by some; two equals signs are base64 padding.
func isBare(s string) bool {
	body := strings.TrimRight(s, "=")
	if padding := len(s) - len(body); padding > 2 || body == "" {
		return s == ""
	}
	for i := range len(body) - 1 {
		if !isWord(body[i]) && strings.IndexByte("./@%+,:-", body[i]) < 0 {
			return false
		}
	}
	last := body[len(body)-1]
	return isWord(last) || strings.IndexByte("/+-", last) >= 0
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// checkDotenv refuses what readers change inside every kind of quotes.
func checkDotenv(value []byte) (refusal string) {
	switch text := checkText(value); {
	case text != "":
		return text
	case bytes.IndexByte(value, '\r') >= 0:
		return "contains a carriage return, which .env readers rewrite"
	case bytes.HasSuffix(value, []byte(`\`)), bytes.Contains(value, []byte(`\'`)):
		return "has a backslash where the quote closes"
	}
	return ""
}

// warning is a class of values that only some .env readers get right.
type warning struct{ name, text string }

func dotenvWarnings(value []byte) []warning {
	var found []warning
	for _, class := range []struct {
		needle string
		warning
	}{
		{"$", warning{"dollar", "has a $, which dotenv-expand, Next.js and bun expand inside any quotes"}},
		{`\\`, warning{"double-backslash", `has a double backslash, which python-dotenv halves`}},
		{"\n", warning{"newline", "has a newline; direnv, foreman and decouple read only one line"}},
	} {
		if bytes.Contains(value, []byte(class.needle)) {
			found = append(found, class.warning)
		}
	}
	return found
}

package envfile

import (
	"strings"
	"unicode/utf8"
)

// writeSystemd writes for EnvironmentFile=: in double quotes, with a backslash
// before the four characters that systemd unescapes there. Between quotes it
// keeps newlines.
func writeSystemd(d *document, v Var) error {
	if refusal := checkSystemd(v.Value); refusal != "" {
		return d.refuse(v, refusal)
	}
	d.file.WriteString(v.Name + "=" + quoteSystemd(v.Value) + "\n")
	return nil
}

func quoteSystemd(value []byte) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", "$", `\$`)
	return `"` + escape.Replace(string(value)) + `"`
}

// checkSystemd refuses values for which systemd, some versions of it for
// control characters, ignores the whole variable.
func checkSystemd(value []byte) (refusal string) {
	if text := checkText(value); text != "" {
		return text
	}
	for rest := value; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		rest = rest[size:]
		switch {
		case r < ' ' && r != '\t' && r != '\n', r == 0x7f:
			return "has a control character"
		case r&0xfffe == 0xfffe, 0xfdd0 <= r && r <= 0xfdef:
			return "has a Unicode noncharacter, which systemd takes for invalid text"
		}
	}
	return ""
}

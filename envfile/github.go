package envfile

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// minMasked is how many characters a value needs to be masked: a mask for "no"
// would riddle the whole job log.
const minMasked = 4

// writeGithub writes for the file that $GITHUB_ENV names, and masks for the
// job log. The file is appended to, so it has no header; each variable is a
// heredoc, and since nobody can guess its delimiter, no value can end it.
func writeGithub(d *document, vars []Var, rand io.Reader) error {
	for _, v := range vars {
		if refusal := checkGithub(v.Value); refusal != "" {
			return d.refuse(v, refusal)
		}
		delimiter, err := newDelimiter(v, rand)
		if err != nil {
			return err
		}
		fmt.Fprintf(&d.file, "%s<<%s\n%s\n%s\n", v.Name, delimiter, v.Value, delimiter)
		writeMasks(d, v)
	}
	return nil
}

func checkGithub(value []byte) (refusal string) {
	switch text := checkText(value); {
	case text != "":
		return text
	case bytes.HasSuffix(value, []byte{'\r'}):
		return "ends in a carriage return, which runners on Windows drop"
	}
	return ""
}

func newDelimiter(v Var, rand io.Reader) (string, error) {
	random := make([]byte, 16)
	if _, err := io.ReadFull(rand, random); err != nil {
		return "", fmt.Errorf("make a delimiter for %s: %w", v.Name, err)
	}
	delimiter := "ghadelimiter_" + hex.EncodeToString(random)
	if bytes.Contains(v.Value, []byte(delimiter)) {
		return "", fmt.Errorf("make a delimiter for %s: the value contains it, so the random source cannot be trusted", v.Name)
	}
	return delimiter, nil
}

// writeMasks asks the runner to hide the value and, since logs come line by
// line, each of its lines.
func writeMasks(d *document, v Var) {
	if len(v.Value) > 0 && utf8.RuneCount(v.Value) < minMasked {
		d.warn(v, "is under 4 characters, so the job log does not mask it")
		return
	}
	value := string(v.Value)
	needles := []string{value}
	if strings.ContainsAny(value, "\r\n") {
		needles = append(needles, strings.FieldsFunc(value, isLineEnd)...)
	}
	for _, needle := range needles {
		if utf8.RuneCountInString(needle) >= minMasked && strings.TrimSpace(needle) != "" {
			d.masks.WriteString("::add-mask::" + escapeMask(needle) + "\n")
		}
	}
}

func isLineEnd(r rune) bool { return r == '\n' || r == '\r' }

func escapeMask(needle string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(needle)
}

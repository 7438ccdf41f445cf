package envfile

import (
	"bytes"
	"time"
)

const (
	managedLine   = "# managed by secrets"
	expiresPrefix = "# expires "
)

// comments are the first lines of a file that this package renders. Managed
// and Expiry read them back. A fraction of a second is cut off, so that a file
// never claims to be good for longer than its lease.
func (h Header) comments() string {
	text := managedLine + "\n"
	if !h.Expires.IsZero() {
		text += expiresPrefix + h.Expires.UTC().Format(time.RFC3339) + "\n"
	}
	return text
}

// Managed says whether a file carries our header: whether its first line is
// the one that Render puts there. Files in the formats json and github have no
// header, so for those the answer is always false. A file whose line ends were
// turned to CRLF is still ours.
func Managed(data []byte) bool {
	line, _ := cutLine(data)
	return string(line) == managedLine
}

// Expiry returns the time in the header of a managed file, in UTC.
func Expiry(data []byte) (time.Time, bool) {
	if !Managed(data) {
		return time.Time{}, false
	}
	_, rest := cutLine(data)
	line, _ := cutLine(rest)
	text, ok := bytes.CutPrefix(line, []byte(expiresPrefix))
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, string(text))
	return t.UTC(), err == nil
}

func cutLine(data []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(data, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'}), rest
}

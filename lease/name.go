package lease

import "strings"

const maxNameLength = 128

// ValidName reports whether s can name a secret: up to 128 letters, digits and
// "._/-", beginning with a letter or digit, whose segments between slashes are
// neither empty nor "." nor "..".
func ValidName(s string) bool {
	if s == "" || len(s) > maxNameLength || !isAlphanumeric(s[0]) {
		return false
	}
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && strings.IndexByte("._/-", s[i]) < 0 {
			return false
		}
	}
	for segment := range strings.SplitSeq(s, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

// ValidClientID reports whether s can name a client: 1 to 128 printable ASCII
// characters.
func ValidClientID(s string) bool {
	if s == "" || len(s) > maxNameLength {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

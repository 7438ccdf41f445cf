package lease

import (
	"strings"
	"testing"
)

func TestNamesThatCouldDeceiveAShellAPathOrATerminalAreRefused(t *testing.T) {
	long := strings.Repeat("a", 128)
	for name, want := range map[string]bool{
		"a": true, "0": true, "prod/db.main_url-2": true, "a/b/c": true, "a..b": true, "a...": true, long: true,
		"": false, long + "a": false, ".": false, "..": false, "a/..": false, "a/../b": false, "a/./b": false,
		"a//b": false, "a/": false, "/a": false, ".a": false, "-a": false, "_a": false, "a b": false,
		"a\nb": false, "a\n": false, "a\x00b": false, "a\x1b[2J": false, "a\u202eb": false, "é": false,
		"$(touch x)": false, "a`b`": false, "a;b": false, `a\b`: false, `a"b`: false, "a=b": false, "a*": false,
	} {
		if got := ValidName(name); got != want {
			t.Errorf("ValidName(%q) = %t", name, got)
		}
	}
}

func TestClientIDsArePrintableASCII(t *testing.T) {
	long := strings.Repeat("~", 128)
	for id, want := range map[string]bool{
		"me@host": true, " ": true, "$(touch x)": true, "..": true, long: true,
		"": false, long + "~": false, "a\nb": false, "a\tb": false, "a\x1bb": false, "a\x7fb": false, "a\u202eb": false, "é": false,
	} {
		if got := ValidClientID(id); got != want {
			t.Errorf("ValidClientID(%q) = %t", id, got)
		}
	}
}

package rotate

import (
	"os"
	"path/filepath"
	"strings"
)

// environ is all that the hook's environment has.
func (h Hook) environ() []string {
	env := []string{"SECRETS_NAME=" + h.Name}
	for _, name := range []string{"PATH", "HOME", "USER", "LANG", "TERM"} {
		value, found := h.variable(name)
		if name == "PATH" && value == "" { // which would mean the directory we are in
			value, found = "/usr/bin:/bin", true
		}
		if found {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// variable looks up a variable of the caller. Of two by one name, getenv finds
// the first.
func (h Hook) variable(name string) (string, bool) {
	for _, pair := range h.Environ {
		if value, found := strings.CutPrefix(pair, name+"="); found {
			return value, true
		}
	}
	return "", false
}

// directory is where the hook runs: never where the caller happens to be, which
// may be a repository that is not to be trusted.
func (h Hook) directory() string {
	home, _ := h.variable("HOME")
	if !filepath.IsAbs(home) {
		return "/"
	}
	if _, err := os.Stat(home + "/."); err != nil { // no directory, or one that cannot be entered
		return "/"
	}
	return home
}

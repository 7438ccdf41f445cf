// Package guard tells whether what an agent is about to do would put secrets
// into its conversation: reading an env file, looking into the state directory,
// or printing the environment.
//
// It reads a shell command as a person would who skims it, without running or
// expanding anything. That keeps an honest agent from a slip; whoever means to
// get around it can, with a variable, a script or another tool, so that nothing
// may depend on it. Where it cannot tell, it finds nothing: an agent that is
// stopped without a reason learns to work around the guard.
package guard

import (
	"path"
	"path/filepath"
	"strings"
)

// Finding is what would be disclosed.
type Finding string

const (
	Nothing     Finding = ""
	EnvFile     Finding = "env file"
	State       Finding = "state directory"
	Environment Finding = "environment"
)

// Guard looks at what is done in a directory.
type Guard struct {
	Dir   string // where relative paths start
	Home  string // what ~ is
	State string // the state directory, absolute; empty: none is known
}

// Read finds what reading the file at path discloses.
func (g Guard) Read(path string) Finding {
	path = g.absolute(path)
	switch {
	case isEnviron(path):
		return Environment
	case g.inState(path):
		return State
	case isEnvFile(filepath.Base(path)):
		return EnvFile
	}
	return Nothing
}

// Write finds whether writing the file at path interferes with the store.
func (g Guard) Write(path string) Finding {
	if g.inState(g.absolute(path)) {
		return State
	}
	return Nothing
}

// Pattern finds whether a glob pattern picks env files.
func (g Guard) Pattern(pattern string) Finding {
	if isEnvFile(path.Base(pattern)) {
		return EnvFile
	}
	return Nothing
}

// Command finds what the shell command discloses first.
func (g Guard) Command(script string) Finding {
	return g.script(script, 0)
}

// maxDepth bounds commands within commands.
const maxDepth = 8

func (g Guard) script(script string, depth int) Finding {
	if depth > maxDepth {
		return Nothing
	}
	for _, c := range parse(script) {
		if found := g.simple(c, depth); found != Nothing {
			return found
		}
		g = g.after(c)
	}
	return Nothing
}

// after follows a cd.
func (g Guard) after(c command) Guard {
	if len(c.words) == 2 && c.words[0] == "cd" {
		g.Dir = g.absolute(c.words[1])
	}
	return g
}

func (g Guard) absolute(path string) string {
	for _, home := range []string{"~", "$HOME", "${HOME}"} {
		if rest, ok := strings.CutPrefix(path, home); ok && (rest == "" || rest[0] == '/') {
			path = g.Home + rest
		}
	}
	for _, state := range []string{"$SECRETS_HOME", "${SECRETS_HOME}"} {
		if rest, ok := strings.CutPrefix(path, state); ok && (rest == "" || rest[0] == '/') {
			path = g.State + rest
		}
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(g.Dir, path)
	}
	return filepath.Clean(path)
}

func (g Guard) inState(path string) bool {
	return g.State != "" && (path == g.State || strings.HasPrefix(path, g.State+"/"))
}

// isEnviron reports whether path is the environment of a process.
func isEnviron(path string) bool {
	return strings.HasPrefix(path, "/proc/") && strings.HasSuffix(path, "/environ")
}

// isEnvFile reports whether a file of this name, or one that a glob pattern of
// this form picks, is expected to hold values: .env, .env.local, prod.env, but
// not .env.example.
func isEnvFile(name string) bool {
	switch rest, dotted := strings.CutPrefix(name, ".env"); {
	case rest == "" && dotted:
		return true
	case dotted && strings.IndexByte(".-_*?", rest[0]) >= 0:
		return !isSample(rest)
	case strings.HasPrefix(name, ".") && strings.ContainsAny(name, "*?["):
		picks, err := path.Match(name, ".env")
		return picks && err == nil
	}
	stem, ok := strings.CutSuffix(name, ".env")
	return ok && !isSample(stem)
}

// isSample reports whether part of a name says that the values are made up, or
// encrypted.
func isSample(part string) bool {
	for _, word := range []string{"example", "sample", "template", "tmpl", "dist", "default", "schema", "vault"} {
		if strings.Contains(part, word) {
			return true
		}
	}
	return false
}

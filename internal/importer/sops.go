package importer

import (
	"bytes"
	"strings"

	"agent-secrets/envfile"
)

// readSops reads what sops -d prints: JSON, a .env file, or YAML, each of which
// shows itself by its first line.
func readSops(data []byte) Found {
	first := firstLine(data)
	switch {
	case strings.HasPrefix(first, "{"):
		return readJSON(data)
	case isAssignment(first):
		return readSopsEnv(data)
	}
	return readYAML(data)
}

// firstLine is the first line that is neither empty nor a comment.
func firstLine(data []byte) string {
	for line := range bytes.Lines(data) {
		if text := strings.TrimSpace(string(line)); text != "" && text[0] != '#' {
			return text
		}
	}
	return ""
}

// isAssignment: a key of YAML with an equals sign in it could name no secret.
func isAssignment(line string) bool {
	name, _, found := strings.Cut(line, "=")
	return found && envfile.ValidVar(name)
}

// readSopsEnv reads a .env file of sops, to which quotes are part of the value
// and \n is a newline. That is what the file was made from, whose quotes its
// readers take off: where this makes a difference nobody can tell what is
// meant.
func readSopsEnv(data []byte) Found {
	found := readDotenv(data)
	lines := strings.Split(string(data), "\n")
	kept := found.Entries[:0]
	for _, e := range found.Entries {
		_, value, _ := strings.Cut(strings.TrimSuffix(lines[e.Line-1], "\r"), "=")
		if strings.ReplaceAll(value, `\n`, "\n") != string(e.Value) {
			found.refuse(e.Key, e.Line, "sops and the readers of .env files differ in it: --format dotenv goes by these, sops -d --output-type json by sops")
			continue
		}
		kept = append(kept, e)
	}
	found.Entries = kept
	return found
}

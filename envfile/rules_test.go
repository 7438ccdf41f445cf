package envfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Readers written down from what the real ones do, for those that need an
// engine, a runner or a service manager. readers_test.go holds docker and
// systemd against the real programs where they are installed.

type ruleReader struct {
	format string
	read   func(file []byte) (map[string]string, error)
}

func ruleReaders() []ruleReader {
	return []ruleReader{
		{"docker", readDockerRules},
		{"github", readGithubRules},
		{"json", readJSONRules},
		{"systemd", readSystemdRules},
	}
}

// readDockerRules follows docker's documentation of --env-file: lines split by
// a scanner with its usual limit, comments, no quotes.
func readDockerRules(file []byte) (map[string]string, error) {
	env := map[string]string{}
	scanner := bufio.NewScanner(bytes.NewReader(file))
	for scanner.Scan() {
		line := strings.TrimLeftFunc(scanner.Text(), unicode.IsSpace)
		if !utf8.ValidString(line) {
			return nil, errors.New("invalid UTF-8")
		}
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, _ := strings.Cut(line, "=")
		if strings.ContainsFunc(name, unicode.IsSpace) {
			return nil, fmt.Errorf("variable %q contains white space", name)
		}
		env[name] = value
	}
	return env, scanner.Err()
}

// readGithubRules follows the runner: a heredoc ends at a line that is its
// delimiter, and any other line has to be NAME=VALUE.
func readGithubRules(file []byte) (map[string]string, error) {
	env := map[string]string{}
	for rest := string(file); rest != ""; {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		if line == "" {
			continue
		}
		name, delimiter, heredoc := strings.Cut(line, "<<")
		if !heredoc || delimiter == "" || strings.Contains(name, "=") {
			return nil, fmt.Errorf("no heredoc: %q", line)
		}
		var lines []string
		for {
			var ended bool
			if line, rest, ended = strings.Cut(rest, "\n"); !ended {
				return nil, errors.New("no delimiter")
			}
			if line == delimiter {
				break
			}
			lines = append(lines, line)
		}
		// .NET decodes the file, replacing what is not UTF-8.
		env[name] = strings.ToValidUTF8(strings.Join(lines, "\n"), "\ufffd")
	}
	return env, nil
}

func readJSONRules(file []byte) (map[string]string, error) {
	var env map[string]string
	err := json.Unmarshal(file, &env)
	return env, err
}

// readSystemdRules follows systemd.exec(5) on EnvironmentFile= and the shell
// rules that it refers to, for the two kinds of lines that are written here:
// comments and values in double quotes.
func readSystemdRules(file []byte) (map[string]string, error) {
	env := map[string]string{}
	for rest := string(file); rest != ""; {
		if rest[0] == '#' || rest[0] == ';' {
			_, rest, _ = strings.Cut(rest, "\n")
			continue
		}
		name, after, found := strings.Cut(rest, "=\"")
		if !found || strings.ContainsAny(name, " \n") {
			return nil, fmt.Errorf("no assignment: %q", rest)
		}
		value, after, err := unquoteSystemd(after)
		if err != nil {
			return nil, err
		}
		if rest, found = strings.CutPrefix(after, "\n"); !found {
			return nil, fmt.Errorf("text after the quote: %q", after)
		}
		if !utf8.ValidString(value) || strings.ContainsFunc(value, isControl) {
			continue // the variable is ignored
		}
		env[name] = value
	}
	return env, nil
}

func isControl(r rune) bool { return r < ' ' && r != '\t' && r != '\n' || r == 0x7f }

func unquoteSystemd(text string) (value, rest string, err error) {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return out.String(), text[i+1:], nil
		case c != '\\':
			out.WriteByte(c)
		case i+1 == len(text):
			return "", "", errors.New("ends in a backslash")
		default:
			i++
			if strings.IndexByte("\"\\`$", text[i]) < 0 && text[i] != '\n' {
				out.WriteByte('\\')
			}
			if text[i] != '\n' {
				out.WriteByte(text[i])
			}
		}
	}
	return "", "", errors.New("no closing quote")
}

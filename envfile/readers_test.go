package envfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// reader is a real program that reads a format. Its command runs in a
// directory that holds the file "env" and prints its environment, or what it
// read, with a NUL after each NAME=value.
type reader struct {
	name    string
	format  string
	needs   string // the package that has the program
	command []string
	// probe, where it is set, fails if the program lacks what command uses.
	probe []string
	// env is all the command gets besides PATH and HOME; $DIR is its directory.
	env []string
	// warned allows a value to arrive changed if Render warns of it.
	warned bool
	// holds leaves out values that the command, not the format, cannot pass.
	holds func(value string) bool
	parse func(stdout []byte) (map[string]string, error)
}

func shellReaders() []reader {
	var readers []reader
	for _, locale := range []string{"C", "C.UTF-8"} {
		env := []string{"LC_ALL=" + locale}
		for _, sh := range [][]string{{"sh"}, {"dash"}, {"bash", "--norc"}, {"zsh", "-f"}} {
			for format, source := range map[string]string{"dotenv": "set -a; . ./env", "sh": ". ./env"} {
				readers = append(readers, reader{
					name: sh[0] + "/" + format + "/" + locale, format: format, needs: "Debian package " + sh[0],
					command: append(sh, "-c", source+"; exec env -0"), env: env,
				})
			}
		}
		readers = append(readers, reader{
			name: "fish/" + locale, format: "fish", needs: "Debian package fish",
			command: []string{"fish", "--no-config", "-c", "source ./env; exec env -0"}, env: env,
		})
	}
	return readers
}

const (
	nodePrint = `for (const [k, v] of Object.entries(env)) process.stdout.write(k + "=" + v + "\0")`

	pythonPrint = `import dotenv, sys
for k, v in dotenv.dotenv_values("env").items(): sys.stdout.buffer.write(f"{k}={v}\0".encode())`
)

func libraryReaders() []reader {
	return []reader{
		{
			name: "node", format: "dotenv", needs: "node 20.6 or later", warned: true,
			command: []string{"node", "--env-file=env", "-e", "const env = process.env; " + nodePrint},
			probe:   []string{"node", "--env-file=" + os.DevNull, "-e", ""},
		},
		{
			name: "python-dotenv", format: "dotenv", needs: "Debian package python3-dotenv", warned: true,
			command: []string{"/usr/bin/python3", "-c", pythonPrint}, env: []string{"LC_ALL=C.UTF-8"},
			probe: []string{"/usr/bin/python3", "-c", "import dotenv"},
		},
		{
			name: "systemd", format: "systemd", needs: "Debian package systemd",
			command: []string{"/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator"},
			env:     []string{"XDG_CONFIG_HOME=$DIR"},
			holds:   generatorHolds, parse: parseGenerator,
		},
	}
}

// npmReaders are the dotenv packages that NODE_PATH leads to.
func npmReaders() (readers []reader) {
	for _, dir := range filepath.SplitList(os.Getenv("NODE_PATH")) {
		if _, err := os.Stat(filepath.Join(dir, "dotenv", "package.json")); err == nil {
			readers = append(readers, npmDotenv(dir))
		}
	}
	return readers
}

func npmDotenv(dir string) reader {
	return reader{
		name: "dotenv@" + npmVersion(dir), format: "dotenv", needs: "node", warned: true,
		command: []string{"node", "-e", `const env = require("dotenv").parse(require("fs").readFileSync("env")); ` + nodePrint},
		env:     []string{"NODE_PATH=" + dir},
	}
}

func npmVersion(dir string) string {
	var about struct{ Version string }
	data, err := os.ReadFile(filepath.Join(dir, "dotenv", "package.json"))
	if err != nil || json.Unmarshal(data, &about) != nil {
		return "unknown"
	}
	return about.Version
}

func TestShellsReadExactly(t *testing.T) { testReaders(t, shellReaders()) }

func TestLibrariesReadExactly(t *testing.T) {
	testReaders(t, append(libraryReaders(), npmReaders()...))
	if os.Getenv("NODE_PATH") == "" {
		t.Run("dotenv", func(t *testing.T) {
			t.Skip("npm package dotenv: set NODE_PATH to node_modules directories that have it")
		})
	}
}

func testReaders(t *testing.T, readers []reader) {
	values := testValues(t)
	sets := map[string]renderedSet{} // by format, since rendering one by one takes longest
	for _, r := range readers {
		set, done := sets[r.format]
		if !done {
			set = renderAll(t, r.format, values, r.holds)
			sets[r.format] = set
		}
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			if !r.installed() {
				t.Skip("not installed: " + r.needs)
			}
			set.check(t, r.run(t, set.file), r.warned)
		})
	}
}

func (r reader) installed() bool {
	_, err := exec.LookPath(r.command[0])
	if err == nil && r.probe != nil {
		err = exec.Command(r.probe[0], r.probe[1:]...).Run()
	}
	return err == nil
}

// renderedSet is a file with every value that its format accepts.
type renderedSet struct {
	file   []byte
	values map[string]string
	warned map[string]bool
}

func renderAll(t *testing.T, format string, values []string, holds func(string) bool) renderedSet {
	t.Helper()
	set := renderedSet{values: map[string]string{}, warned: map[string]bool{}}
	var vars []Var
	for i, value := range values {
		v := Var{fmt.Sprintf("K%04d", i), "k", []byte(value)}
		out, err := Render(format, Header{}, []Var{v}, zeros{})
		if errors.Is(err, ErrUnrepresentable) || holds != nil && !holds(value) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		vars = append(vars, v)
		set.values[v.Name], set.warned[v.Name] = value, len(out.Warnings) > 0
	}
	if len(vars) < len(values)/4 {
		t.Fatalf("only %d of %d values are accepted", len(vars), len(values))
	}
	out, err := Render(format, Header{Expires: time.Unix(1e9, 0)}, vars, zeros{})
	if err != nil {
		t.Fatal(err)
	}
	set.file = out.File
	return set
}

// run has the command read the file, and makes sure that this leaves no other
// file behind.
func (r reader) run(t *testing.T, file []byte) map[string]string {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "environment.d") // where systemd looks
	if err := os.Mkdir(conf, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "env"), filepath.Join(conf, "env.conf")} {
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	command := exec.Command(r.command[0], r.command[1:]...)
	command.Dir, command.Stdout, command.Stderr = dir, &stdout, &stderr
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	for _, assignment := range r.env {
		command.Env = append(command.Env, strings.ReplaceAll(assignment, "$DIR", dir))
	}
	if err := command.Run(); err != nil || stderr.Len() > 0 {
		t.Fatalf("%v\n%.2000s", err, stderr.Bytes())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("reading the file made another: %v, %v", left, err)
	}
	parse := r.parse
	if parse == nil {
		parse = parseNUL
	}
	got, err := parse(stdout.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func parseNUL(stdout []byte) (map[string]string, error) {
	env := map[string]string{}
	for assignment := range strings.SplitSeq(string(stdout), "\x00") {
		if name, value, ok := strings.Cut(assignment, "="); ok {
			env[name] = value
		}
	}
	return env, nil
}

func (set renderedSet) check(t *testing.T, got map[string]string, warned bool) {
	t.Helper()
	bad, excused := 0, 0
	for name, want := range set.values {
		value, ok := got[name]
		switch {
		case ok && value == want:
		case warned && set.warned[name]:
			excused++
		default:
			if bad++; bad <= 20 {
				t.Errorf("%.80q arrived as %.80q, %v", want, value, ok)
			}
		}
	}
	for name := range got {
		if _, ok := set.values[name]; !ok && strings.HasPrefix(name, "K") {
			t.Errorf("%s came out of another value", name)
		}
	}
	t.Logf("%d values, %d of them wrong, %d changed with a warning", len(set.values), bad, excused)
}

// generatorHolds leaves out what only environment.d expands or drops, unlike
// EnvironmentFile=, which shares its parser. readSystemdRules covers those.
func generatorHolds(value string) bool {
	return value != "" && !strings.Contains(value, "$")
}

// parseGenerator undoes the quoting of systemd's generators: bare words, or
// double quotes with C escapes.
func parseGenerator(stdout []byte) (map[string]string, error) {
	env := map[string]string{}
	for line := range strings.Lines(string(stdout)) {
		name, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if strings.HasPrefix(text, `"`) {
			text = strings.NewReplacer("\\`", "`", `\$`, `$`, `\\`, `\\`, `\"`, `\"`).Replace(text)
			value, err := strconv.Unquote(text)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", text, err)
			}
			text = value
		}
		env[name] = text
	}
	return env, nil
}

// TestDockerReadsExactly asks the docker command to create a container at an
// engine that only listens.
func TestDockerReadsExactly(t *testing.T) {
	if _, err := exec.LookPath("docker"); err != nil {
		t.Skip("docker is not installed: Debian package docker-cli")
	}
	created := make(chan []string, 1)
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		w.Header().Set("Api-Version", "1.43")
		w.Header().Set("Content-Type", "application/json")
		if request.Method != http.MethodPost {
			return
		}
		var container struct{ Env []string }
		body, err := io.ReadAll(request.Body)
		if err == nil {
			err = json.Unmarshal(body, &container)
		}
		if err != nil {
			t.Error(err)
		}
		created <- container.Env
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"Id":"1","Warnings":[]}`)
	}))
	defer engine.Close()

	values := append(testValues(t), strings.Repeat("x", maxDockerLine-len("K0000=\n")))
	set := renderAll(t, "docker", values, nil)
	docker := reader{
		command: []string{"docker", "create", "--env-file", "env", "image"},
		env:     []string{"DOCKER_HOST=tcp://" + engine.Listener.Addr().String(), "DOCKER_CONFIG=none"},
	}
	docker.run(t, set.file)
	got, err := parseNUL([]byte(strings.Join(<-created, "\x00")))
	if err != nil {
		t.Fatal(err)
	}
	set.check(t, got, false)
}

func TestRuleReadersReadExactly(t *testing.T) {
	for _, reader := range ruleReaders() {
		set := renderAll(t, reader.format, testValues(t), nil)
		got, err := reader.read(set.file)
		if err != nil {
			t.Fatal(err)
		}
		set.check(t, got, false)
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"agent-secrets/internal/cli"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"secrets": func() { os.Exit(cli.Main(os.Args, cli.System())) },
	})
}

// TestScripts runs the scripts in testdata against the real command line. They
// may use the commands in script_test.go beside those of testscript.
func TestScripts(t *testing.T) {
	seen := &outcomes{seen: map[outcome]bool{}}
	// The scripts run in parallel, and the group ends when all of them have.
	ok := t.Run("testdata", func(t *testing.T) {
		testscript.Run(t, testscript.Params{
			Dir:                "testdata",
			Setup:              setup,
			Condition:          condition,
			Cmds:               commands(seen),
			RequireUniqueNames: true,
		})
	})
	// With coverage a script is left out.
	if ok && flag.Lookup("test.run").Value.String() == "" && testing.CoverMode() == "" {
		checkOutcomes(t, seen.seen)
	}
}

// setup gives every script its own home. The scripts' environment holds nothing
// of ours but PATH, so that no SECRETS_ variable of a developer gets in.
func setup(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	env.Setenv("HOME", home)
	env.Setenv("USER", "ada")
	env.Setenv("STATE", filepath.Join(home, ".agent-secrets"))
	// A program built with -race sleeps for a second before it exits.
	env.Setenv("GORACE", "atexit_sleep_ms=0")
	env.Values[keptKey{}] = &kept{}
	return os.MkdirAll(home, 0o700)
}

func condition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Geteuid() == 0, nil
	case "cover":
		return testing.CoverMode() != "", nil
	case "devfull":
		_, err := os.Stat("/dev/full")
		return err == nil, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// outcome is how a command can end.
type outcome struct {
	code string
	exit int
}

// outcomes collects the outcomes that scripts saw.
type outcomes struct {
	mu   sync.Mutex
	seen map[outcome]bool
}

func (o *outcomes) add(code string, exit int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen[outcome{code, exit}] = true
}

// checkOutcomes compares what the scripts saw with what the program documents:
// every documented outcome must have been seen, and nothing else.
func checkOutcomes(t *testing.T, seen map[outcome]bool) {
	t.Helper()
	unreachable := map[outcome]string{
		{"internal", 1}: "only a mistake of ours ends like this",
	}
	if _, err := exec.LookPath("setpriv"); err != nil && os.Geteuid() == 0 {
		unreachable[outcome{"io", 77}] = "root may read everything"
	}
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Logf("no /dev/full here: fewer ways for an output to fail")
	}
	documented := documentedOutcomes(t)
	for _, o := range slices.SortedFunc(maps.Keys(documented), compareOutcomes) {
		if reason := unreachable[o]; reason != "" && !seen[o] {
			t.Logf("%s with exit status %d was not reached: %s", o.code, o.exit, reason)
		} else if !seen[o] {
			t.Errorf("no script reaches %s with exit status %d", o.code, o.exit)
		}
	}
	for o := range seen {
		if !documented[o] && !(o.exit == execFailed && documentedCode(documented, o.code)) {
			t.Errorf("%s with exit status %d is not in secrets help exit-codes", o.code, o.exit)
		}
	}
}

// execFailed is the exit status of exec for whatever else fails with its own.
const execFailed = 125

func documentedCode(documented map[outcome]bool, code string) bool {
	for o := range documented {
		if o.code == code {
			return true
		}
	}
	return false
}

func compareOutcomes(a, b outcome) int {
	if a.exit != b.exit {
		return a.exit - b.exit
	}
	return bytes.Compare([]byte(a.code), []byte(b.code))
}

// documentedOutcomes reads the table of errors as users do.
func documentedOutcomes(t *testing.T) map[outcome]bool {
	t.Helper()
	var stdout bytes.Buffer
	status := cli.Main([]string{"secrets", "help", "exit-codes", "--json"}, &cli.Env{
		Stdin: bytes.NewReader(nil), Stdout: &stdout, Stderr: io.Discard, Deliver: &stdout,
		Getenv: func(string) string { return "" }, Now: time.Now,
	})
	var document struct {
		Result struct {
			ExitCodes []struct {
				Code       int      `json:"code"`
				ErrorCodes []string `json:"error_codes"`
			} `json:"exit_codes"`
		} `json:"result"`
	}
	if err := json.Unmarshal(stdout.Bytes(), &document); err != nil || status != 0 {
		t.Fatalf("secrets help exit-codes: exit status %d: %v", status, err)
	}
	documented := map[outcome]bool{}
	for _, row := range document.Result.ExitCodes {
		for _, code := range row.ErrorCodes {
			documented[outcome{code, row.Code}] = true
		}
	}
	if len(documented) < 20 {
		t.Fatalf("secrets help exit-codes lists %d codes", len(documented))
	}
	return documented
}

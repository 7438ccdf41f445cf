package rotate

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestWhatAHookPrintsIsTheValueLessOneNewline(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxOutput)
	for name, test := range map[string]struct{ command, want string }{
		"newline":             {`echo new`, "new"},
		"no newline":          {`printf new`, "new"},
		"CRLF":                {`printf 'new\r\n'`, "new"},
		"two newlines":        {`printf 'new\n\n'`, "new\n"},
		"two CRLF":            {`printf 'new\r\n\r\n'`, "new\r\n"},
		"CR":                  {`printf 'new\r'`, "new\r"},
		"LF CR":               {`printf 'new\n\r'`, "new\n\r"},
		"several lines":       {`printf 'a\nb\n'`, "a\nb"},
		"nothing":             {`:`, ""},
		"only a newline":      {`echo`, ""},
		"binary":              {`printf '\000\377\000\n'`, "\x00\xff\x00"},
		"1 MiB":               {`head -c 1048576 /dev/zero | tr '\0' x`, long},
		"1 MiB and a newline": {`head -c 1048576 /dev/zero | tr '\0' x; echo`, long},
		"1 MiB and CRLF":      {`head -c 1048576 /dev/zero | tr '\0' x; printf '\r\n'`, long},
		"in pieces":           {`for i in 1 2 3; do printf $i; done`, "123"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := try(t, test.command).run(t)
			if got.Err != "" || string(got.Output.Value) != test.want {
				t.Errorf("got %.80q (%d bytes), %s", got.Output.Value, len(got.Output.Value), got.Err)
			}
			if len(got.Output.Stderr) > 0 || got.Output.Truncated || got.Output.Interrupted {
				t.Errorf("got more: %q", got.Output.Stderr)
			}
		})
	}
}

func TestAValueOverTheLimitIsAFailure(t *testing.T) {
	t.Parallel()
	for _, command := range []string{
		`head -c 1048577 /dev/zero`,
		`head -c 1048577 /dev/zero; echo`,
		`head -c 1048576 /dev/zero; printf '\n\n'`,
		`head -c 1048579 /dev/zero`,
	} {
		got := try(t, command).run(t)
		if !got.Failed || !strings.Contains(got.Err, "1048576 bytes") {
			t.Errorf("%s: error %q", command, got.Err)
		}
	}
}

func TestAFailureHasTheStatusAndWhatWasPrinted(t *testing.T) {
	t.Parallel()
	got := try(t, `echo half; echo broken >&2; exit 3`).run(t)
	if !got.Failed || got.TimedOut || got.Err != "rotation hook: exit status 3" {
		t.Errorf("error %q", got.Err)
	}
	if string(got.Output.Value) != "half" || string(got.Output.Stderr) != "broken\n" || got.Output.Truncated || got.Output.Interrupted {
		t.Errorf("output %+v", got.Output)
	}
}

func TestErrorsHaveNothingOfTheHook(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]string{
		"status":         `echo CANARY; echo CANARY >&2; exit 1`,
		"signal":         `echo CANARY; kill -KILL $$`,
		"unknown":        `CANARY`,
		"syntax":         `CANARY ((`,
		"a NUL in it":    "CANARY\x00",
		"too long":       `: CANARY` + strings.Repeat("x", 200<<10),
		"too much":       `while echo CANARYCANARYCANARYCANARY; do :; done`,
		"over its time":  `echo CANARY; cat <&3; exec sleep 1000`,
		"a cut-off line": `printf CANARY >&2; exit 4`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := try(t, command)
			tr.plan.Hook.Value = []byte("VALUE")
			if name == "over its time" {
				tr.plan.Hook.Timeout = 1
			}
			got := tr.run(t)
			if !got.Failed && !got.TimedOut || !strings.HasPrefix(got.Err, "rotation hook: ") {
				t.Errorf("error %q", got.Err)
			}
			if strings.Contains(got.Err, "CANARY") || strings.Contains(got.Err, "VALUE") {
				t.Errorf("error %q", got.Err)
			}
		})
	}
}

func TestStandardInputIsEmpty(t *testing.T) {
	t.Parallel()
	if got := try(t, `cat; echo end`).run(t); string(got.Output.Value) != "end" {
		t.Errorf("got %+v", got)
	}
}

func TestTheCurrentValueIsOnDescriptor3(t *testing.T) {
	t.Parallel()
	long := bytes.Repeat([]byte("0123456789abcdef"), maxOutput/16)
	for name, test := range map[string]struct {
		command string
		value   []byte
		want    string
	}{
		"read":                 {`cat <&3`, []byte("a\x00b\n\n"), "a\x00b\n"},
		"empty":                {`cat <&3; echo end`, nil, "end"},
		"1 MiB, read":          {`cat <&3`, long, string(long)},
		"1 MiB, ignored":       {`echo new`, long, "new"},
		"1 MiB, closed":        {`exec 3<&-; echo new`, long, "new"},
		"1 MiB, read in part":  {`head -c 5 <&3`, long, "01234"},
		"1 MiB, held for ever": {`sleep 1000 >/dev/null 2>&1 & echo $!`, long, "pid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := try(t, test.command)
			tr.plan.Hook.Value = test.value
			got := tr.run(t)
			if test.want == "pid" {
				test.want = string(got.Output.Value)
				kill(t, test.want)
			}
			if got.Err != "" || string(got.Output.Value) != test.want {
				t.Errorf("got %.80q (%d bytes), %s", got.Output.Value, len(got.Output.Value), got.Err)
			}
			if got.Goroutines > 0 {
				t.Errorf("%d goroutines are left", got.Goroutines)
			}
		})
	}
}

// kill ends the process that a hook left in the background, and insists that it
// was alive.
func kill(t *testing.T, pid string) {
	t.Helper()
	var n int
	if _, err := fmt.Sscan(pid, &n); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
		t.Errorf("the process in the background: %v", err)
	}
}

func TestWhatIsLeftInTheBackgroundIsNotWaitedForAndNotKilled(t *testing.T) {
	t.Parallel()
	tr := try(t, `head -c 700000 /dev/zero; sleep 1000 & echo $! >&2`)
	got := tr.run(t)
	kill(t, strings.TrimSpace(string(got.Output.Stderr)))
	if got.Err != "" || len(got.Output.Value) != 700000 {
		t.Errorf("got %d bytes, %s", len(got.Output.Value), got.Err)
	}
	if got.Elapsed > tr.plan.Hook.Timeout/20 {
		t.Errorf("it took %s", got.Elapsed)
	}
}

func TestTheWorkingDirectoryIsHomeOrTheRoot(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for home, want := range map[string]string{"HOME=" + dir: dir, "HOME=.": "/", "HOME=": "/", "HOME=" + file: "/", "HOME=" + dir + "/missing": "/", "OTHER=x": "/"} {
		tr := try(t, `/bin/pwd`)
		tr.plan.Hook.Environ = []string{home}
		if got := tr.run(t); got.Err != "" || string(got.Output.Value) != want {
			t.Errorf("%s: %q, %s; want %s", home, got.Output.Value, got.Err, want)
		}
	}
}

func TestTheEndOfStandardErrorIsKept(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		size int
		cut  bool
	}{{0, false}, {10, false}, {maxStderr, false}, {maxStderr + 1, true}, {1 << 20, true}} {
		got := try(t, fmt.Sprintf(`head -c %d /dev/zero >&2; printf end >&2`, max(0, test.size-3))).run(t)
		want := min(max(test.size, 3), maxStderr)
		if got.Err != "" || len(got.Output.Stderr) != want || got.Output.Truncated != test.cut || !bytes.HasSuffix(got.Output.Stderr, []byte("end")) {
			t.Errorf("%d bytes: %d are left, cut: %v, %s", test.size, len(got.Output.Stderr), got.Output.Truncated, got.Err)
		}
	}
}

func TestAHookThatWasAskedToEndIsInterrupted(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]bool{
		`kill -INT $$`:  true,
		`exit 130`:      true, // as a shell says it of what it ran
		`kill -TERM $$`: true,
		`kill -HUP $$`:  true,
		`kill -KILL $$`: false,
		`exit 2`:        false,
	} {
		if got := try(t, command).run(t); !got.Failed || got.Output.Interrupted != want {
			t.Errorf("%s: %+v", command, got)
		}
	}
}

func TestAHookHasASessionOfItsOwn(t *testing.T) {
	t.Parallel()
	got := try(t, `echo $$ $(cut -d' ' -f6 /proc/self/stat); (: </dev/tty) 2>/dev/null && echo a terminal`).run(t)
	pid, session, _ := strings.Cut(string(got.Output.Value), " ")
	if pid == "" || pid != session {
		t.Errorf("process and session: %q", got.Output.Value)
	}
}

func TestAnInterruptReachesTheHook(t *testing.T) {
	t.Parallel()
	// A shell that is about to start something may lose a signal.
	tr := try(t, `: >"$HOME/ready"; while :; do :; done`)
	tr.begin(t)
	eventually(t, "the hook runs", func() bool { return exists(filepath.Join(tr.home, "ready")) })
	if err := tr.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if got := tr.end(t); !got.Failed || !got.Output.Interrupted {
		t.Errorf("got %+v", got)
	}
}

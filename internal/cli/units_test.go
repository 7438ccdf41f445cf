package cli

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// nastyNames are names of directories that somebody may have.
func nastyNames() []string {
	return []string{
		"plain", "two words", " ", "100%", "%h", "%%", "a % b", "$HOME", "${HOME}", "$$", "$(id)", "`id`", "it's", "''", `"quoted"`, `"`,
		`back\slash`, `\%`, `'\%'`, `%\`, `\n`, `\x41`, `ends in \`, `a\'b`, "<&>", "&amp;", "]]>", "--", "-->", "-dash", "-", "~", "*", "?[a]", "#hash", ";", "a;b", "a&b", "!", "=", "A=b",
		"Grüße", "日本", "🔑", "\u00a0", "e\u0301", "@", ":", "+", "{", "(", "|",
	}
}

// systemdRuns reports whether systemd can run a program in a directory of that
// name.
func systemdRuns(name string) bool { return !strings.ContainsAny(name, `"'\`) }

func mustRender(t *testing.T, u unit, scheduler string) string {
	t.Helper()
	text, err := u.render(scheduler)
	if err != nil {
		t.Fatalf("%+v: %v", u, err)
	}
	return text
}

func TestCronKeepsToTheNextShorterInterval(t *testing.T) {
	tests := map[time.Duration]string{
		0: "* * * * *", -time.Hour: "* * * * *", time.Second: "* * * * *", time.Minute: "* * * * *", 119 * time.Second: "* * * * *",
		2 * time.Minute: "*/2 * * * *", 5 * time.Minute: "*/5 * * * *", 7 * time.Minute: "*/6 * * * *", 14 * time.Minute: "*/12 * * * *",
		29 * time.Minute: "*/20 * * * *", 30 * time.Minute: "*/30 * * * *", 59 * time.Minute: "*/30 * * * *",
		time.Hour: "0 * * * *", 119 * time.Minute: "0 * * * *", 2 * time.Hour: "0 */2 * * *", 5 * time.Hour: "0 */4 * * *",
		23 * time.Hour: "0 */12 * * *", 24 * time.Hour: "0 0 * * *", 1000 * time.Hour: "0 0 * * *", 1<<63 - 1: "0 0 * * *",
	}
	for every, want := range tests {
		line := lastLine(mustRender(t, unit{exe: "/bin/secrets", every: every}, "cron"))
		if line != want+" /bin/secrets watch --quiet" {
			t.Errorf("every %v: %q", every, line)
		}
	}
}

func TestTheOthersKeepToTheInterval(t *testing.T) {
	tests := map[time.Duration]int{-1: 10, 0: 10, time.Second: 10, 11900 * time.Millisecond: 11, time.Minute: 60, 7 * 24 * time.Hour: 604800}
	for every, want := range tests {
		u := unit{exe: "/bin/secrets", home: "/home/me", every: every}
		if text := mustRender(t, u, "systemd"); !strings.Contains(text, fmt.Sprintf("\nOnUnitActiveSec=%ds\n", want)) {
			t.Errorf("every %v:\n%s", every, text)
		}
		if text := mustRender(t, u, "launchd"); !strings.Contains(text, fmt.Sprintf("<integer>%d</integer>", want)) {
			t.Errorf("every %v:\n%s", every, text)
		}
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	return lines[len(lines)-1]
}

func TestPathsAreWrittenByTheRulesOfTheScheduler(t *testing.T) {
	tests := []struct{ scheduler, exe, dir, want string }{
		{"cron", "/bin/secrets", "", "* * * * * /bin/secrets watch --quiet\n"},
		{"cron", "/my bin/secrets", "/it's", `* * * * * '/my bin/secrets' --dir '/it'\''s' watch --quiet` + "\n"},
		{"cron", "/100%/secrets", "/a b%%", `* * * * * /100\%/secrets --dir '/a b'\%\% watch --quiet` + "\n"},
		{"systemd", "/bin/secrets", "", "\nExecStart=/bin/secrets watch --quiet\n"},
		{"systemd", "/$a %b/secrets", `/$a %b"\`, `ExecStart="/$a %%b/secrets" --dir "/$$a %%b\"\\" watch --quiet` + "\n"},
		{"launchd", "/<&>/secrets", "", "<string>/&lt;&amp;&gt;/secrets</string>\n"},
		{"launchd", "/bin/secrets", "", "<string>/Users/me/Library/Logs/secrets-watch.log</string>\n"},
	}
	for _, test := range tests {
		u := unit{exe: test.exe, dir: test.dir, home: "/Users/me", every: time.Minute}
		if text := mustRender(t, u, test.scheduler); !strings.Contains(text, test.want) {
			t.Errorf("%+v is missing in\n%s", test, text)
		}
	}
}

func TestAPathThatCannotBeToldIsRefused(t *testing.T) {
	const fine = "/bin/secrets"
	long := "/" + strings.Repeat("x", 1000)
	tests := []struct {
		schedulers string
		u          unit
	}{
		{"cron systemd launchd", unit{exe: "/hunter2\n/secrets"}},
		{"cron systemd launchd", unit{exe: fine, dir: "/hunter2\n* * * * * rm -rf /"}},
		{"cron systemd launchd", unit{exe: fine, dir: "/hunter2\r"}},
		{"cron systemd launchd", unit{exe: fine, dir: "/hunter2\x00"}},
		{"cron systemd launchd", unit{exe: fine, dir: "/hunter2\x85"}},
		{"cron systemd launchd", unit{exe: fine, dir: "/hunter2\u0085"}},
		{"cron systemd launchd", unit{exe: fine, dir: "/hunter2\uffff"}},
		{"cron systemd launchd", unit{exe: fine, dir: "hunter2"}},
		{"cron systemd launchd", unit{exe: "hunter2/secrets"}},
		{"launchd", unit{exe: fine, home: "/hunter2\n"}},
		{"cron", unit{exe: fine, dir: `/hunter2\\`}},
		{"cron", unit{exe: fine, dir: long}},
		{"systemd", unit{exe: `/hunter2"/secrets`}},
		{"systemd", unit{exe: `/hunter2'/secrets`}},
		{"systemd", unit{exe: `/hunter2\/secrets`}},
		{"crond  CRON", unit{exe: fine}},
	}
	for _, test := range tests {
		for _, scheduler := range strings.Split(test.schedulers, " ") {
			if test.u.home == "" {
				test.u.home = "/home/me"
			}
			text, err := test.u.render(scheduler)
			var usage usageError
			if text != "" || !errors.As(err, &usage) || usage.fix == "" {
				t.Errorf("%s of %+v: %q, %v", scheduler, test.u, text, err)
			} else if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: the error repeats the path: %v", scheduler, err)
			}
		}
	}
	if _, err := (unit{exe: fine}).render("launchd"); !errors.Is(err, errUsage) {
		t.Errorf("without a home: %v", err)
	}
}

// stub puts a program that prints its arguments, each ended by a NUL, into a
// new directory of that name.
func stub(t *testing.T, parent, name string) string {
	t.Helper()
	exe := filepath.Join(parent, name, "secrets")
	if err := os.MkdirAll(filepath.Dir(exe), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(exe, []byte("#!/bin/sh\nprintf '%s\\0' \"$0\" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return exe
}

// crons are what cron programs do with a command before the shell gets it: those
// descended from Vixie's take the backslash off a %, FreeBSD's also off another
// backslash, and busybox changes nothing.
func crons() map[string]func(string) (command, input string) {
	vixie := func(escapable string) func(string) (string, string) {
		return func(s string) (string, string) {
			var b strings.Builder
			for i := 0; i < len(s); i++ {
				switch {
				case s[i] == '%':
					return b.String(), s[i:]
				case s[i] == '\\' && i+1 < len(s):
					if i++; !strings.Contains(escapable, s[i:i+1]) {
						b.WriteByte('\\')
					}
				}
				b.WriteByte(s[i])
			}
			return b.String(), ""
		}
	}
	return map[string]func(string) (string, string){
		"vixie": vixie("%"), "freebsd": vixie(`%\`), "busybox": func(s string) (string, string) { return s, "" },
	}
}

func TestCronRunsTheCommandWithItsPaths(t *testing.T) {
	parent := t.TempDir()
	for _, name := range nastyNames() {
		u := unit{exe: stub(t, parent, name), dir: filepath.Join(parent, name), every: time.Minute}
		text := mustRender(t, u, "cron")
		if n := strings.Count(text, "\n"); n != 3 {
			t.Errorf("%q: %d lines:\n%s", name, n, text)
		}
		line := strings.TrimPrefix(lastLine(text), "* * * * * ")
		ran := map[string]bool{}
		for cron, treat := range crons() {
			command, input := treat(line)
			if input != "" {
				t.Errorf("%q: %s cuts %s", name, cron, line)
			}
			if ran[command] {
				continue
			}
			ran[command] = true
			out, err := exec.Command("sh", "-c", command).CombinedOutput()
			if got := strings.Split(string(out), "\x00"); err != nil || !slices.Equal(got[:len(got)-1], u.words()) {
				t.Errorf("%q: %s runs %q: %q, %v", name, cron, command, got, err)
			}
		}
	}
}

// crontabCheck returns how to check a file with this system's crontab and not
// install it.
func crontabCheck(t *testing.T) string {
	t.Helper()
	// It fails, and prints how it is used.
	usage, _ := exec.Command("crontab", "-h").CombinedOutput()
	switch {
	case bytes.Contains(usage, []byte("-n\t(dry run")):
		return "-n"
	case regexp.MustCompile(`(?m)^\s*(crontab )?-T\b`).Match(usage):
		return "-T"
	}
	t.Skip("there is no crontab that checks a file: Debian package cron")
	return ""
}

func TestCrontabTakesTheLine(t *testing.T) {
	flag := crontabCheck(t)
	file := filepath.Join(t.TempDir(), "crontab")
	check := func(text string) (string, error) {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("crontab", flag, file).CombinedOutput()
		return string(out), err
	}
	if out, err := check("61 * * * * /bin/secrets\n"); err == nil {
		t.Skipf("crontab %s takes anything: %s", flag, out)
	}
	var all strings.Builder
	for _, name := range nastyNames() {
		all.WriteString(mustRender(t, unit{exe: "/" + name + "/secrets", dir: "/" + name}, "cron"))
	}
	for _, every := range []time.Duration{7 * time.Minute, time.Hour, 5 * time.Hour, 48 * time.Hour} {
		all.WriteString(mustRender(t, unit{exe: "/bin/secrets", every: every}, "cron"))
	}
	longest := maxCronCommand - len("/bin/secrets --dir  watch --quiet")
	all.WriteString(mustRender(t, unit{exe: "/bin/secrets", dir: "/" + strings.Repeat("x", longest-1)}, "cron"))
	if out, err := check(all.String()); err != nil {
		t.Errorf("crontab: %v\n%s", err, out)
	}
}

// saveUnits writes the parts of a systemd print into files as its comments say,
// but with i in their names, and returns their paths.
func saveUnits(t *testing.T, dir, text string, i int) []string {
	t.Helper()
	parts := regexp.MustCompile(`(?m)^# ~/\.config/systemd/user/secrets-watch\.(service|timer)\n`)
	at := parts.FindAllStringSubmatchIndex(text, -1)
	if len(at) != 2 {
		t.Fatalf("not a service and a timer:\n%s", text)
	}
	var files []string
	for n, match := range at {
		end := len(text)
		if n == 0 {
			end = at[1][0]
		}
		file := filepath.Join(dir, fmt.Sprintf("watch%d.%s", i, text[match[2]:match[3]]))
		if err := os.WriteFile(file, []byte(text[match[1]:end]), 0o644); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

func TestSystemdVerifiesTheUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("there is no systemd-analyze: Debian package systemd")
	}
	dir := t.TempDir()
	verify := func(files ...string) string {
		cmd := exec.Command("systemd-analyze", append([]string{"verify", "--user", "--man=no"}, files...)...)
		cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Sprintf("%s%v", out, err)
		}
		return string(out)
	}
	bad := saveUnits(t, dir, mustRender(t, unit{exe: filepath.Join(dir, "missing")}, "systemd"), 0)
	if out := verify(bad...); !strings.Contains(out, "missing") {
		t.Skipf("systemd-analyze verifies nothing here: %s", out)
	}
	var files []string
	for i, name := range nastyNames() {
		u := unit{exe: stub(t, dir, "exe"), dir: "/" + name}
		if systemdRuns(name) {
			u.exe = stub(t, dir, name)
		}
		files = append(files, saveUnits(t, dir, mustRender(t, u, "systemd"), i)...)
	}
	if out := verify(files...); out != "" {
		t.Errorf("systemd-analyze verify says\n%s", out)
	}
}

// TestSystemdReadsTheCommandAsMeant lets a user manager, in its test mode that
// starts nothing, print what it read.
func TestSystemdReadsTheCommandAsMeant(t *testing.T) {
	manager := "/lib/systemd/systemd"
	if _, err := os.Stat(manager); err != nil {
		t.Skip("there is no systemd: Debian package systemd")
	}
	dir := t.TempDir()
	var names strings.Builder
	for i, name := range nastyNames() {
		saveUnits(t, dir, mustRender(t, unit{exe: "/bin/secrets", dir: "/" + name}, "systemd"), i)
		fmt.Fprintf(&names, "Wants=watch%d.service\n", i)
	}
	if err := os.WriteFile(filepath.Join(dir, "all.target"), []byte("[Unit]\n"+names.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := testMode(t, manager, dir).Output()
	if err != nil {
		t.Skipf("no user manager starts here: %v", err)
	}
	read := map[string]string{}
	for _, part := range strings.Split(string(out), "-> Unit ")[1:] {
		name, _, _ := strings.Cut(part, ":\n")
		if _, line, ok := strings.Cut(part, "Command Line: "); ok {
			read[name], _, _ = strings.Cut(line, "\n")
		}
	}
	for i, name := range nastyNames() {
		// What is printed is quoted for a shell, and variables are expanded
		// later: of $$ one $ is left then.
		words, err := exec.Command("sh", "-c", `printf '%s\0' `+read[fmt.Sprintf("watch%d.service", i)]).Output()
		got := strings.ReplaceAll(string(words), "$$", "$")
		if want := "/bin/secrets\x00--dir\x00/" + name + "\x00watch\x00--quiet\x00"; err != nil || got != want {
			t.Errorf("%q: systemd reads %q, %v", name, got, err)
		}
	}
}

// testMode is the manager in its test mode, which root is refused.
func testMode(t *testing.T, manager, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(manager, "--user", "--test", "--unit=all.target")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_RUNTIME_DIR=" + dir, "SYSTEMD_UNIT_PATH=" + dir + ":"}
	cmd.Dir = dir
	if os.Geteuid() == 0 {
		const nobody = 65534
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		for _, path := range []string{dir, filepath.Dir(dir)} {
			if err := os.Chown(path, nobody, nobody); err != nil {
				t.Skip("root cannot step back here: ", err)
			}
		}
	}
	return cmd
}

// wantPlist is what the property list for u has to say.
func wantPlist(u unit) map[string]any {
	var args []any
	for _, word := range u.words() {
		args = append(args, word)
	}
	log := u.home + "/Library/Logs/secrets-watch.log"
	return map[string]any{
		"Label": "secrets.watch", "ProgramArguments": args, "StartInterval": float64(60), "RunAtLoad": true,
		"StandardOutPath": log, "StandardErrorPath": log,
	}
}

// savePlists writes the property list for each nasty name, and returns the files
// and what they have to say.
func savePlists(t *testing.T) (files []string, want []map[string]any) {
	t.Helper()
	dir := t.TempDir()
	for i, name := range nastyNames() {
		u := unit{exe: "/" + name + "/secrets", dir: "/" + name, home: "/home/" + name, every: time.Minute}
		files = append(files, filepath.Join(dir, fmt.Sprintf("%d.plist", i)))
		want = append(want, wantPlist(u))
		if err := os.WriteFile(files[i], []byte(mustRender(t, u, "launchd")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return files, want
}

func TestThePropertyListIsReadBackExactly(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("there is no python3: Debian package python3")
	}
	files, want := savePlists(t)
	out, err := exec.Command("python3", append([]string{"-c", "import json, plistlib, sys\nprint(json.dumps([plistlib.load(open(f, 'rb')) for f in sys.argv[1:]]))"}, files...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("plistlib: %v\n%s", err, out)
	}
	var got []any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	for i, name := range nastyNames() {
		if fmt.Sprint(got[i]) != fmt.Sprint(any(want[i])) {
			t.Errorf("%q: read %v, want %v", name, got[i], want[i])
		}
	}
}

func TestPlutilTakesThePropertyList(t *testing.T) {
	files, _ := savePlists(t)
	var check func(file string) *exec.Cmd
	if _, err := exec.LookPath("plutil"); err == nil {
		check = func(file string) *exec.Cmd { return exec.Command("plutil", "-lint", file) }
	} else if _, err := exec.LookPath("plistutil"); err == nil {
		check = func(file string) *exec.Cmd { return exec.Command("plistutil", "-i", file, "-o", os.DevNull) }
	} else {
		t.Skip("there is no plutil, nor plistutil: Debian package libplist-utils")
	}
	for i, name := range nastyNames() {
		if out, err := check(files[i]).CombinedOutput(); err != nil {
			t.Errorf("%q: %v\n%s", name, err, out)
		}
	}
}

func TestThePropertyListIsXML(t *testing.T) {
	for _, name := range nastyNames() {
		text := mustRender(t, unit{exe: "/bin/secrets", dir: "/" + name, home: "/" + name}, "launchd")
		var words []string
		for dec := xml.NewDecoder(strings.NewReader(text)); ; {
			token, err := dec.Token()
			if err == io.EOF {
				break
			}
			if err != nil { // among others, two hyphens in a comment
				t.Fatalf("%q: %v\n%s", name, err, text)
			}
			if chars, ok := token.(xml.CharData); ok {
				words = append(words, string(chars))
			}
		}
		if !slices.Contains(words, "/"+name) {
			t.Errorf("%q is not among %q", name, words)
		}
	}
}

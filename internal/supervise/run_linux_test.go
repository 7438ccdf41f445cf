package supervise

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestStatusIsWhatAShellReports(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, test := range map[string]struct {
		args []string
		want outcome
	}{
		"success":                {[]string{"exit 0"}, outcome{}},
		"failure":                {[]string{"exit 7"}, outcome{Status: 7}},
		"signal":                 {[]string{"kill -TERM $$"}, outcome{Status: 143}},
		"missing":                {[]string{filepath.Join(dir, "missing"), ""}, outcome{Status: 127, NotFound: true}},
		"missing interpreter":    {[]string{file("orphan", "#!/no/such/interpreter\n", 0o700), ""}, outcome{Status: 127, NotFound: true}},
		"directory":              {[]string{dir, ""}, outcome{Status: 126, NotExecutable: true}},
		"no execute permission":  {[]string{file("plain", "#!/bin/sh\n", 0o600), ""}, outcome{Status: 126, NotExecutable: true}},
		"neither binary nor #!":  {[]string{file("text", "exit 0\n", 0o700), ""}, outcome{Status: 126, NotExecutable: true}},
		"arguments that are NUL": {[]string{"/bin/sh", "a\x00b"}, outcome{Status: 126}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := supervise(t, plan{Writer: "discard"}, test.args...).end(t)
			if got.Status != test.want.Status || got.NotFound != test.want.NotFound || got.NotExecutable != test.want.NotExecutable {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if started := test.want.Status != 126 && test.want.Status != 127; started != (got.Err == "") {
				t.Errorf("error %q", got.Err)
			}
		})
	}
}

func TestArgumentsAndEnvironmentArriveVerbatim(t *testing.T) {
	t.Parallel()
	args := []string{"/bin/sh", "-c", `printf '[%s]' "$@"; tr '\0' '|' </proc/$$/environ`, "", "", " a  b", "$HOME\n*", "--"}
	s := supervise(t, plan{Env: []string{"A= b \n", "A=2", "odd"}}, args...)
	s.end(t)
	s.prints(t, "[][ a  b][$HOME\n*][--]"+s.mark+"|")
	s.prints(t, "|A= b \n|A=2|odd|")
}

// What we were given by our parent, as in prog <(other), is the child's too.
func TestNoDescriptorOfOursReachesTheChild(t *testing.T) {
	t.Parallel()
	const script = "cd /proc/$$/fd && echo *"
	direct := exec.Command("/bin/sh", "-c", script)
	direct.Stdin = strings.NewReader("")
	want, err := direct.Output()
	if err != nil {
		t.Fatal(err)
	}
	s := supervise(t, plan{Writer: "stdout"}, script)
	s.end(t)
	s.prints(t, "\n")
	if got := s.stdout.String(); got != string(want) {
		t.Errorf("the child has descriptors %swant %s", got, want)
	}
}

func TestExtraFilesAreTheChildsFromThreeOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var extra []string
	var numbers, want strings.Builder
	for fd := 3; fd < 15; fd++ { // more than the supervisor has open: some numbers must cross
		path := filepath.Join(dir, strconv.Itoa(fd))
		if err := os.WriteFile(path, fmt.Appendf(nil, "file %d\n", fd), 0o600); err != nil {
			t.Fatal(err)
		}
		extra = append(extra, path)
		fmt.Fprintf(&numbers, " /proc/self/fd/%d", fd)
		fmt.Fprintf(&want, "file %d\n", fd)
	}
	s := supervise(t, plan{Writer: "stdout", Extra: extra}, "exec cat"+numbers.String())
	got := s.end(t)
	s.prints(t, "file 14\n")
	if s.stdout.String() != want.String() {
		t.Errorf("the child read %q", s.stdout.String())
	}
	if got.Status != 0 || got.ExtraOpen != len(extra) {
		t.Errorf("of %d files, %d are open still: %+v", len(extra), got.ExtraOpen, got)
	}
}

func TestADescriptorWithoutAFileIsClosedThoughOurParentGaveUsOne(t *testing.T) {
	t.Parallel()
	outer, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer outer.Close()
	s := prepare(t, plan{Writer: "stdout", Extra: []string{"", "", os.DevNull, ""}},
		`for fd in 3 4 5 6 7; do [ -e /proc/$$/fd/$fd ] && printf "$fd "; done; echo end`)
	s.ExtraFiles = []*os.File{outer, outer, outer, outer, outer} // 3 to 7
	s.start(t).end(t)
	s.prints(t, "end\n")
	if got := s.stdout.String(); got != "5 7 end\n" {
		t.Errorf("of 3 to 7, the child has %q, want 5 and 7", got)
	}
}

func TestTheChildRunsInItsDirectory(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := supervise(t, plan{Dir: dir}, "/bin/pwd; echo end")
	s.end(t)
	s.prints(t, "end")
	if got := s.stdout.String(); got != dir+"\nend\n" {
		t.Errorf("it runs in %q, want %s", got, dir)
	}

	got := supervise(t, plan{Dir: filepath.Join(dir, "missing")}, "exit 0").end(t)
	if got.Status != 126 || got.NotFound || got.NotExecutable || !strings.Contains(got.Err, "enter its directory") {
		t.Errorf("without the directory: %+v", got)
	}
}

func TestDispositionsAreThoseOfADirectRun(t *testing.T) {
	t.Parallel()
	ignored := func(s *supervised) uint64 {
		s.end(t)
		s.prints(t, "SigIgn")
		mask, err := strconv.ParseUint(strings.TrimSpace(strings.TrimPrefix(s.stdout.String(), "SigIgn:")), 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		return mask & (1<<31 - 1) // without real-time signals, which are the C library's
	}
	const script = "grep SigIgn /proc/self/status"
	if got := ignored(supervise(t, plan{}, script)); got != 0 {
		t.Errorf("the child ignores %x", got)
	}
	s := prepare(t, plan{}, script)
	s.Path, s.Args = "/bin/sh", []string{"sh", "-c", `trap "" HUP; exec "$0"`, os.Args[0]}
	if got := ignored(s.start(t)); got != 1<<(unix.SIGHUP-1) {
		t.Errorf("under nohup, the child ignores %x, want SIGHUP", got)
	}
}

func TestSignalsAreForwardedOnce(t *testing.T) {
	t.Parallel()
	s := prepare(t, plan{Env: []string{roleVariable + "=signals"}}, os.Args[0], "")
	s.plan.Env = nil
	stdin, err := s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.start(t)
	s.prints(t, "ready")
	var want strings.Builder
	want.WriteString("ready\n")
	for _, sig := range []unix.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH} {
		if err := s.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		want.WriteString("<" + unix.SignalName(sig) + ">\n")
		s.prints(t, want.String())
	}
	stdin.Close()
	if got := s.end(t); got.Status != 0 || got.Stopped {
		t.Errorf("got %+v", got)
	}
	s.prints(t, "end")
	if got := s.stdout.String(); !strings.HasPrefix(got, want.String()+"end") {
		t.Errorf("the child printed %q, want %q first", got, want.String())
	}
}

func TestAForwardedSignalReachesTheWholeGroup(t *testing.T) {
	t.Parallel()
	s := supervise(t, plan{}, `sleep 1000 & echo ready; wait`)
	s.prints(t, "ready")
	if err := s.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := s.end(t); got.Status != 143 || got.Stopped {
		t.Errorf("got %+v", got)
	}
	eventually(t, "the group has ended", func() bool { return len(s.tree()) == 0 })
}

func TestOrphansAreBuried(t *testing.T) {
	t.Parallel()
	s := supervise(t, plan{}, `(sh -c 'echo "orphan $$ $PPID."; kill -TERM $$' &); exec sleep 1000`)
	s.prints(t, ".")
	pid, err := strconv.Atoi(strings.Fields(s.stdout.String())[1])
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "not even a zombie is left", func() bool { return unix.Kill(pid, 0) == unix.ESRCH })
	s.expire(t)
	if got := s.end(t); got.Children {
		t.Error("there are children that nobody waited for")
	}
}

func TestTheChildDiesWithItsSupervisor(t *testing.T) {
	t.Parallel()
	s := supervise(t, plan{}, `trap "" TERM HUP INT; echo ready; while :; do read never </dev/zero; done`)
	s.prints(t, "ready")
	if err := s.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the child is dead", func() bool { return len(s.tree()) == 0 })
}

func TestTheBackgroundIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := supervise(t, plan{Writer: "stdout", Config: Config{Drain: 50 * time.Millisecond}}, `sleep 1000 & setsid sleep 1000 & echo done; exit 3`)
	got := s.end(t)
	if got.Status != 3 || got.Stopped || got.Output != "" || got.Elapsed > patience/4 {
		t.Errorf("got %+v", got)
	}
	s.prints(t, "done")
	if n := len(s.tree()); n != 2 {
		t.Errorf("%d background processes are alive, want 2", n)
	}
}

func TestAnEarlierChildIsNotOfTheTree(t *testing.T) {
	t.Parallel()
	s := prepare(t, plan{}, "echo ready; exec sleep 1000")
	s.Path, s.Args = "/bin/sh", []string{"sh", "-c", `sleep 1000 & echo "earlier $!."; exec "$0"`, os.Args[0]}
	s.start(t)
	s.prints(t, "ready")
	earlier, err := strconv.Atoi(strings.TrimSuffix(strings.Fields(s.stdout.String())[1], "."))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Kill(earlier, unix.SIGKILL)
	s.expire(t)
	if got := s.end(t); got.Status != 143 || got.Leftovers != 0 {
		t.Errorf("got %+v", got)
	}
	if unix.Kill(earlier, 0) != nil {
		t.Error("it was killed")
	}
}

package supervise

import (
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestAPromptIsNotDelayed(t *testing.T) {
	t.Parallel()
	s := prepare(t, plan{Writer: "stdout"}, `printf 'name? '; read name; printf "hello $name"`)
	stdin, err := s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.start(t)
	s.prints(t, "name? ")
	if _, err := io.WriteString(stdin, "anna\n"); err != nil {
		t.Fatal(err)
	}
	s.end(t)
	s.prints(t, "name? hello anna")
}

func TestMuchOutputPassesInLittleMemory(t *testing.T) {
	t.Parallel()
	got := supervise(t, plan{Writer: "discard"}, "exec head -c 1073741824 /dev/zero").end(t)
	if got.Written != 1<<30 || got.Status != 0 {
		t.Errorf("got %+v", got)
	}
	if got.Memory > 16<<20 {
		t.Errorf("%d bytes were allocated", got.Memory)
	}
	t.Logf("1 GiB in %s", got.Elapsed)
}

func TestASlowWriterGetsEverything(t *testing.T) {
	t.Parallel()
	s := supervise(t, plan{Writer: "slow", Config: Config{Drain: time.Millisecond}}, "head -c 700000 /dev/zero; setsid sleep 1000 &")
	eventually(t, "the child has ended", func() bool {
		pids := s.tree()
		comm := ""
		if len(pids) == 1 {
			data, _ := os.ReadFile("/proc/" + strconv.Itoa(pids[0]) + "/comm")
			comm = string(data)
		}
		return comm == "sleep\n"
	})
	go func() {
		time.Sleep(20 * time.Millisecond) // past the drain, which nothing shows
		_ = os.WriteFile(s.plan.Outcome+".go", nil, 0o600)
	}()
	if got := s.end(t); got.Written != 700000 || got.Status != 0 || got.Output != "" {
		t.Errorf("got %+v", got)
	}
}

func TestAWriterThatIsStuckHoldsUpNeitherAStopNorASignal(t *testing.T) {
	t.Parallel()
	s := supervise(t, plan{Writer: "stuck", Config: Config{Drain: 10 * time.Millisecond}}, "echo; exec sleep 1000")
	s.child(t)
	s.expire(t)
	if got := s.end(t); !got.Stopped || got.Leftovers != 0 {
		t.Errorf("got %+v", got)
	}

	s = prepare(t, plan{Writer: "stuck", Config: Config{Drain: 10 * time.Millisecond}}, "echo; read x; exit 5")
	stdin, err := s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.start(t)
	child := s.child(t)
	stdin.Close()
	eventually(t, "the child was waited for", func() bool { return unix.Kill(child, 0) == unix.ESRCH })
	if err := s.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := s.end(t); got.Stopped || !got.Undelivered || got.Status != 5 {
		t.Errorf("got %+v", got)
	}
}

func TestAReaderThatGoesAwayIsABrokenPipeForTheChild(t *testing.T) {
	t.Parallel()
	s := prepare(t, plan{Writer: "stdout"}, "yes")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s.Stdout = w
	s.start(t)
	w.Close()
	if _, err := io.ReadFull(r, make([]byte, 100000)); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if got := s.end(t); got.Status != 141 || got.Output != "" || got.Err != "" {
		t.Errorf("got %+v", got)
	}

	if got := supervise(t, plan{Writer: "full"}, "yes").end(t); got.Status != 141 || !strings.Contains(got.Output, unix.ENOSPC.Error()) {
		t.Errorf("got %+v, want to hear that the disk is full", got)
	}
}

func TestOneWriterForBothStreamsKeepsTheirOrder(t *testing.T) {
	t.Parallel()
	var out lockedBuffer
	s, err := openStreams(Command{Stdout: &out, Stderr: &out})
	if err != nil {
		t.Fatal(err)
	}
	defer s.abandon()
	s.feed()
	cmd := exec.Command("/bin/sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do echo out; echo err >&2; done")
	cmd.Stdout, cmd.Stderr = s.files[1], s.files[2]
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	s.closeChildEnds()
	<-s.feeds[0].done
	if want := strings.Repeat("out\nerr\n", 9); out.String() != want {
		t.Errorf("got %q", out.String())
	}
}

package supervise

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// console is the person's side of a terminal on which a shell runs the
// supervisor.
type console struct {
	*supervised
	keys   *os.File
	screen *lockedBuffer
	seen   int // how much of the screen was expected already
}

func openConsole(t *testing.T, p plan, args ...string) *console {
	t.Helper()
	keys, tty := openPTY(t)
	s := prepare(t, p, args...)
	s.Env[len(s.Env)-2] = roleVariable + "=shell"
	s.Stdin, s.Stdout, s.Stderr = tty, tty, tty
	s.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	s.start(t)
	tty.Close()
	c := &console{supervised: s, keys: keys, screen: &lockedBuffer{}}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := keys.Read(buf)
			_, _ = c.screen.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	return c
}

func openPTY(t *testing.T) (keys, tty *os.File) {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	t.Cleanup(func() { keys.Close() })
	var number int
	conn, err := keys.SyscallConn()
	if err == nil {
		err = conn.Control(func(fd uintptr) {
			_ = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
			_ = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
			number, _ = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	return keys, tty
}

func (c *console) types(t *testing.T, keys string) {
	t.Helper()
	if _, err := c.keys.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// shows waits until text appears, after what was shown before.
func (c *console) shows(t *testing.T, text string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("the screen shows %q", c.screen.String()[c.seen:])
		}
	}()
	eventually(t, fmt.Sprintf("the screen shows %q", text), func() bool {
		at := strings.Index(c.screen.String()[c.seen:], text)
		if at >= 0 {
			c.seen += at + len(text)
		}
		return at >= 0
	})
}

func (c *console) resize(t *testing.T, rows, columns uint16) {
	t.Helper()
	conn, err := c.keys.SyscallConn()
	if err == nil {
		err = conn.Control(func(fd uintptr) {
			err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns})
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (c *console) foreground(t *testing.T) (group int) {
	t.Helper()
	conn, err := c.keys.SyscallConn()
	if err == nil {
		err = conn.Control(func(fd uintptr) { group, _ = unix.IoctlGetInt(int(fd), unix.TIOCGPGRP) })
	}
	if err != nil || group == 0 {
		t.Fatalf("the foreground group is %d, %v", group, err)
	}
	return group
}

const readAndSize = `echo ready; read x; echo "got $x"; stty size; exit 4`

func TestTheTerminalIsTheChildsAndComesBack(t *testing.T) {
	t.Parallel()
	c := openConsole(t, plan{Job: "script"}, readAndSize)
	c.shows(t, "ready")
	c.resize(t, 33, 101)
	c.types(t, "hello\n")
	c.shows(t, "got hello")
	c.shows(t, "33 101")
	c.shows(t, "shell: status 4")
	c.types(t, "after\n")
	c.shows(t, `shell: read "after" <nil>`)
}

func TestTheTerminalComesBackFromAStop(t *testing.T) {
	t.Parallel()
	c := openConsole(t, plan{Job: "script"}, "echo ready; exec cat")
	c.shows(t, "ready")
	c.expire(t)
	c.shows(t, "shell: status 143")
	c.types(t, "after\n")
	c.shows(t, `shell: read "after" <nil>`)
}

func TestTheTerminalComesBackFromAFailedStart(t *testing.T) {
	t.Parallel()
	c := openConsole(t, plan{Job: "script"}, "/no/such/program", "")
	c.shows(t, "shell: status 127")
	c.types(t, "after\n")
	c.shows(t, `shell: read "after" <nil>`)
}

func TestTheTerminalComesBackFromAJobOfTheChild(t *testing.T) {
	t.Parallel()
	// A shell with job control puts its job in the foreground and dies of it.
	c := openConsole(t, plan{Job: "script"}, `set -m; sh -c 'echo ready; kill -KILL $PPID'`)
	c.shows(t, "ready")
	c.shows(t, "shell: status 137")
	c.types(t, "after\n")
	c.shows(t, `shell: read "after" <nil>`)
}

func TestInterruptFromTheTerminalArrivesOnce(t *testing.T) {
	t.Parallel()
	for name, writer := range map[string]string{"in the foreground": "", "in a pipeline": "stdout"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := openConsole(t, plan{Job: "foreground", Writer: writer, Env: []string{roleVariable + "=signals"}}, os.Args[0], "")
			c.shows(t, "ready")
			c.types(t, "\x03")
			c.shows(t, "<SIGINT>")
			c.resize(t, 10, 10)
			c.shows(t, "<SIGWINCH>")
			c.types(t, "quit\n")
			c.shows(t, `end "quit"`)
			c.shows(t, "shell: status 0")
			if n := strings.Count(c.screen.String(), "<SIGINT>"); n != 1 {
				t.Errorf("it arrived %d times", n)
			}
		})
	}
}

func TestSuspendAndContinue(t *testing.T) {
	t.Parallel()
	for name, writer := range map[string]string{"in the foreground": "", "in a pipeline": "stdout"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := openConsole(t, plan{Job: "foreground", Writer: writer}, readAndSize)
			c.shows(t, "ready")
			eventually(t, "the child has the terminal", func() bool {
				p, err := inspect(c.child(t))
				return err == nil && !p.stopped && c.foreground(t) == p.pid
			})
			for range 3 {
				c.types(t, "\x1a")
				c.shows(t, "shell: stopped")
				for _, pid := range c.tree() {
					if p, err := inspect(pid); err != nil || !p.stopped {
						t.Errorf("the child runs on: %+v, %v", p, err)
					}
				}
				c.types(t, "fg\n")
				eventually(t, "the child runs", func() bool {
					p, err := inspect(c.child(t))
					return err == nil && !p.stopped
				})
			}
			c.types(t, "hello\n")
			c.shows(t, "got hello")
			c.shows(t, "shell: status 4")
			c.types(t, "after\n")
			c.shows(t, `shell: read "after" <nil>`)
		})
	}
}

// What shares the terminal with us, a pager say, keeps it.
func TestAChildInAPipelineHasTheTerminalOnDemandOnly(t *testing.T) {
	t.Parallel()
	c := openConsole(t, plan{Job: "foreground", Writer: "stdout"}, "echo ready; exec sleep 1000")
	c.shows(t, "ready")
	child := c.child(t)
	stopped := func() bool {
		p, err := inspect(child)
		return err == nil && p.stopped
	}
	if holder := c.foreground(t); holder == child {
		t.Error("the child has the terminal")
	}
	c.types(t, "\x1a")
	c.shows(t, "shell: stopped")
	if !stopped() {
		t.Error("the child runs on")
	}
	c.types(t, "fg\n")
	eventually(t, "the child runs", func() bool { return !stopped() })
	if holder := c.foreground(t); holder == child {
		t.Error("the child has the terminal")
	}
	c.types(t, "\x03")
	c.shows(t, "shell: status 130")
}

func TestABackgroundJobLeavesTheTerminalAlone(t *testing.T) {
	t.Parallel()
	c := openConsole(t, plan{Job: "background"}, readAndSize)
	c.shows(t, "shell: stopped") // when it tried to read
	c.types(t, "bg\n")
	c.shows(t, "shell: stopped") // when it tried again
	c.types(t, "fg\n")
	c.types(t, "hello\n")
	c.shows(t, "got hello")
	c.shows(t, "shell: status 4")
}

func TestAJobThatExpiredWhileSuspendedDoesNotRunOn(t *testing.T) {
	t.Parallel()
	unpolled := Config{Poll: time.Hour}
	c := openConsole(t, plan{Job: "foreground", Config: unpolled}, `trap 'echo bye; exit 6' TERM; echo ready; read x; echo "got $x"`)
	c.shows(t, "ready")
	c.types(t, "\x1a")
	c.shows(t, "shell: stopped")
	c.expire(t)
	c.types(t, "fg\n")
	c.shows(t, "bye")
	c.shows(t, "shell: status 6")
	if got := c.end(t); !got.Stopped || strings.Contains(c.screen.String(), "got") {
		t.Errorf("got %+v, and %q", got, c.screen.String())
	}
}

func TestWithoutAShellNobodyIsSuspended(t *testing.T) {
	t.Parallel()
	c := openConsole(t, plan{Job: "script"}, readAndSize)
	c.shows(t, "ready")
	c.types(t, "\x1a")
	c.types(t, "hello\n")
	c.shows(t, "got hello")
	c.shows(t, "shell: status 4")
}

package supervise

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Run waits for every child of its process, so the tests run it in processes of
// its own: this binary again, in one of these roles.
const roleVariable = "SUPERVISE_TEST_ROLE"

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	os.Unsetenv(roleVariable)
	switch role {
	case "supervisor":
		os.Exit(supervisor(readPlan()))
	case "shell":
		os.Exit(shell(readPlan()))
	case "signals":
		os.Exit(printSignals())
	}
	takeIgnoredSignals()
	os.Exit(m.Run())
}

// takeIgnoredSignals gives what the tests start the dispositions of a terminal,
// also where the tests themselves run under nohup or in the background: a signal
// that is caught here is back at its default there.
func takeIgnoredSignals() {
	for _, sig := range forwarded(false) {
		if signal.Ignored(sig) {
			signal.Notify(make(chan os.Signal, 1), sig)
		}
	}
}

const planVariable = "SUPERVISE_TEST_PLAN"

// plan is what a supervisor is to do.
type plan struct {
	Args    []string
	Env     []string
	Dir     string
	Extra   []string // paths; empty is nil
	Config  Config
	Writer  string // of standard output: see writerOf; empty inherits it
	Expired string // check fails once this file is there
	Outcome string // the file that gets the outcome
	Job     string // for the shell, how to run the supervisor: foreground, background, script
}

// outcome is what Run returned.
type outcome struct {
	Status, Leftovers                int
	Stopped, NotFound, NotExecutable bool
	Err, Output                      string
	Children                         bool   // some are not waited for
	Written                          int64  // to the writer
	Memory                           uint64 // bytes that the heap ever held
	Elapsed                          time.Duration
	Undelivered                      bool
	ExtraOpen                        int // files that are open still
}

func readPlan() plan {
	var p plan
	if err := json.Unmarshal([]byte(os.Getenv(planVariable)), &p); err != nil {
		panic(err)
	}
	return p
}

var errExpired = errors.New("expired")

func supervisor(p plan) int {
	out := &countingWriter{to: writerOf(p)}
	extra := openExtra(p.Extra)
	cmd := Command{Path: p.Args[0], Args: p.Args, Env: p.Env, Dir: p.Dir, Extra: extra, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	if p.Writer != "" {
		cmd.Stdout = out
	}
	begun := time.Now()
	result, err := Run(cmd, p.Config, func() error {
		if _, err := os.Stat(p.Expired); err == nil {
			return errExpired
		}
		return nil
	})
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	_, none := unix.Wait4(-1, nil, unix.WNOHANG, nil)
	save(p.Outcome, outcome{
		Status: result.Status, Leftovers: result.Leftovers, Stopped: result.Stopped,
		NotFound: errors.Is(err, ErrNotFound), NotExecutable: errors.Is(err, ErrNotExecutable),
		Err: text(err), Output: text(result.Output), Undelivered: errors.Is(result.Output, ErrUndelivered),
		Children: none != unix.ECHILD, Written: out.n, Memory: memory.TotalAlloc, Elapsed: time.Since(begun),
		ExtraOpen: countOpen(extra),
	})
	return result.Status
}

// openExtra opens the last file first, so that the numbers here and in the child
// run against each other.
func openExtra(paths []string) []*os.File {
	files := make([]*os.File, len(paths))
	for i, path := range slices.Backward(paths) {
		if path == "" {
			continue
		}
		var err error
		if files[i], err = os.Open(path); err != nil {
			panic(err)
		}
	}
	return files
}

func countOpen(files []*os.File) (n int) {
	for _, f := range files {
		if _, err := f.Stat(); err == nil {
			n++
		}
	}
	return n
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func save(path string, o outcome) {
	data, err := json.Marshal(o)
	if err == nil {
		err = os.WriteFile(path+".new", data, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		panic(err)
	}
}

type countingWriter struct {
	to io.Writer
	n  int64
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	w.n += int64(n)
	return n, err
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func writerOf(p plan) io.Writer {
	switch p.Writer {
	case "stdout":
		return writerFunc(os.Stdout.Write)
	case "discard":
		return writerFunc(func(p []byte) (int, error) { return len(p), nil })
	case "full":
		return writerFunc(func([]byte) (int, error) { return 0, unix.ENOSPC })
	case "stuck":
		return writerFunc(func([]byte) (int, error) { select {} })
	case "slow": // the first write waits for the file
		return writerFunc(func(data []byte) (int, error) {
			for {
				if _, err := os.Stat(p.Outcome + ".go"); err == nil {
					return len(data), nil
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	return nil
}

// printSignals prints each signal it gets, until a line or the end comes from
// standard input.
func printSignals() int {
	c := make(chan os.Signal, 64)
	signal.Notify(c, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH)
	go func() {
		for sig := range c {
			fmt.Printf("<%s>\n", unix.SignalName(sig.(unix.Signal)))
		}
	}()
	fmt.Println("ready")
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	fmt.Printf("end %q %v\n", strings.TrimSpace(line), err)
	return 0
}

// shell is a session leader on a terminal that runs the supervisor as a job and
// does what job control asks of it. As a "script" it runs it in its own group,
// and trusts it to leave the terminal as it was.
func shell(p plan) int {
	runtime.LockOSThread()
	job := p.Job
	attr := &syscall.ProcAttr{
		Env:   append(os.Environ(), roleVariable+"=supervisor"),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setpgid: job != "script", Foreground: job == "foreground", Ctty: 0},
	}
	pid, err := syscall.ForkExec(os.Args[0], os.Args[:1], attr)
	if err != nil {
		panic(err)
	}
	lines := bufio.NewReader(os.Stdin)
	foreground := func(group int) {
		if job != "script" {
			_ = withoutTTOU(func() error { return unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, group) })
		}
	}
	for {
		var status unix.WaitStatus
		if _, err := unix.Wait4(pid, &status, unix.WUNTRACED, nil); err == unix.EINTR {
			continue
		}
		foreground(unix.Getpgrp())
		if !status.Stopped() {
			fmt.Printf("shell: status %d\n", status.ExitStatus())
			line, err := lines.ReadString('\n')
			fmt.Printf("shell: read %q %v\n", strings.TrimSpace(line), err)
			return 0
		}
		fmt.Println("shell: stopped")
		switch line, _ := lines.ReadString('\n'); strings.TrimSpace(line) {
		case "fg":
			foreground(pid)
		case "bg":
		}
		_ = unix.Kill(-pid, unix.SIGCONT)
	}
}

package cli

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"agent-secrets/internal/fsx"
	"agent-secrets/internal/supervise"
	"agent-secrets/rotate"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Env is everything a command takes from outside. Tests put their own in place;
// the shipped program has no other way to be changed.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Deliver is where a value goes: standard output, or a writer that
	// fails where the program was started without one.
	Deliver        io.Writer
	StdinTerminal  bool
	StdoutTerminal bool
	StderrTerminal bool
	Terminal       func() (Terminal, error) // the controlling one
	Getenv         func(string) string
	Getwd          func() (string, error) // without symbolic links
	Hostname       func() (string, error)
	Now            func() time.Time
	Rand           io.Reader
	// Alive reports whether the process that a lease is bound to still runs.
	Alive func(owner string) bool
	// Owner is this process, as Alive knows it; empty for none.
	Owner func() string
	// Tracked refuses a file that git tracks.
	Tracked func(dir, name string) error
	// Ignored reports whether git leaves a file alone.
	Ignored func(dir, name string) bool
	// Programs are the paths of all that is called secrets on the PATH.
	Programs func() []string
	// RunHook runs a rotation hook.
	RunHook func(context.Context, rotate.Hook) (rotate.Output, error)
	// ShowPass returns what the password manager pass shows of an entry in the
	// store at dir.
	ShowPass func(ctx context.Context, dir, key string) ([]byte, error)
	// OpenDir opens a state directory, MakeDir makes it first.
	OpenDir, MakeDir func(path string) (fsx.FS, error)
}

// Terminal asks a person.
type Terminal interface {
	// Ask shows prompt and reads a line, which ^D ends too unless it is
	// hidden: that is without an echo.
	Ask(prompt string, hidden bool) ([]byte, error)
	Close() error
}

// System returns the surroundings of a real process.
func System() *Env {
	harden()
	// Writing to a closed pipe or past a file size limit is then an error
	// like any other. Notify, unlike Ignore, is not inherited by children.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE, syscall.SIGXFSZ)
	log.SetOutput(io.Discard) // net/http quotes servers there
	env := &Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Deliver: os.Stdout,
		StdinTerminal:  term.IsTerminal(int(os.Stdin.Fd())),
		StdoutTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		StderrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		Terminal:       openTerminal,
		Getenv:         os.Getenv,
		Getwd:          workingDirectory,
		Hostname:       os.Hostname,
		Now:            time.Now,
		Rand:           rand.Reader,
		Alive:          supervise.OwnerAlive,
		Owner:          supervise.Self,
		Tracked:        refuseTracked,
		Ignored:        ignored,
		Programs:       programs,
		RunHook:        func(ctx context.Context, h rotate.Hook) (rotate.Output, error) { return h.Run(ctx) },
		ShowPass:       showWithPass,
		OpenDir:        fsx.OpenDir,
		MakeDir:        fsx.MakeDir,
	}
	if startedWithout(syscall.Stdout) {
		env.Deliver = closedOutput{}
	}
	return env
}

func workingDirectory() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir)
}

// programs lists each program once, however many names it has.
func programs() []string {
	var paths []string
	var seen []os.FileInfo
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(dir, "secrets")
		info, err := os.Stat(path)
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 || slices.ContainsFunc(seen, func(s os.FileInfo) bool { return os.SameFile(s, info) }) {
			continue
		}
		seen, paths = append(seen, info), append(paths, path)
	}
	return paths
}

// startedWithout reports whether the process was started with a standard
// descriptor closed. Go's runtime then opens /dev/null in its place, for reading
// and writing, which a shell's >/dev/null does not; a value written there would
// count as delivered and have reached nobody.
func startedWithout(fd int) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_ACCMODE != unix.O_RDWR {
		return false
	}
	var here, null unix.Stat_t
	return unix.Fstat(fd, &here) == nil && unix.Stat(os.DevNull, &null) == nil &&
		here.Mode&unix.S_IFMT == unix.S_IFCHR && here.Rdev == null.Rdev
}

type closedOutput struct{}

func (closedOutput) Write([]byte) (int, error) { return 0, syscall.EBADF }

func openTerminal() (Terminal, error) {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return tty{f}, nil
}

type tty struct{ *os.File }

func (t tty) Ask(prompt string, hidden bool) ([]byte, error) {
	if _, err := fmt.Fprint(t, prompt); err != nil {
		return nil, err
	}
	if !hidden {
		line, err := bufio.NewReader(t).ReadString('\n')
		if err == io.EOF {
			_, err = fmt.Fprintln(t) // in the place of the one that was not typed
		}
		return []byte(strings.TrimRight(line, "\r\n")), err
	}
	// ^Z would bring the echo back for whatever is typed after fg.
	signal.Ignore(syscall.SIGTSTP)
	defer signal.Reset(syscall.SIGTSTP)
	line, err := term.ReadPassword(int(t.Fd()))
	_, newline := fmt.Fprintln(t) // the one that was not echoed
	return line, errors.Join(err, newline)
}

package supervise

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// start runs the command. Every descriptor of ours but those of its streams is
// close-on-exec, and signals that we catch are back at their defaults in the
// child.
func (r *run) start(cmd Command) error {
	var err error
	if r.streams, err = openStreams(cmd); err != nil {
		return err
	}
	attr := &syscall.ProcAttr{Dir: cmd.Dir, Env: cmd.Env, Files: r.streams.descriptors(), Sys: processAttributes()}
	attr.Sys.Setsid, attr.Sys.Setpgid = cmd.Session, !cmd.Session
	if r.terminal.ours() && interactive(cmd) {
		attr.Sys.Foreground, attr.Sys.Ctty = true, r.terminal.fd
		r.terminal.lent, r.terminal.wanted = true, true
	}
	pid, err := syscall.ForkExec(cmd.Path, cmd.Args, attr)
	r.streams.closeChildEnds()
	if err != nil {
		r.streams.abandon()
		return startError(cmd, err)
	}
	r.pid, r.family.child = pid, pid
	r.streams.feed()
	return nil
}

// startError tells apart what a shell does when execve fails. Also a script
// whose interpreter is missing is not found. A file that is neither a program
// nor names an interpreter is not handed to a shell, as execvp would: what runs
// is what was asked for.
//
// The system does not say whether it was the directory that could not be
// entered: that is no news of the command.
func startError(cmd Command, err error) error {
	if cmd.Dir != "" {
		if _, gone := os.Stat(cmd.Dir + "/."); gone != nil {
			return fmt.Errorf("run %s: enter its directory: %w", cmd.Path, gone)
		}
	}
	var kind error
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		kind = ErrNotFound
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM), errors.Is(err, unix.ENOEXEC),
		errors.Is(err, unix.EISDIR), errors.Is(err, unix.ETXTBSY), errors.Is(err, unix.ELOOP):
		kind = ErrNotExecutable
	default:
		return fmt.Errorf("run %s: %w", cmd.Path, err)
	}
	return fmt.Errorf("run %s: %w (%w)", cmd.Path, kind, err)
}

func startStatus(err error) int {
	if errors.Is(err, ErrNotFound) {
		return 127
	}
	return 126
}

package supervise

import (
	"os"

	"golang.org/x/sys/unix"
)

// terminal is our controlling terminal. The methods may be called on nil, which
// is having none.
type terminal struct {
	fd     int
	own    int  // our process group
	lent   bool // the child has it from us
	wanted bool // the child has it whenever it is ours to give
}

// openTerminal goes by the controlling terminal rather than by the standard
// streams, because programs that ask for a password do.
func openTerminal() *terminal {
	fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return nil
	}
	return &terminal{fd: fd, own: unix.Getpgrp()}
}

func (t *terminal) close() {
	if t != nil {
		_ = unix.Close(t.fd) // nothing was written
	}
}

// holder is the group in the foreground, or 0.
func (t *terminal) holder() int {
	if t == nil {
		return 0
	}
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	if err != nil {
		return 0
	}
	return group
}

// ours reports whether the shell has us in the foreground, and the child does
// not hold the terminal now.
func (t *terminal) ours() bool { return t != nil && t.holder() == t.own }

// pass puts group in the foreground. A terminal that was hung up meanwhile is
// nobody's any more.
func (t *terminal) pass(group int) {
	_ = withoutTTOU(func() error { return unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, group) })
	t.lent = group != t.own
}

// interactive reports whether the child is to have the terminal from the start.
// In a pipeline it may share it with others of our group, say a pager, whom it
// would lock out. There it starts in the background, and gets the terminal when
// it reaches for it.
func interactive(cmd Command) bool {
	return cmd.Stdin != nil && isTerminal(cmd.Stdin) && isTerminal(cmd.Stdout)
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok || f == nil {
		return false
	}
	_, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
	return err == nil
}

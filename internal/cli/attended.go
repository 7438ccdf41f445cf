package cli

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"agent-secrets/store"

	"golang.org/x/sys/unix"
)

// A command that is attended, by the hidden flag --attended, is run by secrets
// mcp. For lease that only changes what the log says: the value goes to a model.
//
// For exec it means three things. Standard input is no input, but a tether: the
// command that exec runs is stopped with its tree, and its leases end, when the
// other end of it is closed, by intent or because whoever held it has died. That
// command gets the null device instead. And what exec has to say for itself goes
// to descriptor 3, so that nothing the command prints can be mistaken for it.
const notesFD = 3

// attend sends what exec has to say where it belongs. The descriptor must not
// reach the command.
func (inv *invocation) attend() error {
	var stat unix.Stat_t
	if err := unix.Fstat(notesFD, &stat); err != nil || stat.Mode&unix.S_IFMT != unix.S_IFIFO {
		return usageError{msg: "--attended is for secrets mcp alone", fix: "secrets help exec"}
	}
	syscall.CloseOnExec(notesFD)
	env := *inv.env
	env.Stderr = os.NewFile(notesFD, "notes")
	inv.env = &env
	return nil
}

// tethered is check, and besides an error once standard input has ended.
func tethered(check func() error) func() error {
	return func() error {
		if err := check(); err != nil {
			return err
		}
		return checkTether(int(os.Stdin.Fd()))
	}
}

func checkTether(fd int) error {
	for {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if n, err := unix.Poll(poll, 0); errors.Is(err, unix.EINTR) {
			continue
		} else if err == nil && n == 0 {
			return nil
		}
		var ignored [512]byte
		n, err := unix.Read(fd, ignored[:])
		if err == nil && n == 0 || err != nil && !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN) {
			return fmt.Errorf("%w: nobody waits for the command any more", store.ErrLeaseEnded)
		}
	}
}

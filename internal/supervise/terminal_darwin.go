package supervise

import (
	"os/signal"

	"golang.org/x/sys/unix"
)

// withoutTTOU runs set with SIGTTOU ignored: a background group that moves the
// terminal would be stopped by it. Go cannot undo that, but the child runs
// already and does not inherit it.
func withoutTTOU(set func() error) error {
	signal.Ignore(unix.SIGTTOU)
	return set()
}

package supervise

import (
	"os/signal"

	"golang.org/x/sys/unix"
)

// withoutTTOU runs set with SIGTTOU ignored: a background group that moves the
// terminal would be stopped by it. The child runs already and does not inherit
// this.
func withoutTTOU(set func() error) error {
	signal.Ignore(unix.SIGTTOU)
	defer signal.Reset(unix.SIGTTOU)
	return set()
}

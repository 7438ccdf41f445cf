package supervise

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Self identifies this process in a text that no later process will have, also
// after a reboot: its id, when it started, the boot, and the name space in
// which the id counts.
func Self() string {
	pid := os.Getpid()
	start, err := StartTime(pid)
	if err != nil {
		return "" // bound to no process: the lease ends with its time
	}
	return fmt.Sprintf("%d:%d:%s:%s", pid, start, bootID(), pidNamespace())
}

// Wake continues the process that [Self] identified, if it is stopped. One that
// has ended, or cannot be seen from here, is let be.
func Wake(owner string) {
	pid, start, seen := parseOwner(owner)
	if seen && Alive(pid, start) {
		_ = unix.Kill(pid, unix.SIGCONT) // another user's: it is not ours to wake
	}
}

// OwnerAlive reports whether the process that [Self] identified still runs. One
// whose id counts elsewhere, in another container, cannot be seen and is taken
// to run.
func OwnerAlive(owner string) bool {
	if parts := strings.Split(owner, ":"); len(parts) == 4 && parts[2] != bootID() {
		return false
	}
	pid, start, seen := parseOwner(owner)
	return !seen || Alive(pid, start)
}

// parseOwner reads what Self wrote. seen is false for a process of another
// boot or name space, whose id says nothing here.
func parseOwner(owner string) (pid int, start uint64, seen bool) {
	parts := strings.Split(owner, ":")
	if len(parts) != 4 || parts[2] != bootID() || parts[3] != pidNamespace() {
		return 0, 0, false
	}
	pid, errPID := strconv.Atoi(parts[0])
	start, errStart := strconv.ParseUint(parts[1], 10, 64)
	return pid, start, errPID == nil && errStart == nil
}

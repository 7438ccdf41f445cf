package supervise

import (
	"fmt"
	"os"
	"strconv"
	"strings"
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

// OwnerAlive reports whether the process that [Self] identified still runs. One
// whose id counts elsewhere, in another container, cannot be seen and is taken
// to run.
func OwnerAlive(owner string) bool {
	parts := strings.Split(owner, ":")
	if len(parts) != 4 {
		return true
	}
	pid, errPID := strconv.Atoi(parts[0])
	start, errStart := strconv.ParseUint(parts[1], 10, 64)
	switch {
	case errPID != nil || errStart != nil:
		return true
	case parts[2] != bootID():
		return false
	case parts[3] != pidNamespace():
		return true
	}
	return Alive(pid, start)
}

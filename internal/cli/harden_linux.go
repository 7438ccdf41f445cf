package cli

import "golang.org/x/sys/unix"

// harden keeps other processes of the user from reading this one's memory, and
// values out of core files. A kernel that refuses leaves us where every other
// program is.
func harden() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}

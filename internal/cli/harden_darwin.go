package cli

import "golang.org/x/sys/unix"

// harden keeps values out of core files. A kernel that refuses leaves us where
// every other program is.
func harden() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
}

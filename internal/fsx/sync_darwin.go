package fsx

import "golang.org/x/sys/unix"

// dataSync asks the drive to empty its cache, which fsync does not do on
// macOS. File systems without F_FULLFSYNC get the ordinary call.
func dataSync(fd int) error {
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_FULLFSYNC, 0); err == nil {
		return nil
	}
	return unix.Fsync(fd)
}

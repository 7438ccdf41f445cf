package supervise

import (
	"os"

	"golang.org/x/sys/unix"
)

// enlarge gives the pipe room for fewer and larger reads. A user who has many
// pipes already gets no more.
func enlarge(pipe *os.File) {
	conn, err := pipe.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		_, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize)
	})
}

package supervise

import "golang.org/x/sys/unix"

// withoutTTOU runs set with SIGTTOU blocked in this thread: a background group
// that moves the terminal would be stopped by it.
func withoutTTOU(set func() error) error {
	var ttou, before unix.Sigset_t
	ttou.Val[0] = 1 << (unix.SIGTTOU - 1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &ttou, &before); err != nil {
		return err
	}
	defer func() { _ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil) }() // it worked a moment ago
	return set()
}

package rotate

import (
	"fmt"
	"slices"
	"syscall"

	"agent-secrets/internal/supervise"
)

// failure is why there is no new value. Its kind is what callers test for; the
// text must not have anything of the hook's.
type failure struct {
	kind error
	text string
}

func failed(kind error, text string) error { return failure{kind, text} }

func (f failure) Error() string { return "rotation hook: " + f.text }
func (f failure) Unwrap() error { return f.kind }

func errTooLong() error {
	return failed(ErrFailed, fmt.Sprintf("it printed more than the %d bytes that a secret can hold", maxOutput))
}

// verdict makes an error of what supervise.Run returned. What was not read to
// the end is no value, though the hook succeeded.
func verdict(ended supervise.Result, err error, tooLong bool) error {
	switch {
	case ended.Leftovers > 0:
		return fmt.Errorf("%w; %d of its processes could not be stopped", err, ended.Leftovers)
	case ended.Stopped: // by our check, for this reason
		return err
	case err != nil: // not %w: that sh is missing is no news of the caller's command
		return failed(ErrFailed, err.Error())
	case tooLong:
		return errTooLong()
	case ended.Status != 0:
		return failed(ErrFailed, fmt.Sprintf("exit status %d", ended.Status))
	case ended.Output != nil:
		return failed(ErrFailed, "a signal came while its output was read")
	}
	return nil
}

// interrupted goes by the status that a shell reports, because it is a shell
// that runs what a ^C, or whoever ended us, ended.
func interrupted(ended supervise.Result) bool {
	if ended.Stopped {
		return false
	}
	asked := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}
	return ended.Output != nil || slices.Contains(asked, syscall.Signal(ended.Status-128))
}

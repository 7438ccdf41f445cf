// Package rotate gives secrets new values. A rotation hook, a command that the
// owner of a secret chose, runs outside the lock; what it printed is swapped in
// if nothing changed meanwhile.
//
// A hook is run by sh in a session of its own, with nothing on standard
// input, a minimal environment, and the current value in a pipe on descriptor 3.
// It inherits nothing else. When its time is up it is taken down with all that it
// started, TERM first and KILL right after. Whatever it prints takes bounded
// memory, and none of it gets into an error.
package rotate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"agent-secrets/internal/supervise"
)

var (
	// ErrFailed means that the hook ended with another status than 0, could not
	// be started, or printed more than a secret can hold; or that a signal told
	// us to end before its output was read.
	ErrFailed = errors.New("the rotation hook failed")
	// ErrTimeout means that the hook ran for longer than it may, and was
	// stopped with all that it had started.
	ErrTimeout = errors.New("the rotation hook ran for too long")
)

// Hook is one run of a secret's rotation command.
type Hook struct {
	Command string        // for sh -c
	Name    string        // of the secret, in SECRETS_NAME
	Value   []byte        // the current one, on descriptor 3
	Environ []string      // ours, "NAME=value": PATH, HOME, USER, LANG and TERM of it reach the hook
	Timeout time.Duration // from the start until it is taken down
}

// Output is what a hook printed, also of one that failed. All of it is secret.
// Stderr may hold any value that the hook knew: who shows it redacts it first,
// and that is what Value is for after a failure.
type Output struct {
	// Value is standard output, less one trailing newline (\n or \r\n). Of a
	// hook that succeeded it is 1 MiB at most, and empty means that the secret
	// was refreshed elsewhere. Of one that failed it may be cut off anywhere.
	Value []byte

	Stderr    []byte // the end of standard error as it came, 64 KiB at most
	Truncated bool   // Stderr lacks its beginning

	// Interrupted: the hook was ended by SIGINT, SIGTERM or SIGHUP, or one of
	// them told us to end while its last output was read. Somebody pressed ^C,
	// say, and does not wish for another hook.
	Interrupted bool
}

// Run runs the hook and waits for its end. The error is an [ErrFailed], an
// [ErrTimeout] or, where ctx ended the hook, that of ctx. Its text has nothing
// that the hook printed, was given or is made of.
//
// The hook runs in HOME, or in / if that is no directory. What it leaves in the
// background when it ends by itself is let be, and does not keep Run waiting
// though it holds the output open. What is taken down is gone some 200 ms after
// its time. Only processes that are not ours to kill can outlast that; the error
// says how many.
//
// Run waits for every child of this process, so there must not be two at once.
func (h Hook) Run(ctx context.Context) (Output, error) {
	if err := ctx.Err(); err != nil {
		return Output{}, failed(err, err.Error())
	}
	value, err := offerValue(h.Value)
	if err != nil {
		return Output{}, failed(ErrFailed, fmt.Sprintf("offer the current value: %v", err))
	}
	defer value.withdraw()

	stdout, stderr := &head{limit: maxPrinted}, &tail{limit: maxStderr}
	ended, err := supervise.Run(supervise.Command{
		Path: "/bin/sh", Args: []string{"sh", "-c", h.Command}, Env: h.environ(), Dir: h.directory(),
		Stdout: stdout, Stderr: stderr, Session: true, Extra: value.descriptors(),
	}, config(), h.check(ctx, stdout))
	out := Output{Value: withoutNewline(stdout.bytes()), Interrupted: interrupted(ended)}
	out.Stderr, out.Truncated = stderr.bytes()
	return out, verdict(ended, err, stdout.full() || len(out.Value) > maxOutput)
}

// config makes for an end within a second of a hook that had 300 ms. Giving up
// comes later than that: a loop of forks on a busy machine must not get away.
func config() supervise.Config {
	return supervise.Config{
		Poll:   10 * time.Millisecond,
		Grace:  150 * time.Millisecond,
		GiveUp: 2 * time.Second,
		Drain:  200 * time.Millisecond,
	}
}

// check returns what asks for the end of the hook. The time is that of a clock
// that nobody sets.
func (h Hook) check(ctx context.Context, stdout *head) func() error {
	begun := time.Now()
	return func() error {
		switch err := ctx.Err(); {
		case err != nil:
			return failed(err, err.Error())
		case stdout.full():
			return errTooLong()
		case time.Since(begun) >= h.Timeout:
			return failed(ErrTimeout, fmt.Sprintf("stopped after %s", h.Timeout))
		}
		return nil
	}
}

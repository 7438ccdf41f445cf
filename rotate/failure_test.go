package rotate

import (
	"context"
	"errors"
	"testing"

	"agent-secrets/internal/supervise"
)

// Real hooks show the other cases: these take another user's process, or a
// signal in the moment between the end of the hook and that of its output.
func TestAVerdictIsAFailureWhereverSomethingIsMissing(t *testing.T) {
	t.Parallel()
	cancelled := failed(context.Canceled, "context canceled")
	for name, test := range map[string]struct {
		ended       supervise.Result
		err         error
		kind        error
		text        string
		interrupted bool
	}{
		"left over":   {supervise.Result{Stopped: true, Leftovers: 2}, cancelled, context.Canceled, "rotation hook: context canceled; 2 of its processes could not be stopped", false},
		"undelivered": {supervise.Result{Output: supervise.ErrUndelivered}, nil, ErrFailed, "rotation hook: a signal came while its output was read", true},
		"no shell":    {supervise.Result{Status: 127}, supervise.ErrNotFound, ErrFailed, "rotation hook: command not found", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := verdict(test.ended, test.err, false)
			if !errors.Is(err, test.kind) || err.Error() != test.text {
				t.Errorf("got %v", err)
			}
			if errors.Is(err, supervise.ErrNotFound) {
				t.Error("it passes for a command of the caller's that is missing")
			}
			if got := interrupted(test.ended); got != test.interrupted {
				t.Errorf("interrupted: %v", got)
			}
		})
	}
}

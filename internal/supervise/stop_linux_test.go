package supervise

import (
	"testing"
	"time"
)

func TestAFailingCheckTakesTheWholeTreeDown(t *testing.T) {
	t.Parallel()
	s := supervise(t, plan{Writer: "stdout"}, `
		sleep 1000 &
		sh -c 'sleep 1000 & wait' &
		setsid sleep 1000 &
		(setsid sh -c '(sleep 1000 & sleep 1000) & wait' &)
		export fork='sleep 0.01; kill -0 "$SUPERVISE_TEST_PID" && sh -c "$fork" &'
		sh -c "$fork"
		echo started
		wait`)
	s.prints(t, "started")
	eventually(t, "the tree has grown", func() bool { return len(s.tree()) >= 8 })
	limit := 2*time.Second + busy()
	begun := time.Now()
	s.expire(t)
	got := s.end(t)
	if elapsed := time.Since(begun); elapsed > limit {
		t.Errorf("it took %s", elapsed)
	}
	if left := s.tree(); len(left) > 0 {
		t.Errorf("processes %v are alive", left)
	}
	if got.Err != errExpired.Error() || !got.Stopped || got.Leftovers != 0 || got.Children || got.Status != 143 {
		t.Errorf("got %+v", got)
	}
}

func TestWhatIgnoresTermIsKilledAfterTheGrace(t *testing.T) {
	t.Parallel()
	const grace = 300 * time.Millisecond
	s := supervise(t, plan{Config: Config{Grace: grace}}, `
		trap "" TERM
		setsid sh -c 'kill -STOP $$' &
		export fork='sleep 0.01; kill -0 "$SUPERVISE_TEST_PID" && sh -c "$fork" &'
		sh -c "$fork"
		export hurry='kill -0 "$SUPERVISE_TEST_PID" && sh -c "$hurry" &'
		sh -c "$hurry"
		echo started
		while :; do sleep 1; done`)
	s.prints(t, "started")
	limit := grace + 2*time.Second + busy()
	begun := time.Now()
	s.expire(t)
	got := s.end(t)
	if elapsed := time.Since(begun); elapsed < grace || elapsed > limit {
		t.Errorf("it took %s", elapsed)
	}
	if left := s.tree(); len(left) > 0 {
		t.Errorf("processes %v are alive", left)
	}
	if !got.Stopped || got.Leftovers != 0 || got.Children || got.Status != 137 {
		t.Errorf("got %+v", got)
	}
}

func TestAStoppedProcessHearsTerm(t *testing.T) {
	t.Parallel()
	s := supervise(t, plan{}, `trap 'exit 9' TERM; kill -STOP $$; exit 1`)
	eventually(t, "the child is stopped", func() bool {
		for _, pid := range s.tree() {
			if p, err := inspect(pid); err == nil && p.stopped {
				return true
			}
		}
		return false
	})
	s.expire(t)
	if got := s.end(t); got.Status != 9 || !got.Stopped {
		t.Errorf("got %+v, want the status its handler gave", got)
	}
}

func TestACleanupThatTermStartsMayFinish(t *testing.T) {
	t.Parallel()
	s := supervise(t, plan{}, `trap 'sh -c "sleep 0.1; echo cleaned"; exit 9' TERM; sleep 1000 & echo ready; wait; wait`)
	s.prints(t, "ready")
	s.expire(t)
	if got := s.end(t); got.Status != 9 || !got.Stopped || got.Leftovers != 0 {
		t.Errorf("got %+v", got)
	}
	s.prints(t, "cleaned")
}

// busy is what to allow for a machine with thousands of processes, or with more
// to do than it can: it takes several process tables to catch what forks all
// the time. With little to do it is some 50 ms.
func busy() time.Duration {
	begun := time.Now()
	_, _ = processes() // how long it takes is all that counts
	return 50 * time.Since(begun)
}

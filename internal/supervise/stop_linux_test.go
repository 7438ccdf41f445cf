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
		fork() { sleep 0.01; fork & }
		fork &
		echo started
		wait`)
	s.prints(t, "started")
	eventually(t, "the tree has grown", func() bool { return len(s.tree()) >= 9 })
	begun := time.Now()
	s.expire(t)
	got := s.end(t)
	if elapsed := time.Since(begun); elapsed > 2*time.Second {
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
		fork() { sleep 0.01; fork & }
		fork &
		fork &
		echo started
		while :; do sleep 1; done`)
	s.prints(t, "started")
	begun := time.Now()
	s.expire(t)
	got := s.end(t)
	if elapsed := time.Since(begun); elapsed < grace || elapsed > grace+2*time.Second {
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

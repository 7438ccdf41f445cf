package supervise

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// run is one child and what is known about it. Only Run's goroutine touches it.
type run struct {
	config   Config
	check    func() error
	signals  *signals
	terminal *terminal // nil: we have none
	streams  *streams
	family   family

	pid     int // of the child, and so its process group
	ended   bool
	outcome unix.WaitStatus // once ended
	lost    bool            // ended, but somebody else got the outcome
	stopped unix.Signal     // what stopped the child, until that is dealt with
	relayed bool            // a stop from the terminal, which told our group by itself
}

func newRun(cmd Command, config Config, check func() error) *run {
	r := &run{config: config.withDefaults(), check: check}
	r.family = newFamily()
	if !cmd.Session {
		r.terminal = openTerminal()
	}
	r.signals = catchSignals(r.terminal != nil)
	adoptOrphans(true)
	return r
}

// close lets go of the terminal, the signals and the orphans to come.
func (r *run) close() {
	r.handBack()
	r.terminal.close()
	r.signals.release()
	adoptOrphans(false)
}

// wait returns nil when the child has ended, or the reason that check gave to
// end it.
func (r *run) wait() error {
	tick := time.NewTicker(r.config.Poll)
	defer tick.Stop()
	for {
		if err := r.news(); err != nil || r.ended {
			return err
		}
		select {
		case <-r.signals.child:
		case <-r.signals.resumed:
			r.resume()
		case sig := <-r.signals.forward:
			// What we do about an earlier stop would swallow a ^Z.
			if err := r.news(); err != nil || r.ended {
				return err
			}
			r.forward(sig)
		case <-tick.C:
			if err := r.poll(); err != nil {
				return err
			}
		}
	}
}

// news takes note of what happened to the child. Its error is followStop's.
func (r *run) news() error {
	if r.reap(); r.ended {
		return nil
	}
	return r.followStop()
}

// poll calls check, unless the child has just ended by itself.
func (r *run) poll() error {
	if r.reap(); r.ended {
		return nil
	}
	r.family.track()
	return r.check()
}

// reapFor is long enough for a thousand orphans.
const reapFor = 20 * time.Millisecond

// reap collects the news of the child and buries the orphans that came to us. It
// reports whether we have any children left. Where orphans come faster than they
// can be buried, some must wait: there is more to do than that.
func (r *run) reap() bool {
	for begun := time.Now(); time.Since(begun) < reapFor; {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG|unix.WUNTRACED, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			r.lost = r.lost || !r.ended
			r.ended = true
			return false
		case pid == 0:
			return true
		case pid != r.pid:
		case status.Stopped():
			r.stopped = status.StopSignal()
		default:
			r.ended, r.outcome = true, status
		}
	}
	return true
}

// forward passes a signal on to the child's group, or to the child alone if it
// has left that group.
func (r *run) forward(sig os.Signal) {
	if sig == unix.SIGTSTP {
		r.relayed = true
	}
	r.signal(sig.(unix.Signal))
}

func (r *run) signal(sig unix.Signal) {
	if errors.Is(unix.Kill(-r.pid, sig), unix.ESRCH) {
		_ = unix.Kill(r.pid, sig) // it has ended, or is another user's: as if run directly
	}
}

// status is the child's exit status as a shell reports it.
func (r *run) status() int {
	switch {
	case !r.ended:
		return 128 + int(unix.SIGKILL)
	case r.lost:
		return 255
	case r.outcome.Signaled():
		return 128 + int(r.outcome.Signal())
	}
	return r.outcome.ExitStatus()
}

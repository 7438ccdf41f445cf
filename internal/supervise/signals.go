package supervise

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// signals are those that reach us, which would otherwise end or stop us.
type signals struct {
	forward chan os.Signal // to be passed on
	child   chan os.Signal // a child has news; one is as good as many
	resumed chan os.Signal // SIGCONT; likewise
	// broken is never read. That SIGPIPE is caught is what makes a write to a
	// closed standard output return an error rather than kill us.
	broken chan os.Signal
}

// catchSignals must not use signal.Ignore: the child would inherit that. For
// the same reason it leaves alone what was ignored when we were started, as
// nohup does it with SIGHUP. Stops from the terminal are caught only if we have
// one, because Go never gives them back their default.
func catchSignals(terminal bool) *signals {
	s := &signals{
		forward: make(chan os.Signal, 64),
		child:   make(chan os.Signal, 1),
		resumed: make(chan os.Signal, 1),
		broken:  make(chan os.Signal, 1),
	}
	signal.Notify(s.child, unix.SIGCHLD)
	signal.Notify(s.resumed, unix.SIGCONT)
	signal.Notify(s.broken, unix.SIGPIPE)
	for _, sig := range forwarded(terminal) {
		if !signal.Ignored(sig) {
			signal.Notify(s.forward, sig)
		}
	}
	return s
}

func forwarded(terminal bool) []os.Signal {
	all := []os.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH}
	if terminal {
		all = append(all, unix.SIGTSTP)
	}
	return all
}

func (s *signals) release() {
	for _, c := range []chan os.Signal{s.forward, s.child, s.resumed, s.broken} {
		signal.Stop(c)
	}
}

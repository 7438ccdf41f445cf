package supervise

import "golang.org/x/sys/unix"

// followStop does what is due when the child was stopped. It returns the reason
// of check if the child must not be continued.
func (r *run) followStop() error {
	sig := r.stopped
	if sig == 0 {
		return nil
	}
	r.stopped = 0
	reaches := sig == unix.SIGTTIN || sig == unix.SIGTTOU
	switch {
	case r.terminal == nil:
		// There is no job control: whoever stopped it will continue it.
	case reaches && (r.terminal.ours() || r.terminal.holder() == r.pid):
		r.terminal.wanted = true
		r.resume()
	case r.orphaned():
		r.refuseStop(sig)
	default:
		return r.suspend(sig)
	}
	return nil
}

// suspend stops us and the rest of our job, and returns once a shell has
// continued it. The child was told by the terminal; the others of our group,
// perhaps the script that runs us, were not.
func (r *run) suspend(sig unix.Signal) error {
	r.handBack()
	if !r.relayed {
		r.stopGroup(sig)
	}
	r.relayed = false
	select {
	case <-r.signals.resumed: // one from before
	default:
	}
	// Not sig itself, which we catch, and cannot stop catching.
	if err := unix.Kill(unix.Getpid(), unix.SIGSTOP); err == nil {
		<-r.signals.resumed
	}
	r.lend() // also a child that is to end may first want to set it right
	if err := r.check(); err != nil {
		return err
	}
	r.signal(unix.SIGCONT)
	return nil
}

// resume continues the child. A ^Z that comes just before it does is lost: that
// is how SIGCONT works.
func (r *run) resume() {
	r.lend()
	r.signal(unix.SIGCONT)
}

// lend puts the child in the foreground if the shell has put us there.
func (r *run) lend() {
	if r.terminal.ours() && r.terminal.wanted {
		r.terminal.pass(r.pid)
	}
}

// refuseStop is for when no shell is left that could continue us. The kernel
// then does not stop a job for ^Z, and hangs up one that cannot have the
// terminal. Anything else was meant for the child alone.
func (r *run) refuseStop(sig unix.Signal) {
	switch sig {
	case unix.SIGTSTP:
		r.resume()
	case unix.SIGTTIN, unix.SIGTTOU:
		r.signal(unix.SIGHUP)
		r.signal(unix.SIGCONT)
	}
}

// orphaned reports whether no process outside our group, but in our session,
// has a child in it: then nobody does job control on us.
func (r *run) orphaned() bool {
	table, err := processes()
	if err != nil {
		return true // to be stopped for good is the worse mistake
	}
	byPID := make(map[int]process, len(table))
	for _, p := range table {
		byPID[p.pid] = p
	}
	own := unix.Getpgrp()
	for _, p := range table {
		parent, known := byPID[p.parent]
		if p.group == own && !p.dead && known && parent.group != own && parent.session == p.session {
			return false
		}
	}
	return true
}

func (r *run) stopGroup(sig unix.Signal) {
	table, err := processes()
	if err != nil {
		return // then at least we stop
	}
	for _, p := range table {
		if p.group == unix.Getpgrp() && p.pid != unix.Getpid() {
			_ = unix.Kill(p.pid, sig) // it ended, or is another user's
		}
	}
}

// handBack takes the terminal back from the child's tree. If somebody else has
// it, our shell took it while we were stopped.
func (r *run) handBack() {
	if r.terminal == nil || !r.terminal.lent {
		return
	}
	holder := r.terminal.holder()
	if holder == r.pid || r.family.owns(holder) {
		r.terminal.pass(r.terminal.own)
	}
	r.terminal.lent = false
}

package supervise

import (
	"time"

	"golang.org/x/sys/unix"
)

// A member that forks while the table is read can hide: its child may be too
// late for the list, and itself too early gone. Where our having no children
// does not prove the end, so many empty tables in a row must do.
const emptyTables = 5

// takeDown ends the tree, and returns how many processes of it are left.
// Processes that come meanwhile get the same signals as those that were there.
func (r *run) takeDown() int {
	begun := time.Now()
	told := map[identity]bool{}
	empty := 0
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		children := r.reap()
		r.family.track()
		members := r.family.members()
		if len(members) > 0 || children && adoptsOrphans && r.family.alone() {
			empty = 0
		} else if empty++; !children && adoptsOrphans || empty == emptyTables {
			return 0
		}
		switch age := time.Since(begun); {
		case age >= r.config.Grace+r.config.GiveUp:
			return max(len(members), 1)
		case age >= r.config.Grace:
			r.kill(members)
		default:
			terminate(members, told)
		}
		r.pause(pause)
	}
}

// terminate asks each process once. What is stopped could not hear it.
func terminate(members []process, told map[identity]bool) {
	for _, p := range members {
		if told[p.identity] {
			continue
		}
		told[p.identity] = true
		p.send(unix.SIGTERM)
		if p.stopped {
			p.send(unix.SIGCONT)
		}
	}
}

// kill also kills by group, which is the only way to be faster than processes
// that fork all the time: no member of a group can fork while that happens.
func (r *run) kill(members []process) {
	groups := map[int]bool{}
	for _, p := range members {
		groups[p.group] = true
	}
	for group := range groups {
		if group > 1 && r.family.owns(group) {
			_ = unix.Kill(-group, unix.SIGKILL) // it ended by itself
		}
	}
	for _, p := range members {
		p.send(unix.SIGKILL)
	}
}

// pause waits for news of a child, and keeps passing signals on.
func (r *run) pause(atMost time.Duration) {
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return
		case <-r.signals.child:
			return
		case <-r.signals.resumed:
			r.lend()
		case sig := <-r.signals.forward:
			if !r.ended {
				r.forward(sig)
			}
		}
	}
}

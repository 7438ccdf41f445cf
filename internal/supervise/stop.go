package supervise

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// A member that forks while the table is read can hide: its child may be too
// late for the list, and itself too early gone. Where our having no children
// does not prove the end, so many empty tables in a row must do.
const emptyTables = 5

// takeDown ends the tree, and returns how many processes of it are left.
func (r *run) takeDown() int {
	begun := time.Now()
	told := map[identity]bool{}
	empty := 0
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		children := r.reap()
		r.family.track()
		members, groups := r.family.members()
		if len(members) > 0 || children && adoptsOrphans && r.family.alone() {
			empty = 0
		} else if empty++; !children && adoptsOrphans || empty == emptyTables {
			return 0
		}
		switch age := time.Since(begun); {
		case age >= r.config.Grace+r.config.GiveUp:
			return max(len(members), 1)
		case age >= r.config.Grace:
			signalAll(members, groups, unix.SIGKILL)
		default:
			terminate(members, groups, told)
		}
		r.pause(pause)
	}
}

// terminate asks each process once. What a process that was asked has started
// since is spared: that may be how it cleans up. One that is stopped, or stops
// now because it wants the terminal, could not hear it.
func terminate(members []process, groups []int, told map[identity]bool) {
	first := len(told) == 0
	spared, sparedGroups := map[int]bool{}, map[int]bool{}
	var due []process
	for _, p := range members { // parents come first
		if told[p.identity] || !first && spared[p.parent] {
			spared[p.pid], sparedGroups[p.group] = true, true
			continue
		}
		told[p.identity] = true
		due = append(due, p)
	}
	groups = slices.DeleteFunc(groups, func(group int) bool { return sparedGroups[group] })
	signalAll(due, groups, unix.SIGTERM)
	for _, p := range members {
		if p.stopped {
			p.send(unix.SIGCONT)
		}
	}
}

// signalAll goes by group where it may, which is the only way to be faster than
// processes that fork all the time: no member of a group can fork meanwhile.
func signalAll(members []process, groups []int, sig unix.Signal) {
	for _, group := range groups {
		if group > 1 { // to kill, 0 is our own group and -1 everybody
			_ = unix.Kill(-group, sig) // it ended by itself
		}
	}
	for _, p := range members {
		if !slices.Contains(groups, p.group) {
			p.send(sig)
		}
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

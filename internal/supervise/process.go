package supervise

import "golang.org/x/sys/unix"

// process is one row of the system's process table.
type process struct {
	identity
	parent, group, session int

	dead    bool // nothing of it is left to run
	stopped bool
}

// identity tells a process from a later one with the same pid.
type identity struct {
	pid   int
	start uint64 // as StartTime returns it
}

// Alive reports whether the process with this pid and start time exists still.
// One that only waits to be waited for does not.
func Alive(pid int, start uint64) bool {
	p, err := inspect(pid)
	return err == nil && p.start == start && !p.dead
}

// StartTime tells processes with the same pid apart: on Linux the clock ticks
// from boot to the process's start, on macOS the microseconds since 1970.
func StartTime(pid int) (uint64, error) {
	p, err := inspect(pid)
	return p.start, err
}

// family knows which processes are of the child's tree.
type family struct {
	self   int
	child  int               // 0 before it is started
	before map[identity]bool // our children from before the run
	// seen are members that may since have lost the parent that made them so.
	// Where orphans come to us, there are none.
	seen map[identity]bool
}

func newFamily() family {
	f := family{self: unix.Getpid(), before: map[identity]bool{}, seen: map[identity]bool{}}
	if _, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err == unix.ECHILD {
		return f
	}
	table, _ := processes() // none: then every child is of the tree
	for _, p := range table {
		if p.parent == f.self {
			f.before[p.identity] = true
		}
	}
	return f
}

// alone reports whether our children are all of the tree.
func (f family) alone() bool { return len(f.before) == 0 }

// track remembers who is of the tree, in case they leave it.
func (f family) track() {
	if adoptsOrphans {
		return
	}
	for _, p := range f.members() {
		f.seen[p.identity] = true
	}
}

// members are all processes of the tree that are alive, parents first. On a
// system that shows no processes it is the child's group, of unknown start.
func (f family) members() []process {
	table, err := processes()
	if err != nil {
		return []process{{identity: identity{pid: f.child}, group: f.child}}
	}
	return f.pick(table)
}

// send signals this very process, or the group of unknown start.
func (p process) send(sig unix.Signal) {
	if p.start == 0 {
		_ = unix.Kill(-p.pid, sig) // it has ended
		return
	}
	p.sendExactly(sig)
}

func (f family) pick(table []process) []process {
	children := map[int][]process{}
	var queue, members []process
	for _, p := range table {
		children[p.parent] = append(children[p.parent], p)
		if f.seen[p.identity] || !adoptsOrphans && p.group == f.child {
			queue = append(queue, p)
		}
	}
	for _, p := range children[f.self] {
		if !f.before[p.identity] {
			queue = append(queue, p)
		}
	}
	for done := map[int]bool{f.self: true}; len(queue) > 0; queue = queue[1:] {
		p := queue[0]
		if done[p.pid] {
			continue
		}
		done[p.pid] = true
		queue = append(queue, children[p.pid]...)
		if !p.dead {
			members = append(members, p)
		}
	}
	return members
}

// owns reports whether nobody outside the tree is in this process group.
func (f family) owns(group int) bool {
	table, err := processes()
	if err != nil {
		return false
	}
	members := map[int]bool{}
	for _, p := range f.pick(table) {
		members[p.pid] = true
	}
	for _, p := range table {
		if p.group == group && !p.dead && !members[p.pid] {
			return false
		}
	}
	return true
}

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
	members, _ := f.members()
	for _, p := range members {
		f.seen[p.identity] = true
	}
}

// members are all processes of the tree that are alive, parents first, and the
// process groups that nobody else is in. On a system that shows no processes
// they are the child's group, of unknown start.
func (f family) members() ([]process, []int) {
	table, err := processes()
	if err != nil {
		return []process{{identity: identity{pid: f.child}, group: f.child}}, nil
	}
	members := f.pick(table)
	return members, ownGroups(table, members)
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
	children := childrenIn(table)
	var top []process
	for _, p := range table {
		if f.seen[p.identity] || !adoptsOrphans && p.group == f.child {
			top = append(top, p)
		}
	}
	for _, p := range children[f.self] {
		if !f.before[p.identity] {
			top = append(top, p)
		}
	}
	return descend(top, children, map[int]bool{f.self: true})
}

func childrenIn(table []process) map[int][]process {
	children := map[int][]process{}
	for _, p := range table {
		children[p.parent] = append(children[p.parent], p)
	}
	return children
}

// descend returns those of queue and of their descendants that are alive,
// parents first. It passes by what is done.
func descend(queue []process, children map[int][]process, done map[int]bool) []process {
	var found []process
	for ; len(queue) > 0; queue = queue[1:] {
		p := queue[0]
		if done[p.pid] {
			continue
		}
		done[p.pid] = true
		queue = append(queue, children[p.pid]...)
		if !p.dead {
			found = append(found, p)
		}
	}
	return found
}

// owns reports whether nobody outside the tree is in this process group.
func (f family) owns(group int) bool {
	table, err := processes()
	if err != nil {
		return false
	}
	return !outsiders(table, f.pick(table))[group]
}

func ownGroups(table, members []process) []int {
	foreign := outsiders(table, members)
	var groups []int
	for _, p := range members {
		if !foreign[p.group] {
			groups = append(groups, p.group)
			foreign[p.group] = true // it is listed
		}
	}
	return groups
}

// outsiders are the groups that others than the members are in. Those others
// descend from the first process. Whoever descends from nobody had an ancestor
// end while the table was read, and says nothing.
func outsiders(table, members []process) map[int]bool {
	children := childrenIn(table)
	done := map[int]bool{}
	for _, p := range members {
		done[p.pid] = true
	}
	groups := map[int]bool{}
	for _, p := range descend(children[0], children, done) {
		groups[p.group] = true
	}
	return groups
}

package crashfs

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"slices"
)

// Fate is what a power cut makes of the bytes of a file that were not synced:
// those after the place up to which the file is as it was when it was.
type Fate int

const (
	Lost    Fate = iota // the file is as it was when it was last synced
	Kept                // everything reached the disk
	Half                // the first half did, and the length
	Zeroed              // the length did, and no bytes
	Sectors             // the length did, and the second half
)

// Fates is all of them.
func Fates() []Fate { return []Fate{Lost, Kept, Half, Zeroed, Sectors} }

func (f Fate) String() string {
	return [...]string{"lost", "kept", "half", "zeroed", "second half"}[f]
}

func (f Fate) of(n *node) []byte {
	same := 0
	for same < min(len(n.seen), len(n.durable)) && n.seen[same] == n.durable[same] {
		same++
	}
	half := same + (len(n.seen)-same)/2
	out := slices.Clone(n.seen)
	switch f {
	case Lost:
		return n.durable
	case Half:
		return out[:half]
	case Zeroed:
		clear(out[same:])
	case Sectors:
		clear(out[same:half])
	}
	return out
}

// Cut is what a power cut left.
type Cut struct {
	*Disk
	Words string          // what became of what was not synced
	Fates map[string]Fate // of each file that was not
}

// PowerCuts yields what a power cut at this moment can leave: after each number
// of the changes of names that were not synced, and for each combination of the
// fates of files.
func (d *Disk) PowerCuts(fates ...Fate) iter.Seq[Cut] {
	return func(yield func(Cut) bool) {
		for i, names := range append([]table{d.durable}, d.changes...) {
			for cut := range d.leave(names, fates) {
				cut.Words = fmt.Sprintf("power cut, %d of %d names%s", i, len(d.changes), cut.Words)
				if !yield(cut) {
					return
				}
			}
		}
	}
}

// leave yields the disks that hold names.
func (d *Disk) leave(names table, fates []Fate) iter.Seq[Cut] {
	unsynced := unsyncedOf(names)
	return func(yield func(Cut) bool) {
		combinations := 1
		for range unsynced {
			combinations *= len(fates)
		}
		for c := range combinations {
			cut := Cut{Fates: map[string]Fate{}}
			for _, name := range unsynced {
				cut.Fates[name] = fates[c%len(fates)]
				c /= len(fates)
				cut.Words += fmt.Sprintf(", %s %s", name, cut.Fates[name])
			}
			cut.Disk = d.left(names, cut.Fates)
			if !yield(cut) {
				return
			}
		}
	}
}

func unsyncedOf(names table) (unsynced []string) {
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if n := names[name]; !bytes.Equal(n.seen, n.durable) {
			unsynced = append(unsynced, name)
		}
	}
	return unsynced
}

// left returns the disk that holds names, whose unsynced files have the chosen
// fates.
func (d *Disk) left(names table, chosen map[string]Fate) *Disk {
	left := &Disk{made: d.made, inodes: d.inodes, names: table{}}
	for name, n := range names {
		content := n.durable
		if fate, ok := chosen[name]; ok {
			content = fate.of(n)
		}
		left.names[name] = &node{inode: n.inode, seen: content, durable: content, modified: n.modified}
	}
	left.durable = left.names
	return left
}

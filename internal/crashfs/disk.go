// Package crashfs is a directory on a simulated disk, for tests that stop a
// command after any of its operations and look at what is left.
//
// # The model
//
// A file has the bytes that the running system sees and the bytes that are
// durable; Sync of the file makes them the same. The directory has the names
// that the system sees and the names that are durable; Sync of the directory
// makes them the same. Syncing a file does not make its name durable, and a
// durable name does not make the file's bytes so.
//
// A killed process leaves what the system sees. A power cut leaves what is
// durable and, of the rest, whatever the worst disk may: of the names those
// after any number of the changes not yet synced, which covers file systems
// that write all of them, none, or those up to the last sync of a file; of
// each file's bytes one of the [Fate] values, independently of the names, so
// that a rename may reach the disk before the bytes of the renamed file.
package crashfs

import (
	"errors"
	"hash/maphash"
	"maps"
	"slices"
	"time"
)

// Disk is a directory on a simulated disk and what the one process that uses it
// has done. It is not safe for concurrent use.
type Disk struct {
	made    bool
	names   table   // as the running system sees them
	durable table   // as a power cut leaves them at least
	changes []table // durable, after each change since the last sync
	inodes  uint64
	locked  map[string]bool

	ops    int
	writes int
	die    Death
	fault  Fault
	watch  func(Op)
}

// table maps names to files. It is never changed in place.
type table map[string]*node

// node is a file. Its contents are never changed in place.
type node struct {
	inode         uint64
	seen, durable []byte
	modified      time.Time
}

// New returns a disk on which the directory has not been made.
func New() *Disk { return &Disk{} }

// Clone returns a copy of the disk as the next process finds it: unlocked, and
// with nothing planned or counted.
func (d *Disk) Clone() *Disk {
	copies := map[*node]*node{}
	clone := func(t table) table {
		out := make(table, len(t))
		for name, n := range t {
			if copies[n] == nil {
				one := *n
				copies[n] = &one
			}
			out[name] = copies[n]
		}
		return out
	}
	c := &Disk{made: d.made, inodes: d.inodes, names: clone(d.names), durable: clone(d.durable)}
	for _, t := range d.changes {
		c.changes = append(c.changes, clone(t))
	}
	return c
}

// Settle makes everything durable, as half a minute without a crash does.
func (d *Disk) Settle() {
	for _, n := range d.names {
		n.durable = n.seen
	}
	d.durable, d.changes = d.names, nil
}

// Files returns every file's content as the running system sees it. It is not
// an operation.
func (d *Disk) Files() map[string][]byte {
	files := map[string][]byte{}
	for name, n := range d.names {
		files[name] = n.seen
	}
	return files
}

// Put gives a file a content from outside, durably.
func (d *Disk) Put(name string, content []byte) {
	n := d.newNode()
	n.seen, n.durable = content, content
	d.rename(func(t table) { t[name] = n })
	d.durable, d.changes = d.names, nil
}

// Ops is how many operations there have been.
func (d *Disk) Ops() int { return d.ops }

// Writes is how many of them changed something.
func (d *Disk) Writes() int { return d.writes }

// Death ends the process at an operation.
type Death struct {
	At    int  // number of the operation, counted from 1; 0 for never
	After bool // it still takes place
}

func (k Death) reached(number int) bool {
	return k.At > 0 && (number > k.At || number == k.At && !k.After)
}

// Kill plans the end of the process. From then on nothing has an effect and
// every call returns an error.
func (d *Disk) Kill(at Death) { d.die = at }

// Fail plans a failure.
func (d *Disk) Fail(f Fault) { d.fault = f }

// Watch has f called after every operation that took place, and halfway through
// every write; f may clone the disk.
func (d *Disk) Watch(f func(Op)) { d.watch = f }

var errDead = errors.New("the process is dead")

// begin counts an operation and says what keeps it from taking place.
func (d *Disk) begin(op Op) error {
	d.ops++
	if d.die.reached(d.ops) {
		return errDead
	}
	return d.fault.refuse(d.ops, op)
}

// end is called after an operation took place.
func (d *Disk) end(op Op) {
	if op.Kind.changes() {
		d.writes++
	}
	if d.watch != nil {
		op.Number = d.ops
		d.watch(op)
	}
}

func (d *Disk) newNode() *node {
	d.inodes++
	n := &node{inode: d.inodes}
	d.touch(n)
	return n
}

// touch gives every state of every file another time.
func (d *Disk) touch(n *node) {
	d.inodes++
	n.modified = time.Unix(1_600_000_000, int64(d.inodes)).UTC()
}

// rename changes the names as the running system sees them.
func (d *Disk) rename(change func(table)) {
	next := maps.Clone(d.names)
	if next == nil {
		next = table{}
	}
	change(next)
	d.names = next
	d.changes = append(d.changes, next)
}

func (d *Disk) links(n *node) (count uint64) {
	for _, other := range d.names {
		if other == n {
			count++
		}
	}
	return count
}

// Fingerprint is equal for disks that no later run can tell apart.
func (d *Disk) Fingerprint(seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	if d.made {
		h.WriteByte(1)
	}
	part := func(p []byte) {
		maphash.WriteComparable(&h, len(p))
		h.Write(p)
	}
	for _, t := range append([]table{d.names, d.durable}, d.changes...) {
		maphash.WriteComparable(&h, len(t))
		for _, name := range slices.Sorted(maps.Keys(t)) {
			part([]byte(name))
			part(t[name].seen)
			part(t[name].durable)
		}
	}
	return h.Sum64()
}

package rotate

import (
	"io/fs"
	"os"
	"strconv"
)

// offer is a value in a pipe, which a hook may read or not.
type offer struct {
	read, write *os.File
	done        chan struct{}
}

// offerValue starts to write the value. A pipe holds less than a value may be
// long, so the writing goes on for as long as the hook runs.
func offerValue(value []byte) (*offer, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	o := &offer{read: read, write: write, done: make(chan struct{})}
	go func() {
		defer close(o.done)
		defer write.Close()
		_, _ = write.Write(value) // nobody needs to read it
	}()
	return o, nil
}

// withdraw ends the writing, though somebody in the background may have the
// other end.
func (o *offer) withdraw() {
	_ = o.write.Close() // closed already when all of it was written
	_ = o.read.Close()  // not read by us
	<-o.done
}

// descriptors are those of the hook from 3 on: the value, and then none. What
// our parent gave us may be an open identity.
func (o *offer) descriptors() []*os.File {
	return append([]*os.File{o.read}, make([]*os.File, max(0, lastDescriptor()-3))...)
}

// lastDescriptor is at least the highest that is open. Where they cannot be
// listed, it is one that no shell gives a program by itself.
func lastDescriptor() int {
	entries, err := fs.ReadDir(os.DirFS("/dev/fd"), ".")
	if err != nil {
		return 255
	}
	last := 0
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil {
			last = max(last, fd)
		}
	}
	return last
}

package supervise

import (
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"syscall"
)

// streams are the child's standard streams, the files that it inherits besides,
// and the pipes to those of its writers that are not files.
type streams struct {
	files [3]*os.File
	extra []*os.File // the caller's to close
	ends  []*os.File // opened for the child: ours to close once it runs
	feeds []*feed
}

func openStreams(cmd Command) (*streams, error) {
	s := &streams{extra: cmd.Extra}
	err := s.open(cmd)
	if err != nil {
		s.closeChildEnds()
		s.abandon()
		return nil, fmt.Errorf("run %s: open its streams: %w", cmd.Path, err)
	}
	return s, nil
}

func (s *streams) open(cmd Command) (err error) {
	if s.files[0] = cmd.Stdin; cmd.Stdin == nil {
		if s.files[0], err = s.null(); err != nil {
			return err
		}
	}
	if s.files[1], err = s.writer(cmd.Stdout); err != nil {
		return err
	}
	if same(cmd.Stdout, cmd.Stderr) {
		s.files[2] = s.files[1]
		return nil
	}
	s.files[2], err = s.writer(cmd.Stderr)
	return err
}

// same spares writers that cannot be compared.
func same(a, b io.Writer) bool {
	return a != nil && b != nil && reflect.TypeOf(a).Comparable() && a == b
}

func (s *streams) writer(to io.Writer) (*os.File, error) {
	if f, ok := to.(*os.File); ok && f != nil {
		return f, nil
	}
	if to == nil {
		return s.null()
	}
	from, end, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	enlarge(from)
	s.ends = append(s.ends, end)
	s.feeds = append(s.feeds, &feed{from: from, to: to, done: make(chan struct{})})
	return end, nil
}

func (s *streams) null() (*os.File, error) {
	fd, err := syscall.Open(os.DevNull, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: os.DevNull, Err: err}
	}
	f := os.NewFile(uintptr(fd), os.DevNull)
	s.ends = append(s.ends, f)
	return f, nil
}

// descriptors are for the child to inherit, each as the number that is its index
// here. Fd makes the child's end of a pipe a blocking one, as programs expect it;
// that of a nil file is -1, which is what has a number closed.
func (s *streams) descriptors() []uintptr {
	var fds []uintptr
	for _, f := range slices.Concat(s.files[:], s.extra) {
		fds = append(fds, f.Fd())
	}
	return fds
}

func (s *streams) closeChildEnds() {
	for _, f := range s.ends {
		_ = f.Close() // nothing was written here
	}
	s.ends = nil
}

// abandon closes our ends, of which no feed has taken charge.
func (s *streams) abandon() {
	for _, f := range s.feeds {
		_ = f.from.Close() // only ever read
	}
	s.feeds = nil
}

func (s *streams) feed() {
	for _, f := range s.feeds {
		go f.run()
	}
}

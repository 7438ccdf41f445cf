package supervise

import (
	"fmt"
	"io"
	"os"
	"reflect"
	"syscall"
)

// streams are the child's standard streams, and the pipes to those of its
// writers that are not files.
type streams struct {
	files [3]*os.File
	ends  []*os.File // opened for the child: ours to close once it runs
	feeds []*feed
}

func openStreams(cmd Command) (*streams, error) {
	s := &streams{}
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

// descriptors are for the child to inherit. Fd makes the child's end of a pipe
// a blocking one, as programs expect it.
func (s *streams) descriptors() []uintptr {
	return []uintptr{s.files[0].Fd(), s.files[1].Fd(), s.files[2].Fd()}
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

package supervise

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrUndelivered means that output was given up on, because a writer took none
// of it when the tree had been taken down, or when we were told to end.
var ErrUndelivered = errors.New("output was not delivered")

// feed passes on what comes through one pipe.
type feed struct {
	from *os.File
	to   io.Writer
	err  error // of the writer; valid once done is closed
	done chan struct{}
}

// pipeSize is the most that Linux gives to everybody, and feedSize what one
// write gets of it.
const (
	pipeSize = 1 << 20
	feedSize = 256 << 10
)

// run ends with the end of the output, with the deadline, or when the writer
// fails. Closing the pipe then is what tells the child.
func (f *feed) run() {
	defer close(f.done)
	defer f.from.Close()
	buf := make([]byte, feedSize)
	for {
		n, err := f.from.Read(buf)
		if f.write(buf[:n]); f.err != nil {
			return
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			f.rest(buf)
			return
		}
		if err != nil {
			return
		}
	}
}

func (f *feed) write(data []byte) {
	if len(data) == 0 {
		return
	}
	n, err := f.to.Write(data)
	if err == nil && n < len(data) {
		err = io.ErrShortWrite
	}
	f.err = err
}

// rest passes on what is in the pipe when time is up: the writer may have taken
// all of the time for what came before. It is one pipe full at most, lest
// somebody who goes on writing keep us.
func (f *feed) rest(buf []byte) {
	pipe, err := f.from.SyscallConn()
	if err != nil || f.from.SetReadDeadline(time.Time{}) != nil {
		return
	}
	for total := 0; total < pipeSize; {
		n := 0
		err = pipe.Read(func(fd uintptr) bool {
			n, _ = syscall.Read(int(fd), buf)
			return true // empty, or closed: that is all there is
		})
		if err != nil || n <= 0 {
			return
		}
		total += n
		if f.write(buf[:n]); f.err != nil {
			return
		}
	}
}

// drain waits for the feeds once the child has ended. A writer may take as long
// as it likes, a pager say, until a signal ends us; but a tree that was taken
// down is not to be kept waiting for.
func (r *run) drain(stopped bool) error {
	until := time.Now().Add(r.config.Drain)
	var late <-chan time.Time
	if stopped {
		timer := time.NewTimer(2 * r.config.Drain)
		defer timer.Stop()
		late = timer.C
	}
	for _, f := range r.streams.feeds {
		_ = f.from.SetReadDeadline(until) // it is closed: the feed is done
	}
	var errs []error
	for _, f := range r.streams.feeds {
		if !r.delivered(f, late) {
			return ErrUndelivered
		}
		if err := f.err; err != nil && !errors.Is(err, unix.EPIPE) && !errors.Is(err, io.ErrClosedPipe) {
			errs = append(errs, fmt.Errorf("pass on the output: %w", err))
		}
	}
	return errors.Join(errs...)
}

// delivered waits for the end of f, and reports whether it came to one.
func (r *run) delivered(f *feed, late <-chan time.Time) bool {
	for {
		select {
		case <-f.done:
			return true
		case <-late:
			return false
		case sig := <-r.signals.forward:
			switch sig {
			case unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT:
				return false
			}
		}
	}
}

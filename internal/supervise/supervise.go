// Package supervise runs one program so that it behaves as if it had been run
// directly, and so that everything it started can be taken down with it.
//
// The child leads a process group of its own. Signals that reach us are passed
// on to that group; on a terminal the group is in the foreground, and when it is
// stopped we stop too, so that a shell sees the one job it started. The tree is
// all that descends from the child. On Linux we adopt what is orphaned there,
// so that neither setsid nor a double fork leads out of it, and the kernel
// kills the child if we die; macOS has neither, so there a process that
// daemonises between two polls gets away.
//
// While Run runs, every child of this process is waited for by it: the caller
// must not have children of its own, nor two Runs at once.
package supervise

import (
	"io"
	"os"
	"runtime"
	"time"
)

// Command is what to run.
type Command struct {
	Path string   // as LookPath returns it
	Args []string // Args[0] included; execve gets them verbatim
	Env  []string // "NAME=value"; execve gets it verbatim
	Dir  string   // to run it in, also where Path is relative; empty is ours

	// Stdin is inherited as it is. nil is the null device.
	Stdin *os.File

	// A *os.File is inherited as it is, so that a terminal stays one. Any
	// other writer is fed through a pipe as data comes, by one goroutine;
	// if both are the same writer, the child has one pipe for both, and order
	// is kept. nil is the null device.
	//
	// Where a writer fails, the pipe is closed, and the child sees what it
	// would see of a reader that went away: SIGPIPE.
	Stdout, Stderr io.Writer

	// Session: it leads a session of its own, out of reach of the terminal. It
	// cannot ask there, nor suspend us by stopping itself.
	Session bool

	// Extra are inherited as descriptors 3, 4 and so on, and stay open here. A
	// descriptor whose file is nil is closed, even if our parent gave us one of
	// that number.
	Extra []*os.File
}

// Config holds how long to wait for what. Zero is the default.
type Config struct {
	Poll   time.Duration // between two calls of check; 250 ms
	Grace  time.Duration // from TERM to KILL; 5 s
	GiveUp time.Duration // from the first KILL until what is left is left; 10 s

	// Drain is how long the pipes are read after the child's end, if a process
	// in the background keeps them open; 1 s. What the child itself wrote is
	// delivered however long the writer takes.
	Drain time.Duration
}

// Result says how the child ended.
type Result struct {
	// Status is what a shell reports: the child's own, 128+n if signal n killed
	// it, 127 or 126 if it could not be started. It is 128+9 for a child that
	// outlived even the KILL.
	Status    int
	Stopped   bool // check asked for the end
	Leftovers int  // processes of the tree that are alive nevertheless

	// Output is what a writer failed with, unless its reader merely went away.
	// ErrUndelivered: it was given up on, and may still be in use.
	Output error
}

// Run starts cmd and waits for its end. Where it cannot be started, the error is
// an [ErrNotFound], an [ErrNotExecutable] or the system's.
//
// Every config.Poll, check is called, from this goroutine: it should be quick.
// If it returns an error, the whole tree is taken down, with TERM and after
// config.Grace with KILL, until nothing is left, and that error is returned with
// Result.Stopped set. A suspended job is not polled; check is called before its
// first instruction once it is continued. If the child ends by itself, what it
// left in the background is left alone.
func Run(cmd Command, config Config, check func() error) (Result, error) {
	// The child is killed when the thread that started it ends; and blocking
	// a signal, as the terminal needs it, is for one thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	r := newRun(cmd, config, check)
	defer r.close()
	if err := r.start(cmd); err != nil {
		return Result{Status: startStatus(err)}, err
	}
	reason := r.wait()
	result := Result{Stopped: reason != nil}
	if result.Stopped {
		result.Leftovers = r.takeDown()
	}
	r.handBack()
	result.Status = r.status()
	result.Output = r.drain(result.Stopped)
	return result, reason
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.Poll, 250 * time.Millisecond},
		{&c.Grace, 5 * time.Second},
		{&c.GiveUp, 10 * time.Second},
		{&c.Drain, time.Second},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return c
}

package rotate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// A run of a hook waits for every child of its process, so the tests run each in
// a process of its own: this binary again, which reads a plan from its standard
// input and prints an outcome.
const roleVariable = "ROTATE_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) != "" {
		os.Exit(runPlan())
	}
	// What is ignored here, as under nohup, would be ignored by the hooks. What
	// is caught is at its default there.
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if signal.Ignored(sig) {
			signal.Notify(make(chan os.Signal, 1), sig)
		}
	}
	os.Exit(m.Run())
}

// plan is a hook to run.
type plan struct {
	Hook   Hook
	Cancel string // the context is cancelled once this file is there
}

// outcome is what Run returned.
type outcome struct {
	Output                      Output
	Err                         string
	Failed, TimedOut, Cancelled bool
	Elapsed                     time.Duration
	Memory                      uint64 // bytes that the heap ever held
	Descriptors                 int    // that the run left open
	Goroutines                  int    // likewise
}

func runPlan() int {
	var p plan
	if err := json.NewDecoder(os.Stdin).Decode(&p); err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if p.Cancel != "" {
		go func() {
			for !exists(p.Cancel) {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
	}
	warmUp()
	descriptors, goroutines := countDescriptors(), runtime.NumGoroutine()
	begun := time.Now()
	out, err := p.Hook.Run(ctx)
	o := outcome{
		Output: out, Failed: errors.Is(err, ErrFailed), TimedOut: errors.Is(err, ErrTimeout), Cancelled: errors.Is(err, context.Canceled),
		Elapsed: time.Since(begun), Descriptors: countDescriptors() - descriptors, Goroutines: settled(goroutines) - goroutines,
	}
	if err != nil {
		o.Err = err.Error()
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	o.Memory = memory.TotalAlloc
	if err := json.NewEncoder(os.Stdout).Encode(o); err != nil {
		panic(err)
	}
	return 0
}

// warmUp has the runtime open what it needs for pipes and signals, for good.
func warmUp() {
	read, write, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	read.Close()
	write.Close()
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGCHLD)
	signal.Stop(c)
}

func countDescriptors() int {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		panic(err)
	}
	return len(entries)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// trial is the run of one hook in a process of its own.
type trial struct {
	*exec.Cmd
	plan plan
	home string // HOME of the hook, and so in the environment of all that it starts
}

// try prepares a hook that may take long, with the value "old".
func try(t *testing.T, command string) *trial {
	t.Helper()
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tr := &trial{Cmd: exec.Command(os.Args[0]), home: home}
	tr.plan.Hook = Hook{
		Command: command, Name: "test/name", Value: []byte("old"), Timeout: 20 * time.Second,
		Environ: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home},
	}
	// The race detector would have each process sleep at its end.
	tr.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", roleVariable+"=1")
	tr.Stderr = os.Stderr
	tr.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal, wherever the tests run
	return tr
}

// run runs the hook.
func (tr *trial) run(t *testing.T) outcome {
	t.Helper()
	tr.begin(t)
	return tr.end(t)
}

func (tr *trial) begin(t *testing.T) {
	t.Helper()
	data, err := json.Marshal(tr.plan)
	if err != nil {
		t.Fatal(err)
	}
	tr.Stdin, tr.Stdout = bytes.NewReader(data), &bytes.Buffer{}
	if err := tr.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tr.Process.Kill() })
}

// end waits for the outcome. That it comes at all shows that nothing which the
// hook left holds anything of ours.
func (tr *trial) end(t *testing.T) (o outcome) {
	t.Helper()
	if err := tr.Wait(); err != nil {
		t.Fatalf("the process that ran the hook: %v", err)
	}
	if err := json.NewDecoder(tr.Stdout.(io.Reader)).Decode(&o); err != nil {
		t.Fatal(err)
	}
	if o.Descriptors != 0 {
		t.Errorf("the run left descriptors open: %+v", o)
	}
	return o
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came to this: %s", what)
		}
	}
}

// settled is the number of goroutines, once those that are about to end have
// ended, or will not.
func settled(expected int) int {
	for begun := time.Now(); runtime.NumGoroutine() > expected && time.Since(begun) < time.Second; {
		runtime.Gosched()
	}
	return runtime.NumGoroutine()
}

package supervise

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

func TestAProcessIsKnownByPidAndStart(t *testing.T) {
	t.Parallel()
	start, err := StartTime(os.Getpid())
	if err != nil || start == 0 {
		t.Fatalf("StartTime = %d, %v", start, err)
	}
	if !Alive(os.Getpid(), start) {
		t.Error("this process is not alive")
	}
	if Alive(os.Getpid(), start+1) {
		t.Error("another process with this pid is alive")
	}
	if _, err := StartTime(1 << 30); err == nil || Alive(1<<30, 0) {
		t.Error("a process that cannot be is alive")
	}
}

func TestAZombieIsDead(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("cat")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	start, err := StartTime(cmd.Process.Pid)
	if err != nil || !Alive(cmd.Process.Pid, start) {
		t.Fatalf("the child is not alive: %v", err)
	}
	stdin.Close()
	eventually(t, "a zombie counts as dead", func() bool { return !Alive(cmd.Process.Pid, start) })
	if again, err := StartTime(cmd.Process.Pid); err != nil || again != start {
		t.Errorf("the zombie started at %d, %v, want %d", again, err, start)
	}
}

func TestStatIsReadWhateverTheNameOfTheProgram(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sh", "a) Z 1 2 3 (b", ") S (", "", "\n \xff"} {
		line := "41 (" + name + ") S 7 8 9 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 123456 1 2 3\n"
		p, err := parseStat([]byte(line))
		want := process{identity: identity{pid: 41, start: 123456}, parent: 7, group: 8, session: 9}
		if err != nil || p != want {
			t.Errorf("%q: got %+v, %v", name, p, err)
		}
	}
	// A main thread that ended first leaves a process with two more.
	for threads, dead := range map[string]bool{"0": true, "1": true, "3": false, "10": false} {
		line := "41 (x) Z 7 8 9 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 " + threads + " 0 123456 1 2 3\n"
		if p, err := parseStat([]byte(line)); err != nil || p.dead != dead {
			t.Errorf("a zombie of %s threads: got %+v, %v", threads, p, err)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("41 (x) Z 7 8 9 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 123456 1 2 3\n"))
	f.Add([]byte(")"))
	f.Add([]byte("1 (a) "))
	f.Fuzz(func(t *testing.T, line []byte) {
		if p, err := parseStat(line); err != nil && p != (process{}) {
			t.Errorf("an error, and %+v", p)
		}
	})
}

func TestTheTreeEndsAtEarlierChildren(t *testing.T) {
	t.Parallel()
	row := func(pid, parent int) process {
		return process{identity: identity{pid, uint64(pid)}, parent: parent}
	}
	zombie := row(14, 11)
	zombie.dead = true
	table := []process{row(10, 1), row(11, 10), row(12, 11), row(13, 12), zombie, row(15, 14), row(20, 10), row(21, 20), row(30, 1), row(10, 10)}
	f := family{self: 10, before: map[identity]bool{{20, 20}: true}}
	var got []int
	for _, p := range f.pick(table) {
		got = append(got, p.pid)
	}
	if want := "[11 12 13 15]"; want != fmt.Sprint(got) {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestAGroupIsOursIfNobodyElseIsInIt(t *testing.T) {
	t.Parallel()
	row := func(pid, parent, group int) process {
		return process{identity: identity{pid, uint64(pid)}, parent: parent, group: group}
	}
	zombie := row(32, 1, 12)
	zombie.dead = true
	table := []process{
		row(1, 0, 1), row(10, 1, 10), row(11, 10, 11), row(12, 11, 12), row(13, 11, 12), row(14, 11, 10), row(15, 11, 30), row(30, 1, 30),
		row(31, 99, 12), row(33, 31, 12), // an ancestor ended meanwhile
		zombie,
	}
	members := family{self: 10}.pick(table)
	if got, want := fmt.Sprint(ownGroups(table, members)), "[11 12]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

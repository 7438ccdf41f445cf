package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// adoptsOrphans: what loses its parent in our tree becomes our child.
const adoptsOrphans = true

func adoptOrphans(on bool) {
	var flag uintptr
	if on {
		flag = 1
	}
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, flag, 0, 0, 0) // every kernel since 3.4 can
}

func processAttributes() *unix.SysProcAttr {
	return &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
}

// processes reads the table. What starts or ends meanwhile may be in it or not.
func processes() ([]process, error) {
	entries, err := fs.ReadDir(os.DirFS("/proc"), ".")
	if err != nil {
		return nil, err
	}
	table := make([]process, 0, len(entries))
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if p, err := inspect(pid); err == nil {
			table = append(table, p)
		}
	}
	return table, nil
}

func inspect(pid int) (process, error) {
	line, err := readStat(pid)
	if err != nil {
		return process{}, fmt.Errorf("look up process %d: %w", pid, err)
	}
	p, err := parseStat(line)
	if err != nil {
		return process{}, fmt.Errorf("look up process %d: %w", pid, err)
	}
	return p, nil
}

// readStat does without os.File, which costs as much again: a table is worth
// more the younger it is. The kernel writes the line, of some 300 bytes, at once.
func readStat(pid int) ([]byte, error) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	line := make([]byte, 1024)
	n, err := unix.Read(fd, line)
	return line[:max(n, 0)], err
}

// parseStat reads what proc_pid_stat(5) describes. The name in parentheses may
// hold anything, parentheses too; after the last one come numbers only.
func parseStat(line []byte) (process, error) {
	open, end := bytes.IndexByte(line, ' '), bytes.LastIndexByte(line, ')')
	if open < 0 || end < 0 {
		return process{}, errStat
	}
	fields := bytes.Fields(line[end+1:]) // fields[0] is field 3 of the page
	if len(fields) < 20 {
		return process{}, errStat
	}
	var numbers [6]uint64
	for i, text := range [][]byte{line[:open], fields[1], fields[2], fields[3], fields[17], fields[19]} {
		n, err := strconv.ParseUint(string(text), 10, 64)
		if err != nil {
			return process{}, errStat
		}
		numbers[i] = n
	}
	state, threads := fields[0][0], numbers[4]
	return process{
		identity: identity{pid: int(numbers[0]), start: numbers[5]},
		parent:   int(numbers[1]),
		group:    int(numbers[2]),
		session:  int(numbers[3]),
		// A main thread that ended before the others looks like a zombie.
		dead:    state == 'X' || state == 'Z' && threads <= 1,
		stopped: state == 'T',
	}, nil
}

var errStat = errors.New("its stat file is not as expected")

// sendExactly is safe from a reused pid. The descriptor holds on to whoever has
// the pid now; that the start time is right afterwards says it is the one.
func (p process) sendExactly(sig unix.Signal) {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err == nil {
		defer unix.Close(fd)
	}
	if now, gone := inspect(p.pid); gone != nil || now.start != p.start {
		return
	}
	if err != nil || unix.PidfdSendSignal(fd, sig, nil, 0) != nil {
		_ = unix.Kill(p.pid, sig) // another user's, or ended: the next scan shows
	}
}

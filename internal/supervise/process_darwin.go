package supervise

import (
	"fmt"

	"golang.org/x/sys/unix"
)

const adoptsOrphans = false

func adoptOrphans(bool) {}

func processAttributes() *unix.SysProcAttr { return &unix.SysProcAttr{} }

func processes() ([]process, error) {
	rows, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	table := make([]process, 0, len(rows))
	for i := range rows {
		p := fromKernel(&rows[i])
		p.session, _ = unix.Getsid(p.pid) // it ended meanwhile: it is in none
		table = append(table, p)
	}
	return table, nil
}

func inspect(pid int) (process, error) {
	row, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return process{}, fmt.Errorf("look up process %d: %w", pid, err)
	}
	return fromKernel(row), nil
}

// The states of a process in sys/proc.h.
const (
	stateStopped = 4 // SSTOP
	stateZombie  = 5 // SZOMB
)

func fromKernel(row *unix.KinfoProc) process {
	began := row.Proc.P_starttime
	return process{
		identity: identity{
			pid:   int(row.Proc.P_pid),
			start: uint64(began.Sec)*1e6 + uint64(began.Usec),
		},
		parent:  int(row.Eproc.Ppid),
		group:   int(row.Eproc.Pgid),
		dead:    row.Proc.P_stat == stateZombie,
		stopped: row.Proc.P_stat == stateStopped,
	}
}

func (p process) sendExactly(sig unix.Signal) {
	if now, err := inspect(p.pid); err == nil && now.start == p.start {
		_ = unix.Kill(p.pid, sig) // another user's, or ended: the next scan shows
	}
}

package fsx

import (
	"bufio"
	"os"
	"strconv"
	"strings"
)

// holder is the process that holds the flock on name, or 0. The kernel lists
// locks by inode; the device is not compared, because some file systems list
// another one than stat shows.
func (d *osDir) holder(name string) int {
	info, err := d.Lstat(name)
	if err != nil {
		return 0
	}
	locks, err := os.Open("/proc/locks")
	if err != nil {
		return 0
	}
	defer locks.Close()
	inode := ":" + strconv.FormatUint(info.Inode, 10)
	for lines := bufio.NewScanner(locks); lines.Scan(); {
		// 1: FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF
		f := strings.Fields(lines.Text())
		if len(f) >= 6 && f[1] == "FLOCK" && strings.HasSuffix(f[5], inode) {
			pid, _ := strconv.Atoi(f[4]) // not a number: not known
			return max(pid, 0)
		}
	}
	return 0
}

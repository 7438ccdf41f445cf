package cli_test

import (
	"fmt"
	"syscall"

	"agent-secrets/internal/crashfs"
)

// fail runs c with each operation failing in each way.
func (x *explorer) fail(start *machine, c command, ops []crashfs.Op, b bounds) {
	for _, op := range ops {
		for _, f := range x.faults(op) {
			m := start.clone()
			m.disk.Fail(f)
			out := m.run(c)
			m.disk = m.disk.Clone()
			s := &state{machine: m, bounds: b, deep: x.full, words: fmt.Sprintf("%s: %v (%s)", c, f, op.What)}
			if err := x.checkFailed(c, f, s, out); err != nil {
				x.broke(s, err)
			}
			x.crash(s, x.someFates())
		}
	}
}

func (x *explorer) faults(op crashfs.Op) (faults []crashfs.Fault) {
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EROFS} {
		full := errno == syscall.ENOSPC || errno == syscall.EDQUOT
		for way := range 8 {
			f := crashfs.Fault{At: op.Number, Err: errno, Stays: way&1 != 0, Short: way&2 != 0, Roomy: way&4 != 0}
			switch {
			case !f.Hits(op.Kind), f.Short && !full, f.Roomy && !(full && f.Stays), f.Stays && op.Kind == crashfs.Output:
				continue
			case x.full:
			case errno == syscall.EDQUOT:
				continue // no other than ENOSPC to the program
			case x.sc.large && (op.Kind == crashfs.Look || f.Stays || errno == syscall.EROFS):
				continue
			}
			faults = append(faults, f)
		}
	}
	return faults
}

// checkFailed checks what a command says whose disk failed, and moves the
// bounds of s to what it acknowledged.
func (x *explorer) checkFailed(c command, f crashfs.Fault, s *state, out *outcome) error {
	code := out.failure().Code
	switch {
	case out.panicked != nil:
		return fmt.Errorf("%v", out)
	case out.exit == c.exit && c.exit == 0:
		s.before = s.after
		return nil
	case out.exit == c.exit:
		return nil // it failed as it was to, and promised nothing
	case c.raw() && out.stdout.Len() > 0:
		return fmt.Errorf("it failed and printed %q", out.stdout.String())
	case out.exit == 79 && code == "killswitch_partial":
		return x.checkPartial(f, s)
	case out.exit == 79 && code == "rotation_failed" && c.args[0] == "watch":
		return nil // what else failed stands beside it
	case out.exit != 74 || code != "io" && code != "audit_failed":
		return fmt.Errorf("code %q, %v", code, out)
	}
	return nil
}

// checkPartial checks a killswitch that ended in part on a failing disk. Whatever
// it says, no lease of before may be in force when the disk works again.
func (x *explorer) checkPartial(f crashfs.Fault, s *state) error {
	if f.Stays && (f.Err == syscall.EIO || f.Err == syscall.EROFS) {
		return nil // nothing can be changed on such a disk
	}
	ended := *s.after
	ended.secrets = s.before.secrets // of those, nothing was promised
	s.before, s.partial = &ended, true
	m := s.clone()
	out := m.run(command{args: []string{"lease", "beta"}, client: recoveryClient})
	if out.exit != 0 && out.exit != 65 && out.exit != 77 {
		return fmt.Errorf("lease after it: %v", out)
	}
	w, err := m.readLeases()
	if err != nil {
		return nil // nobody is granted anything until a person has looked
	}
	return s.checkLeases(w)
}

package lease

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"agent-secrets/internal/fsx"
)

// Ledger is the ledger opened for appending.
type Ledger struct {
	journal *fsx.Journal
	seq     uint64
}

// Tail is what stands at the end of a ledger file.
type Tail struct {
	Seq uint64 // of the last line, an adopted one included
	// End is where the last good line ends; what lies beyond, up to the
	// journal's size, was torn by a crash.
	End int64
	// Adopt: beyond End stands a good line that lacks its newline alone.
	Adopt bool
}

// ReadTail reads the end of a ledger, at a cost that does not grow with it.
// Where that cannot be read the error is [ErrCorrupt].
func ReadTail(j *fsx.Journal) (Tail, error) {
	if err := checkHeader(j); err != nil {
		return Tail{}, err
	}
	var adopted *Op
	for line, err := range fsx.Backward(j, j.Size(), MaxLine) {
		switch {
		case err != nil:
			return Tail{}, err
		case line.Zeroed:
			adopted = nil
		case !line.Terminated:
			if op, err := Decode(line.Text); err == nil {
				adopted = &op
			}
		default:
			op, err := Decode(line.Text)
			if err != nil {
				return Tail{}, fmt.Errorf("%s: %w: the line at byte %d: %v", j.Path(), ErrCorrupt, line.Offset, err)
			}
			if adopted != nil {
				op.Seq = adopted.Seq
			}
			return Tail{Seq: op.Seq, End: line.End(), Adopt: adopted != nil}, nil
		}
	}
	return Tail{}, fmt.Errorf("%s: %w: it holds no readable line", j.Path(), ErrCorrupt)
}

// checkHeader stops a writer from adding to a format that it does not know.
func checkHeader(j *fsx.Journal) error {
	err := errors.New("it is empty")
	for line, readErr := range fsx.Forward(j, 0, min(j.Size(), MaxLine), MaxLine) {
		if readErr != nil {
			return readErr
		}
		var op Op
		if op, err = Decode(line.Text); err == nil && op.Op != KindHeader {
			err = errors.New("it is not a header")
		}
		break
	}
	if err != nil {
		return fmt.Errorf("%s: %w: line 1: %v", j.Path(), ErrCorrupt, err)
	}
	return nil
}

// OpenLedger takes a journal with a sound tail for appending.
func OpenLedger(j *fsx.Journal, tail Tail) *Ledger {
	return &Ledger{journal: j, seq: tail.Seq}
}

// Seq is the seq of the newest audit line that the ledger stands for.
func (l *Ledger) Seq() uint64 { return l.seq }

// Append writes ops in one write. They are durable after Sync.
func (l *Ledger) Append(ops ...Op) error {
	lines, err := encodeAll(ops)
	if err != nil || len(lines) == 0 {
		return err
	}
	if err := l.journal.Append(lines); err != nil {
		return err
	}
	l.seq = ops[len(ops)-1].Seq
	return nil
}

// Sync makes what was appended durable.
func (l *Ledger) Sync() error { return l.journal.Sync() }

// Since returns the operations that stand for audit lines after seq, oldest
// first. What a crash left as a hole among them is passed over.
func Since(j *fsx.Journal, seq uint64) ([]Op, error) {
	var ops []Op
	for line, err := range fsx.Backward(j, j.Size(), MaxLine) {
		if err != nil {
			return nil, err
		}
		if line.Zeroed {
			continue
		}
		op, err := Decode(line.Text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w: the line at byte %d: %v", j.Path(), ErrCorrupt, line.Offset, err)
		}
		if op.Seq <= seq || op.Op == KindHeader {
			break
		}
		ops = append(ops, op)
	}
	slices.Reverse(ops)
	return ops, nil
}

// Write returns the content of a new ledger that holds ops.
func Write(now time.Time, ops ...Op) ([]byte, error) {
	header := Op{Op: KindHeader, Version: Version, Time: now}
	return encodeAll(append([]Op{header}, ops...))
}

func encodeAll(ops []Op) ([]byte, error) {
	var lines []byte
	for _, op := range ops {
		line, err := op.Encode()
		if err != nil {
			return nil, err
		}
		lines = append(lines, line...)
	}
	return lines, nil
}

// Compact returns the content of a ledger that holds what state knows, as of
// now, of leases that have not ended or whose env file may still be there.
func Compact(state *State, now time.Time) ([]byte, error) {
	header := Op{Op: KindHeader, Version: Version, Seq: state.Seq, Time: now}
	ops := []Op{header}
	for _, l := range state.Leases {
		if !l.EndedAt.IsZero() && (l.Path == "" || l.Wiped) {
			continue
		}
		ops = append(ops, Op{
			Op: KindGrant, Seq: state.Seq, Time: l.GrantedAt, LeaseID: l.ID, Secret: l.Secret,
			ClientID: l.ClientID, Via: l.Via, Path: l.Path, Owner: l.Owner, ExpiresAt: l.ExpiresAt,
		})
		if !l.EndedAt.IsZero() {
			ops = append(ops, Op{Op: KindEnd, Seq: state.Seq, Time: l.EndedAt, LeaseID: l.ID, Reason: l.EndReason})
		}
	}
	return encodeAll(ops)
}

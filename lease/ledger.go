package lease

import (
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
	Seq uint64 // of the last line
	// End is where the last good line ends; what lies beyond, up to the
	// journal's size, was torn by a crash.
	End int64
	// Adopt: beyond End stands a good line that lacks its newline alone.
	Adopt bool
}

// ReadTail reads the end of a ledger, at a cost that does not grow with it.
// Where that cannot be read the error is [ErrCorrupt].
func ReadTail(j *fsx.Journal) (Tail, error) {
	adopt := false
	for line, err := range fsx.Backward(j, j.Size(), MaxLine) {
		switch {
		case err != nil:
			return Tail{}, err
		case line.Zeroed:
			adopt = false
		case !line.Terminated:
			_, err := Decode(line.Text)
			adopt = err == nil
		default:
			op, err := Decode(line.Text)
			if err != nil {
				return Tail{}, fmt.Errorf("%s: %w: the line at byte %d: %v", j.Path(), ErrCorrupt, line.Offset, err)
			}
			return Tail{Seq: op.Seq, End: line.End(), Adopt: adopt}, nil
		}
	}
	return Tail{}, fmt.Errorf("%s: %w: it holds no readable line", j.Path(), ErrCorrupt)
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
// first.
func Since(j *fsx.Journal, seq uint64) ([]Op, error) {
	var ops []Op
	for line, err := range fsx.Backward(j, j.Size(), MaxLine) {
		if err != nil {
			return nil, err
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

// Compact returns the content of a ledger that holds what state knows of leases
// that have not ended, as of now.
func Compact(state *State, now time.Time) ([]byte, error) {
	header := Op{Op: KindHeader, Version: Version, Seq: state.Seq, Time: now}
	ops := []Op{header}
	for _, l := range state.Leases {
		if l.EndedAt.IsZero() {
			ops = append(ops, Op{
				Op: KindGrant, Seq: state.Seq, Time: l.GrantedAt, LeaseID: l.ID, Secret: l.Secret,
				ClientID: l.ClientID, Via: l.Via, ExpiresAt: l.ExpiresAt,
			})
		}
	}
	return encodeAll(ops)
}

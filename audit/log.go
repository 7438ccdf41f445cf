package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"agent-secrets/internal/fsx"
)

// Log is the log opened for appending.
type Log struct {
	journal *fsx.Journal
	head    Head
}

// Head is the end of the chain: what the next line continues.
type Head struct {
	Seq        uint64
	Generation uint64 // of the store
	LedgerSeq  uint64
	Sum        string // SHA-256 of the last line, in hex
	Time       time.Time
}

// Open takes a journal for appending. What a crash left at its end is repaired
// and noted first; a log that was tampered with is [ErrCorrupt].
func Open(j *fsx.Journal, now time.Time) (*Log, error) {
	if _, err := First(j); err != nil {
		return nil, err
	}
	tail, err := readTail(j)
	if err != nil {
		return nil, err
	}
	l := &Log{journal: j, head: tail.head}
	return l, l.mend(tail, now)
}

// origin is what the first line continues.
func origin() Head { return Head{Sum: strings.Repeat("0", sha256.Size*2)} }

// mend deals with what stands beyond the last line. A gap is closed with a zero
// byte, so that a repair which is itself torn is seen as a part of the gap.
func (l *Log) mend(t tail, now time.Time) error {
	if t.end == l.journal.Size() {
		return nil
	}
	if t.adopt {
		if err := l.journal.Append([]byte{'\n'}); err != nil {
			return err
		}
		return l.Sync()
	}
	repair, err := describeGap(l.journal, t.end)
	if err != nil {
		return err
	}
	head := l.head
	line, err := head.chain(&Event{Event: LogRepair, OK: true, Repair: &repair}, now)
	if err != nil {
		return err
	}
	if err := l.journal.Append(slices.Concat([]byte("\x00\n"), line, []byte("\n"))); err != nil {
		return err
	}
	l.head = head
	return l.Sync()
}

// FileName is the log's name in the state directory.
const FileName = "audit.jsonl"

// Head returns the end of the chain.
func (l *Log) Head() Head { return l.head }

// Number sets the Seq and the Time that Append will give to events, for callers
// that must write them down elsewhere first.
func (l *Log) Number(now time.Time, events []Event) {
	for i := range events {
		events[i].Seq, events[i].Time = l.head.Seq+1+uint64(i), now
	}
}

// Append chains events to the log in one write and sets their Seq. They are
// durable after Sync.
func (l *Log) Append(now time.Time, events ...Event) error {
	head := l.head
	var lines []byte
	for i := range events {
		line, err := head.chain(&events[i], now)
		if err != nil {
			return err
		}
		lines = append(append(lines, line...), '\n')
	}
	if err := l.journal.Append(lines); err != nil {
		return err
	}
	l.head = head
	return nil
}

// chain completes e as the event after h and moves h on to it.
func (h *Head) chain(e *Event, now time.Time) ([]byte, error) {
	e.Seq, e.Time, e.Prev = h.Seq+1, now, h.Sum
	if e.Generation == 0 && e.Event != KillswitchWipe {
		e.Generation = h.Generation
	}
	e.LedgerSeq = h.LedgerSeq
	if e.ForLedger() {
		e.LedgerSeq = e.Seq
	}
	line, err := e.encode()
	if err != nil {
		return nil, err
	}
	*h = headAfter(*e, line)
	return line, nil
}

func headAfter(e Event, line []byte) Head {
	return Head{Seq: e.Seq, Generation: e.Generation, LedgerSeq: e.LedgerSeq, Sum: hexSum(line), Time: e.Time}
}

// Sync makes what was appended durable. It does not need the lock.
func (l *Log) Sync() error { return l.journal.Sync() }

// Mark is a place in the log to which it can be rolled back.
type Mark struct {
	size int64
	head Head
}

// Mark returns the place where the log ends now.
func (l *Log) Mark() Mark { return Mark{l.journal.Size(), l.head} }

// Rollback takes back what was appended since m and has not been synced: the
// operation that it announced did not take place.
func (l *Log) Rollback(m Mark) error {
	if err := l.journal.Truncate(m.size); err != nil {
		return fmt.Errorf("take back the audit line: %w", err)
	}
	l.head = m.head
	return nil
}

func hexSum(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}

// FirstLine returns the content of a new log: the line of an init event.
func FirstLine(now time.Time, e Event) ([]byte, error) {
	e.Version = Version
	head := origin()
	line, err := head.chain(&e, now)
	return append(line, '\n'), err
}

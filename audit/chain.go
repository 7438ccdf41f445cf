package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"agent-secrets/internal/fsx"
)

// chain follows the lines of a log forward and says of each whether it belongs
// there. A gap is a run of bytes that a crash left: it begins after a good line,
// holds zero bytes or is the torn end of the file, and is closed by the
// log.repair event that describes it.
type chain struct {
	r      io.ReaderAt
	from   int64 // where it began to read
	last   tail
	found  bool  // last is known
	gap    int64 // where the open gap begins, or -1
	zeroed bool  // the gap holds zero bytes: data never reached the disk
	hole   bool  // and so many of them that lines may follow
}

func newChain(r io.ReaderAt, from int64) *chain {
	return &chain{r: r, from: from, gap: -1, found: from == 0, last: tail{head: origin()}}
}

// next takes the next line. It returns the line's event, unless the line is
// part of a gap.
func (c *chain) next(line fsx.Line) (e Event, ok bool, err error) {
	e, err = decode(line.Text)
	switch {
	case line.Zeroed:
		c.extend(line)
		return Event{}, false, nil
	case err == nil && !line.Terminated && c.gap < 0:
		return e, true, c.follow(e, line)
	case !line.Terminated, err != nil && c.zeroed:
		c.extend(line)
		return Event{}, false, nil
	case err != nil:
		return Event{}, false, err
	case c.gap >= 0 && !c.closes(e):
		// It was written by the same crash: whatever it stands for was
		// never acknowledged.
		return Event{}, false, c.checkHole(line.Offset)
	case c.gap >= 0:
		if err := c.close(e, line); err != nil {
			return Event{}, false, err
		}
	}
	return e, true, c.follow(e, line)
}

func (c *chain) extend(line fsx.Line) {
	if c.gap < 0 {
		c.gap = line.Offset
	}
	c.zeroed = c.zeroed || line.Zeroed
}

// shortestHole is the shortest run of zeros, in bytes, that is taken for data
// which never reached the disk while later data did. Disks lose blocks, not
// bytes: fewer are damage, and lines after them were acknowledged.
const shortestHole = 64

// checkHole refuses an open gap before the byte at to that no crash leaves.
func (c *chain) checkHole(to int64) error {
	if c.hole {
		return nil
	}
	gap := make([]byte, min(to-c.gap, maxWindow))
	if _, err := c.r.ReadAt(gap, c.gap); err != nil {
		return err
	}
	c.hole = bytes.Contains(gap, make([]byte, shortestHole))
	if !c.hole {
		return fmt.Errorf("a damaged line at byte %d, with whole lines after it", c.gap)
	}
	return nil
}

func (c *chain) closes(e Event) bool {
	return e.Event == LogRepair && e.Repair != nil && e.Repair.File == FileName &&
		(e.Repair.Offset == c.gap || e.Repair.Offset < c.from)
}

func (c *chain) close(e Event, line fsx.Line) error {
	if e.Repair.Offset+e.Repair.Length+1 != line.Offset {
		return errors.New("the repair does not stand right after what it repairs")
	}
	sum, err := hashOf(io.NewSectionReader(c.r, e.Repair.Offset, e.Repair.Length))
	if err != nil {
		return err
	}
	if sum != e.Repair.SHA256 {
		return errors.New("what the repair passed over has changed since")
	}
	if e.Repair.Offset < c.from {
		c.found = false // every line read so far lies in this gap
	}
	c.gap, c.zeroed, c.hole = -1, false, false
	return nil
}

// follow takes e as the next event of the chain. One that does not continue it
// was tampered with.
func (c *chain) follow(e Event, line fsx.Line) error {
	if c.found && (e.Prev != c.last.head.Sum || e.Seq != c.last.head.Seq+1) {
		return fmt.Errorf("seq %d does not continue the chain", e.Seq)
	}
	if e.Seq == 1 {
		if err := e.checkFirst(); err != nil {
			return err
		}
	}
	c.found = true
	c.last = tail{head: headAfter(e, line.Text), end: line.End()}
	if !line.Terminated {
		c.last.end, c.last.adopt = line.Offset, true
	}
	return nil
}

func describeGap(r *fsx.Journal, from int64) (Repair, error) {
	gap := Repair{File: FileName, Offset: from, Length: r.Size() - from + 1}
	zero := bytes.NewReader([]byte{0}) // it will end the gap
	sum, err := hashOf(io.MultiReader(io.NewSectionReader(r, from, gap.Length-1), zero))
	gap.SHA256 = sum
	return gap, err
}

// Describe describes the bytes of another journal, called file, from offset on.
func Describe(r *fsx.Journal, file string, offset int64) (Repair, error) {
	torn := Repair{File: file, Offset: offset, Length: r.Size() - offset}
	sum, err := hashOf(io.NewSectionReader(r, offset, torn.Length))
	torn.SHA256 = sum
	return torn, err
}

func hashOf(r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

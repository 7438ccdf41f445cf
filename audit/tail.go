package audit

import (
	"bytes"
	"errors"
	"fmt"

	"agent-secrets/internal/fsx"
)

// tail is the end of a log file.
type tail struct {
	head Head
	end  int64 // where the last line that counts ends; what lies beyond was torn
	// adopt: the line beyond end is whole but for its newline; head counts it.
	adopt bool
}

const (
	// firstWindow is more than is ever written between two syncs, even by many
	// processes at once: a hole that a power cut left lies within it.
	firstWindow = 128 << 10
	maxWindow   = 64 << 20
)

// readTail finds the end of the chain. It reads the last 128 KiB, and more
// only if a crash left so much that there is no line in them.
func readTail(j *fsx.Journal) (tail, error) {
	if t, ok := readSoundTail(j); ok {
		return t, nil
	}
	for window := int64(firstWindow); ; window *= 8 {
		t, err := scan(j, max(0, j.Size()-window))
		if !errors.Is(err, errNoLine) {
			return t, err
		}
		if window >= j.Size() || window >= maxWindow {
			return tail{}, fmt.Errorf("%s: %w: there is no line at its end", j.Path(), ErrCorrupt)
		}
	}
}

// readSoundTail is the way taken by every command: it looks at the last two
// lines alone, where nothing near them speaks of a crash.
func readSoundTail(j *fsx.Journal) (tail, bool) {
	window := make([]byte, min(firstWindow, j.Size()))
	if _, err := j.ReadAt(window, j.Size()-int64(len(window))); err != nil {
		return tail{}, false
	}
	body, terminated := bytes.CutSuffix(window, []byte{'\n'})
	if !terminated || bytes.IndexByte(body, 0) >= 0 {
		return tail{}, false
	}
	rest, line := cutLastLine(body)
	e, err := decode(line)
	if err != nil {
		return tail{}, false
	}
	_, before := cutLastLine(rest)
	t := tail{head: headAfter(e, line), end: j.Size()}
	return t, len(before) < len(rest) && e.Prev == hexSum(before)
}

func cutLastLine(p []byte) (rest, line []byte) {
	i := bytes.LastIndexByte(p, '\n')
	return p[:max(i, 0)], p[i+1:]
}

var errNoLine = errors.New("no line")

// scan follows the chain through the lines after the byte at from, where a
// line need not begin.
func scan(j *fsx.Journal, from int64) (tail, error) {
	c := newChain(j, from)
	for line, err := range fsx.Forward(j, from, j.Size(), MaxLine) {
		if err != nil {
			return tail{}, err
		}
		if from > 0 && line.Offset == from {
			continue
		}
		if _, _, err := c.next(line); err != nil {
			return tail{}, fmt.Errorf("%s: %w: byte %d: %v", j.Path(), ErrCorrupt, line.Offset, err)
		}
	}
	if !c.found || c.last.head.Seq == 0 {
		return tail{}, errNoLine
	}
	return c.last, nil
}

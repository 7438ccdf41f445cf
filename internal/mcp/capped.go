package mcp

import (
	"fmt"
	"strings"
)

// capped keeps the beginning and the end of what is written to it, half of the
// limit each, in bounded memory.
//
// What is cut away was redacted before it came here, by the exec that wrote it.
// So no cut leaves a part of a value that was too short to be found.
type capped struct {
	head, tail []byte
	next       int // where the tail goes on, once it is full
	total      int64
}

// maxOutput is how much of each stream is returned, in bytes.
const maxOutput = 64 << 10

func (c *capped) Write(p []byte) (int, error) {
	c.total += int64(len(p))
	written := len(p)
	room := min(maxOutput/2-len(c.head), len(p))
	c.head = append(c.head, p[:room]...)
	p = p[room:]
	if len(p) > maxOutput/2 {
		p = p[len(p)-maxOutput/2:]
	}
	room = min(maxOutput/2-len(c.tail), len(p))
	c.tail = append(c.tail, p[:room]...)
	for p = p[room:]; len(p) > 0; {
		n := copy(c.tail[c.next:], p)
		c.next = (c.next + n) % len(c.tail)
		p = p[n:]
	}
	return written, nil
}

// omitted is how many bytes were cut from the middle.
func (c *capped) omitted() int64 { return c.total - int64(len(c.head)) - int64(len(c.tail)) }

// text is what was kept, as valid UTF-8, with a word on what was not.
func (c *capped) text() string {
	var b strings.Builder
	b.Write(c.head)
	if n := c.omitted(); n > 0 {
		fmt.Fprintf(&b, "\n[... %d bytes left out ...]\n", n)
	}
	b.Write(c.tail[c.next:])
	b.Write(c.tail[:c.next])
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

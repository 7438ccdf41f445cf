package redact

import "io"

const (
	// maxBuffered bounds the output gathered for one write to the destination.
	maxBuffered = 64 << 10
	// minDirect is the length from which bytes are handed on without a copy.
	minDirect = 16 << 10
)

// Writer redacts a stream. It holds back no more than what may yet turn out to
// be the start of a needle, and is not safe for concurrent use.
type Writer struct {
	dst    io.Writer
	filter *filter
	auto   automaton

	state  node    // the input's longest suffix that is a proper prefix of a needle
	found  regions // that are not settled
	done   int64   // offset in the stream up to which output has been made
	base   int64   // offset of chunk in the stream
	held   []byte  // what was held back when the chunk came
	chunk  []byte
	buffer []byte // output on its way to dst
	count  int
	err    error
}

// Write redacts p and writes all that no later input can change. Its error is
// that of the destination, or io.ErrShortWrite; n is then 0, since how much of
// p got through is not known, and each later Write and Flush fails likewise.
func (w *Writer) Write(p []byte) (n int, err error) {
	if w.err != nil {
		return 0, w.err
	}
	w.take(p)
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

// Flush ends the stream: it writes what is held back. What is written after it
// is a new stream.
func (w *Writer) Flush() error {
	if w.err != nil {
		return w.err
	}
	w.held = w.auto.trie.text(w.state)
	w.state = node{}
	w.settle(w.base)
	w.held = nil
	w.send()
	return w.err
}

// Count returns how many replacements have been made so far.
func (w *Writer) Count() int {
	return w.count
}

func (w *Writer) take(p []byte) {
	w.held, w.chunk = w.auto.trie.text(w.state), p
	w.scan()
	w.settle(w.base + int64(len(p)) - int64(w.state.depth))
	w.base += int64(len(p))
	w.held, w.chunk = nil, nil
	w.send()
}

// scan takes filter and automaton in turns through the chunk.
func (w *Writer) scan() {
	if len(w.auto.trie.needles) == 0 {
		return
	}
	i := 0
	if w.state.depth > 0 {
		i = w.walk(0)
	}
	for i < len(w.chunk) {
		i = w.walk(w.filter.next(w.chunk, i))
	}
}

// walk takes the automaton through the chunk from offset from on. It returns
// the chunk's length, or, once the filter can take over, the offset from which
// on it should. That is when few bytes are pending, and no more than half of
// what has been walked. Being shorter than any needle, they have no match in
// them that would be found twice.
func (w *Writer) walk(from int) int {
	few := int32(w.filter.window / 4)
	if len(w.chunk)-from < w.filter.window {
		few = -1 // The filter would hand all of it back.
	}
	s := w.state
	for i := from; i < len(w.chunk); {
		s = w.auto.step(s, w.chunk[i])
		i++
		if s.depth > 0 {
			l := w.auto.link(s)
			if l.out >= 0 {
				w.match(l.out, i)
			}
			if l.leaf {
				s = l.fail
			}
		}
		if s.depth <= few && 2*int(s.depth) <= i-from {
			w.state = s
			return w.handOver(i)
		}
	}
	w.state = s
	return len(w.chunk)
}

// handOver leaves the automaton at offset i of the chunk. It returns where what
// is pending starts.
func (w *Writer) handOver(i int) int {
	start := i - int(w.state.depth)
	w.state = node{}
	w.settle(w.base + int64(start))
	return start
}

// match notes that needle k ends at offset end of the chunk.
func (w *Writer) match(k int32, end int) {
	at := w.base + int64(end)
	length := int64(len(w.auto.trie.needles[k].text))
	w.found.add(region{start: at - length, end: at, needle: k})
}

// settle makes the output for the input before offset limit, at or after which
// all matches to come start.
func (w *Writer) settle(limit int64) {
	for r := w.found.first(); r != nil && r.start < limit; r = w.found.first() {
		if !r.sent {
			w.pass(r.start)
			w.put(w.auto.trie.needles[r.needle].marker)
			w.count++
			r.sent = true
		}
		w.done = r.end
		if r.end > limit {
			return
		}
		w.found.drop()
	}
	w.pass(limit)
}

// pass puts the input from where output has been made up to offset to.
func (w *Writer) pass(to int64) {
	if w.done < min(to, w.base) {
		start := w.base - int64(len(w.held))
		w.put(w.held[w.done-start : min(to, w.base)-start])
		w.done = min(to, w.base)
	}
	if w.done < to {
		w.put(w.chunk[w.done-w.base : to-w.base])
		w.done = to
	}
}

// put queues b for the destination.
func (w *Writer) put(b []byte) {
	if len(w.buffer)+len(b) > maxBuffered || len(b) >= minDirect {
		w.send()
	}
	if len(b) >= minDirect {
		w.write(b)
		return
	}
	w.buffer = append(w.buffer, b...)
}

// send writes what is queued.
func (w *Writer) send() {
	if len(w.buffer) > 0 {
		w.write(w.buffer)
		w.buffer = w.buffer[:0]
	}
}

func (w *Writer) write(b []byte) {
	if w.err != nil {
		return
	}
	n, err := w.dst.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	w.err = err
}

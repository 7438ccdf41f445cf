package fsx

import (
	"bytes"
	"errors"
	"io"
	"iter"
)

// Line is one line of a journal.
type Line struct {
	Offset     int64  // where it begins, in bytes
	Length     int64  // in bytes, without the newline
	Text       []byte // valid until the next line; nil if longer than the limit
	Terminated bool   // a newline follows
	// Zeroed: it holds a zero byte. No line ever written here does, so this
	// is a place where the data never reached the disk.
	Zeroed bool
}

// End is where the next line begins.
func (l Line) End() int64 {
	if l.Terminated {
		return l.Offset + l.Length + 1
	}
	return l.Offset + l.Length
}

const blockSize = 32 << 10

// Forward yields the lines of the bytes from offset from up to to. It holds no
// more than limit bytes of a line; of a longer one it gives the place only.
func Forward(r io.ReaderAt, from, to int64, limit int) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		line := Line{Offset: from}
		var text []byte
		block := make([]byte, blockSize)
		for off := from; off < to; {
			n, err := readBlock(r, block[:min(blockSize, to-off)], off)
			if err != nil {
				yield(Line{}, err)
				return
			}
			if n == 0 {
				break
			}
			for rest := block[:n]; len(rest) > 0; {
				part, after, found := bytes.Cut(rest, []byte{'\n'})
				line.Zeroed = line.Zeroed || hasZero(part)
				if !found {
					text, rest = appendWithin(text, part, limit), nil
					line.Length += int64(len(part))
					continue
				}
				rest = after
				line.Length += int64(len(part))
				line.Terminated = true
				line.Text = textOf(text, part, line.Length, limit)
				if !yield(line, nil) {
					return
				}
				line, text = Line{Offset: line.End()}, text[:0]
			}
			off += int64(n)
		}
		if line.Length > 0 {
			line.Text = textOf(text, nil, line.Length, limit)
			yield(line, nil)
		}
	}
}

// textOf joins the collected start of a line with its last part, without a
// copy where the line lay in one block.
func textOf(text, part []byte, length int64, limit int) []byte {
	switch {
	case length > int64(limit):
		return nil
	case len(text) == 0:
		if part == nil {
			return []byte{}
		}
		return part
	}
	return append(text, part...)
}

func appendWithin(text, part []byte, limit int) []byte {
	if len(text) > limit {
		return text
	}
	return append(text, part[:min(len(part), limit+1-len(text))]...)
}

// Backward yields the lines of the first size bytes, the last line first.
func Backward(r io.ReaderAt, size int64, limit int) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		var (
			end        = size // of the line being collected
			terminated = false
			zeroed     = false
			text       []byte // its known tail, cut short past the limit
			block      = make([]byte, blockSize)
		)
		emit := func(start int64, head []byte) bool {
			line := Line{Offset: start, Length: end - start, Terminated: terminated, Zeroed: zeroed || hasZero(head)}
			if line.Length <= int64(limit) {
				line.Text = append(append(make([]byte, 0, line.Length), head...), text...)
			}
			end, terminated, zeroed, text = start-1, true, false, text[:0]
			return yield(line, nil)
		}
		for off := size; off > 0; {
			n := min(blockSize, off)
			off -= n
			if _, err := readBlock(r, block[:n], off); err != nil {
				yield(Line{}, err)
				return
			}
			rest := block[:n]
			for {
				i := bytes.LastIndexByte(rest, '\n')
				if i < 0 {
					break
				}
				start := off + int64(i) + 1
				// The newline that ends the file opens no line of its own.
				if start < size && !emit(start, rest[i+1:]) {
					return
				}
				if start == size {
					end, terminated = start-1, true
				}
				rest = rest[:i]
			}
			zeroed = zeroed || hasZero(rest)
			text = prependWithin(rest, text, limit)
		}
		if end > 0 || (terminated && end == 0) {
			emit(0, nil)
		}
	}
}

func prependWithin(part, text []byte, limit int) []byte {
	if len(text) > limit {
		return text
	}
	joined := make([]byte, 0, len(part)+len(text))
	return append(append(joined, part...), text...)
}

func hasZero(p []byte) bool { return bytes.IndexByte(p, 0) >= 0 }

func readBlock(r io.ReaderAt, p []byte, off int64) (int, error) {
	n, err := r.ReadAt(p, off)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

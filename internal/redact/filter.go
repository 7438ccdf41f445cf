package redact

import "encoding/binary"

const (
	// minNeedle is the shortest needle the filter can look for, in bytes.
	minNeedle = 4
	// maxWindow bounds how far the filter looks ahead: what it wins by more is
	// lost at the end of each write, where the automaton walks the rest.
	maxWindow = 32
)

// filter rules out places where no needle starts.
type filter struct {
	window int // bytes looked at from a start; no needle is shorter
	// shift has, by the hash of the last three bytes of a window, how many bytes
	// later the next start is that these allow; 0 is this one.
	shift [1 << 15]uint8
	// heads has a bit for the hash of the first four bytes of each needle.
	heads [1 << 10]uint64
}

func newFilter(needles []needle) *filter {
	f := &filter{window: maxWindow}
	for _, n := range needles {
		f.window = min(f.window, len(n.text))
	}
	for h := range f.shift {
		f.shift[h] = uint8(f.window - 2)
	}
	for _, n := range needles {
		f.add(n.text[:f.window])
	}
	return f
}

func (f *filter) add(window []byte) {
	for end := 4; end <= len(window); end++ {
		h := tail(window[end-4:])
		f.shift[h] = min(f.shift[h], uint8(len(window)-end))
	}
	// The first three bytes have none before them. Any will do, for the hash
	// leaves it out.
	h := tail([]byte{0, window[0], window[1], window[2]})
	f.shift[h] = min(f.shift[h], uint8(len(window)-3))
	h = head(window)
	f.heads[h>>6] |= 1 << (h & 63)
}

// next returns the first offset from i on at which a needle may start. The rest
// of p from there may be shorter than the window.
func (f *filter) next(p []byte, i int) int {
	if len(p) < f.window {
		return i
	}
	ends := p[f.window-4:]
	most := f.window - 2
	for i <= len(ends)-4 {
		s := int(f.shift[tail(ends[i:i+4])])
		if s == most {
			i += most
			continue
		}
		if s == 0 {
			h := head(p[i:])
			if f.heads[h>>6]&(1<<(h&63)) != 0 {
				return i
			}
			s = 1
		}
		i += s
	}
	return i
}

// tail hashes the second to fourth byte of p to 15 bits. The fold keeps most
// triples of hex digits or of letters apart, and is quicker than a product on
// the path that the search waits for.
func tail(p []byte) uint32 {
	four := binary.LittleEndian.Uint32(p)
	return (four>>8 ^ four>>14) & (1<<15 - 1)
}

// head hashes the first four bytes of p to 16 bits.
func head(p []byte) uint32 {
	return binary.LittleEndian.Uint32(p) * 0x9E3779B1 >> 16
}

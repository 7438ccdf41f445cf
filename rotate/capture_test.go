package rotate

import (
	"bytes"
	"io"
	"testing"
)

func TestWhatIsKeptDoesNotDependOnTheChunks(t *testing.T) {
	t.Parallel()
	text := []byte("0123456789abcdef")
	for limit := 1; limit <= len(text)+1; limit++ {
		for chunk := 1; chunk <= len(text); chunk++ {
			h, e := &head{limit: limit}, &tail{limit: limit}
			for rest := text; len(rest) > 0; rest = rest[min(chunk, len(rest)):] {
				piece := rest[:min(chunk, len(rest))]
				for _, w := range []io.Writer{h, e} {
					if n, err := w.Write(piece); n != len(piece) || err != nil {
						t.Fatalf("Write = %d, %v", n, err)
					}
				}
			}
			kept := min(limit, len(text))
			if !bytes.Equal(h.bytes(), text[:kept]) || h.full() != (kept < len(text)) {
				t.Errorf("limit %d, chunks of %d: the head is %q, %v", limit, chunk, h.bytes(), h.full())
			}
			if got, cut := e.bytes(); !bytes.Equal(got, text[len(text)-kept:]) || cut != (kept < len(text)) {
				t.Errorf("limit %d, chunks of %d: the tail is %q, %v", limit, chunk, got, cut)
			}
		}
	}
}

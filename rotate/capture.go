package rotate

import (
	"bytes"
	"slices"
	"sync"
)

const (
	maxOutput  = 1 << 20 // the longest value
	maxPrinted = maxOutput + len("\r\n")
	maxStderr  = 64 << 10
)

// head keeps the beginning of what is written, and takes the rest without
// complaint: that there is too much is for check to find, which then has the
// whole tree taken down, and not just whoever wrote it.
//
// Somebody may still write when the run is over, hence the lock.
type head struct {
	limit int
	mu    sync.Mutex
	kept  []byte
	more  bool
}

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fits := min(len(p), h.limit-len(h.kept))
	h.kept = append(h.kept, p[:fits]...)
	h.more = h.more || fits < len(p)
	return len(p), nil
}

func (h *head) full() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.more
}

func (h *head) bytes() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.kept)
}

// tail keeps the end of what is written.
type tail struct {
	limit int
	mu    sync.Mutex
	kept  []byte
	cut   bool
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := p[max(0, len(p)-t.limit):]
	excess := max(0, len(t.kept)+len(last)-t.limit)
	t.kept = append(t.kept[:0], t.kept[excess:]...)
	t.kept = append(t.kept, last...)
	t.cut = t.cut || excess > 0 || len(last) < len(p)
	return len(p), nil
}

// bytes returns what was kept, and whether there was more before it.
func (t *tail) bytes() ([]byte, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.kept), t.cut
}

// withoutNewline drops one \n or \r\n at the end.
func withoutNewline(text []byte) []byte {
	line, found := bytes.CutSuffix(text, []byte("\n"))
	if !found {
		return text
	}
	return bytes.TrimSuffix(line, []byte("\r"))
}

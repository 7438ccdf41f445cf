package redact

// region is a part of the input that one replacement takes the place of, by
// offsets from the start of the stream.
type region struct {
	start, end int64
	needle     int32 // names the replacement
	sent       bool  // the replacement has been written; only end may still grow
}

// regions is a queue of regions that do not overlap, in order.
type regions struct {
	items []region
	head  int
}

func (q *regions) first() *region {
	if q.head == len(q.items) {
		return nil
	}
	return &q.items[q.head]
}

// add merges a match into the regions it overlaps. Matches come by their ends,
// and of those with one end only the longest, so of two that start together the
// later is the longer and names the region.
func (q *regions) add(m region) {
	for len(q.items) > q.head {
		last := &q.items[len(q.items)-1]
		if last.end <= m.start {
			break
		}
		if last.start < m.start {
			last.end = m.end
			return
		}
		q.items = q.items[:len(q.items)-1]
	}
	q.items = append(q.items, m)
}

// drop removes the first region. It moves the others down only when they are
// fewer than the places that have become free.
func (q *regions) drop() {
	q.head++
	if 2*q.head >= len(q.items) {
		q.items = q.items[:copy(q.items, q.items[q.head:])]
		q.head = 0
	}
}

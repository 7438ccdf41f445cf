package redact

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// reference redacts by looking for every needle at every offset.
type reference []needle

type span struct {
	start, end int
	marker     string
}

// spans returns the merged regions of input.
func (ref reference) spans(input []byte) []span {
	var all []span
	for i := range input {
		for _, n := range ref {
			if bytes.HasPrefix(input[i:], n.text) {
				all = append(all, span{i, i + len(n.text), string(n.marker)})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b span) int {
		return cmp.Or(a.start-b.start, b.end-a.end)
	})
	var merged []span
	for _, s := range all {
		if n := len(merged); n > 0 && s.start < merged[n-1].end {
			merged[n-1].end = max(merged[n-1].end, s.end)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// settled returns where the longest suffix of input that is a proper prefix of
// a needle starts.
func (ref reference) settled(input []byte) int {
	for i := range input {
		for _, n := range ref {
			if len(input)-i < len(n.text) && bytes.HasPrefix(n.text, input[i:]) {
				return i
			}
		}
	}
	return len(input)
}

// output returns what must have been written once input has: all of it before
// limit, and the replacements of the regions that start there.
func (ref reference) output(input []byte, limit int) (string, int) {
	var out strings.Builder
	done, count := 0, 0
	for _, s := range ref.spans(input) {
		if s.start >= limit {
			break
		}
		out.Write(input[done:s.start])
		out.WriteString(s.marker)
		done = s.end
		count++
	}
	if done < limit {
		out.Write(input[done:limit])
	}
	return out.String(), count
}

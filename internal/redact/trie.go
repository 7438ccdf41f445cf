package redact

import (
	"bytes"
	"cmp"
	"slices"
)

// trie is the trie of all needles without its nodes: these are prefixes of
// needles, and the sorted needles are enough to walk them.
type trie struct {
	needles  []needle
	roots    [256]int32     // by first byte, the first needle, or -1
	branches map[edge]int32 // the other edges that leave a needle's own path
}

// needle is one text to look for. In the sorted order, it shares the path from
// the root to fork with needles before it, and owns the nodes beyond.
type needle struct {
	text   []byte
	marker []byte // what replaces it
	fork   node
	branch int32 // depth of the deepest node it owns that has a branch
	given  int32 // its place among the needles as they were given
	leaf   bool  // no other needle continues this one
}

// node is the prefix of depth bytes of the needle that owns it. The zero node is
// the root.
type node struct {
	needle, depth int32
}

// edge is a branch: the node it leaves, with as many needles as fit in 24 bits,
// and the byte it leaves by.
type edge uint64

func edgeFrom(s node, c byte) edge {
	return edge(s.needle)<<40 | edge(s.depth)<<8 | edge(c)
}

// newTrie sorts needles and drops those with the text of one given earlier.
func newTrie(needles []needle) *trie {
	for k := range needles {
		needles[k].given = int32(k)
	}
	slices.SortFunc(needles, func(a, b needle) int {
		return cmp.Or(bytes.Compare(a.text, b.text), int(a.given-b.given))
	})
	needles = slices.CompactFunc(needles, func(a, b needle) bool { return bytes.Equal(a.text, b.text) })
	t := &trie{needles: needles, branches: make(map[edge]int32)}
	for c := range t.roots {
		t.roots[c] = -1
	}
	for k := range needles {
		t.attach(int32(k))
	}
	return t
}

// attach finds where needle k leaves the path of the needle before it.
func (t *trie) attach(k int32) {
	n := &t.needles[k]
	n.leaf = true
	var shared int32
	if k > 0 {
		before := &t.needles[k-1]
		shared = commonPrefix(before.text, n.text)
		before.leaf = int(shared) < len(before.text)
	}
	if shared == 0 {
		t.roots[n.text[0]] = k
		return
	}
	owner := k - 1
	for shared <= t.needles[owner].fork.depth {
		owner = t.needles[owner].fork.needle
	}
	n.fork = node{owner, shared}
	t.needles[owner].branch = max(t.needles[owner].branch, shared)
	t.branches[edgeFrom(n.fork, n.text[shared])] = k
}

// child returns the node that follows s by c, if there is one.
func (t *trie) child(s node, c byte) (node, bool) {
	if s.depth == 0 {
		k := t.roots[c]
		return node{k, 1}, k >= 0
	}
	n := &t.needles[s.needle]
	if int(s.depth) < len(n.text) {
		if n.text[s.depth] == c {
			return node{s.needle, s.depth + 1}, true
		}
	} else if !n.leaf && t.needles[s.needle+1].text[s.depth] == c {
		return node{s.needle + 1, s.depth + 1}, true
	}
	if s.depth > n.branch {
		return node{}, false
	}
	k, ok := t.branches[edgeFrom(s, c)]
	return node{k, s.depth + 1}, ok
}

// text returns the bytes that lead to s.
func (t *trie) text(s node) []byte {
	if s.depth == 0 {
		return nil
	}
	return t.needles[s.needle].text[:s.depth]
}

func commonPrefix(a, b []byte) int32 {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return int32(i)
		}
	}
	return int32(n)
}

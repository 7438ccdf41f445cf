package redact

import "slices"

// automaton walks a trie with failure links. It computes these when they are
// first needed and is not safe for concurrent use.
type automaton struct {
	trie  *trie
	links [][]link // by needle, then by depth from the first node it owns
}

// minGrowth is how many links a needle gets room for at first. Room doubles from
// there: append alone would copy long tables five times over.
const minGrowth = 16

// link says of a node what is to know about the suffixes of its text.
type link struct {
	fail node  // the longest other suffix that is a proper prefix of a needle
	out  int32 // the longest needle that ends here, the text itself included, or -1
	leaf bool  // the text is a needle that none continues
}

// step returns the longest suffix of s and c that is a prefix of a needle.
func (a *automaton) step(s node, c byte) node {
	for {
		if next, ok := a.trie.child(s, c); ok {
			return next
		}
		if s.depth == 0 {
			return s
		}
		s = a.link(s).fail
	}
}

// link returns the link of s, which is not the root.
func (a *automaton) link(s node) link {
	own := a.links[s.needle]
	i := int(s.depth - a.trie.needles[s.needle].fork.depth - 1)
	if i < len(own) {
		return own[i]
	}
	return a.extend(s)
}

// extend computes the links of s and of the nodes above it on the same needle.
// That of a node takes only those of shallower nodes, so what it asks for while
// it is at work is complete, and recursion is no deeper than there are needles.
func (a *automaton) extend(s node) link {
	n := &a.trie.needles[s.needle]
	for {
		depth := n.fork.depth + int32(len(a.links[s.needle])) + 1
		parent := n.fork
		if depth > n.fork.depth+1 {
			parent = node{s.needle, depth - 1}
		}
		l := a.linkBelow(parent, node{s.needle, depth})
		own := a.links[s.needle]
		if len(own) == cap(own) {
			own = slices.Grow(own, min(len(own)+minGrowth, len(n.text)-int(n.fork.depth)-len(own)))
		}
		a.links[s.needle] = append(own, l)
		if depth == s.depth {
			return l
		}
	}
}

// linkBelow computes the link of s, a child of parent.
func (a *automaton) linkBelow(parent, s node) link {
	l := link{out: -1}
	if parent.depth > 0 {
		c := a.trie.needles[s.needle].text[s.depth-1]
		l.fail = a.step(a.link(parent).fail, c)
	}
	if l.fail.depth > 0 {
		behind := a.link(l.fail)
		l.out = behind.out
		if behind.leaf {
			l.fail = behind.fail
		}
	}
	if n := &a.trie.needles[s.needle]; int(s.depth) == len(n.text) {
		l.out = s.needle
		l.leaf = n.leaf
	}
	return l
}

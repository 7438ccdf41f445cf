// Package redact hides secret values in a stream of bytes.
//
// # What is hidden
//
// New turns each value into needles: the value and the forms it commonly takes
// in output (see forms.go). In the output, overlapping or nested occurrences of
// needles make one region, which is replaced once by [redacted:NAME], after the
// needle that starts first and, of those, the longest. Occurrences that merely
// touch are replaced one by one. All other bytes, valid UTF-8 or not, pass
// unchanged. A value that was reversed, spaced out, compressed, encrypted or
// wrapped at a column is not recognised.
//
// # How
//
// The trie of all needles, with failure links as Aho and Corasick describe
// them, is the definition: after every byte its state is the longest suffix of
// the input that is a prefix of a needle. A complete needle that no other
// needle continues is left at once for the state behind it, so a state always
// stands for a proper prefix. Three things follow.
//
// No match that is still to come can start before the suffix the state stands
// for. Everything before it is therefore settled and is written: other bytes as
// they are, and for each region that starts there its replacement, whose name
// no later match can change. Where such a region reaches into the suffix, or is
// made longer later by a match that overlaps it, it only swallows more bytes.
//
// The suffix itself is what is held back, and no less would do: some
// continuation of the input makes each of its bytes part of a match.
//
// And since the bytes held back are the beginning of a needle, they are not
// stored: state, the regions found in them and the end of what has been written
// are all that is kept between writes.
//
// Walking the trie costs some nanoseconds a byte. Most input is therefore
// skipped by a filter in the manner of Wu and Manber (see filter.go), which
// looks at three bytes and often rules out nearly as many starts as the shortest
// needle has bytes. Where it cannot rule a start out, the automaton walks on
// from there. It hands back to the filter only when what it holds is at most
// half of what it has walked: so no more than twice the input is walked,
// whatever the input. Failure links are computed when a walk first needs them,
// in time linear in the depth reached: long needles that do not occur cost
// nothing but their own bytes.
package redact

import (
	"bytes"
	"io"
	"slices"
)

// MinLength is the length in bytes under which a value is not redacted: it would
// hit too much that is no secret.
const MinLength = 6

// Secret is one named value to hide. Several may share a name, as a value and
// the one before its rotation do.
type Secret struct {
	Name  string
	Value []byte
}

// Redactor holds compiled needles. It never changes and is safe for concurrent
// use.
type Redactor struct {
	trie    *trie
	filter  *filter
	skipped []string
}

// New compiles the needles of secrets. It copies what it needs. Where two
// secrets have a needle in common, it goes by the name of the first.
func New(secrets ...Secret) *Redactor {
	needles, skipped := needlesOf(secrets)
	r := compile(needles)
	r.skipped = skipped
	return r
}

// needlesOf returns the needles of secrets, in their order and some perhaps
// equal, and the names of those that are too short, sorted.
func needlesOf(secrets []Secret) (needles []needle, skipped []string) {
	for _, s := range secrets {
		if len(s.Value) < MinLength {
			skipped = append(skipped, s.Name)
			continue
		}
		marker := []byte("[redacted:" + s.Name + "]")
		for _, form := range forms(s.Value) {
			needles = append(needles, needle{text: form, marker: marker})
		}
	}
	slices.Sort(skipped)
	return needles, slices.Compact(skipped)
}

// compile takes needles of at least minNeedle bytes and owns them from then on.
func compile(needles []needle) *Redactor {
	t := newTrie(needles)
	return &Redactor{trie: t, filter: newFilter(t.needles)}
}

// Skipped returns the names, sorted, that have a value under MinLength bytes,
// which is not redacted.
func (r *Redactor) Skipped() []string {
	return slices.Clone(r.skipped)
}

// Writer returns a Writer that redacts one stream and writes it to dst.
func (r *Redactor) Writer(dst io.Writer) *Writer {
	return &Writer{
		dst:    dst,
		filter: r.filter,
		auto:   automaton{trie: r.trie, links: make([][]link, len(r.trie.needles))},
	}
}

// Bytes returns a redacted copy of p, taken as a whole stream.
func (r *Redactor) Bytes(p []byte) []byte {
	var out bytes.Buffer
	w := r.Writer(&out)
	// A bytes.Buffer returns no error, so neither do these.
	_, _ = w.Write(p)
	_ = w.Flush()
	return out.Bytes()
}

package fsx

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// reference is the obvious way to cut data into lines.
func reference(data string, limit int) []Line {
	var lines []Line
	offset := int64(0)
	for data != "" {
		text, rest, found := strings.Cut(data, "\n")
		l := Line{Offset: offset, Length: int64(len(text)), Terminated: found, Zeroed: strings.Contains(text, "\x00")}
		if len(text) <= limit {
			l.Text = []byte(text)
		}
		lines = append(lines, l)
		offset, data = l.End(), rest
	}
	return lines
}

func sameLine(a, b Line) bool {
	return a.Offset == b.Offset && a.Length == b.Length && a.Terminated == b.Terminated &&
		a.Zeroed == b.Zeroed && (a.Text == nil) == (b.Text == nil) && bytes.Equal(a.Text, b.Text)
}

func TestForwardAndBackwardCutTheSameLines(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	inputs := []string{"", "\n", "\n\n", "a", "a\n", "\na", "a\n\nb\n", strings.Repeat("x", blockSize), strings.Repeat("x", blockSize) + "\n"}
	for range 300 {
		var b strings.Builder
		for range rng.IntN(12) {
			b.WriteString(strings.Repeat(string("ab\x00"[rng.IntN(3)]), rng.IntN(blockSize/3)))
			if rng.IntN(4) > 0 {
				b.WriteByte('\n')
			}
		}
		inputs = append(inputs, b.String())
	}
	for _, in := range inputs {
		for _, limit := range []int{3, 4096, 1 << 20} {
			want := reference(in, limit)
			r := strings.NewReader(in)
			if got := collect(t, Forward(r, 0, int64(len(in)), limit)); !slices.EqualFunc(got, want, sameLine) {
				t.Fatalf("forward, %d bytes, limit %d: %v, want %v", len(in), limit, places(got), places(want))
			}
			got := collect(t, Backward(r, int64(len(in)), limit))
			slices.Reverse(got)
			if !slices.EqualFunc(got, want, sameLine) {
				t.Fatalf("backward, %d bytes, limit %d: %v, want %v", len(in), limit, places(got), places(want))
			}
		}
	}
}

func collect(t *testing.T, lines func(func(Line, error) bool)) []Line {
	t.Helper()
	var got []Line
	for l, err := range lines {
		if err != nil {
			t.Fatal(err)
		}
		if l.Text != nil {
			l.Text = bytes.Clone(l.Text)
			if l.Text == nil {
				l.Text = []byte{}
			}
		}
		got = append(got, l)
	}
	return got
}

func places(lines []Line) []Line {
	for i := range lines {
		lines[i].Text = nil
	}
	return lines
}

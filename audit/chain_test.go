package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestTheChainHoldsOverManyWriters(t *testing.T) {
	f := newFile(t, first(t))
	for i := range 30 {
		f.append(make([]Event, i%4)...)
		f.append(Event{Event: Add, Generation: uint64(i + 2)}, Event{Event: LeaseGrant}, Event{Event: LeaseDenied})
	}
	r, err := f.verify()
	check(t, err)
	if r.Lines != r.Events || r.Head.Seq != uint64(r.Events) || r.Repairs != 0 || r.Torn != 0 || r.Head.Generation != 31 || r.Head.LedgerSeq != r.Head.Seq-1 {
		t.Errorf("%+v", r)
	}
	if head, err := ReadHead(f.journal()); head != r.Head || err != nil {
		t.Errorf("%+v, %v", head, err)
	}
}

// named reports whether err is ErrCorrupt and names one of the lines.
func named(err error, lines ...int) bool {
	return errors.Is(err, ErrCorrupt) && slices.ContainsFunc(lines, func(n int) bool {
		return strings.Contains(err.Error(), fmt.Sprintf(": line %d: ", n))
	})
}

func TestAChangedByteIsFoundAtItsLineOrTheNext(t *testing.T) {
	f, lines := chained(t, 5)
	j, good := f.journal(), f.bytes()
	w, err := os.OpenFile(f.path, os.O_WRONLY, 0)
	check(t, err)
	defer w.Close()
	lastLine := int64(len(good) - len(lines[4]))
	for i, old := range good {
		n := 1 + bytes.Count(good[:i], []byte("\n"))
		for _, b := range []byte{old ^ 1, old ^ 0x20, old ^ 0x80, '\n', 0} {
			if b == old {
				continue
			}
			_, err := w.WriteAt([]byte{b}, int64(i))
			check(t, err)
			r, err := Verify(j, func(Event) error { return nil })
			switch {
			case b == 0 && (n == 5 || old == '\n' && n == 4): // as the end of the data is: reported, not refused
				if err == nil && r.Torn == 0 {
					t.Fatalf("byte %d as zero: not reported", i)
				}
			case n < 5 && !named(err, n, n+1):
				t.Fatalf("byte %d of line %d as %q: %v", i, n, b, err)
			case n == 5 && err == nil && r.Torn == 0:
				changed := slices.Concat(good[lastLine:i], []byte{b}, good[i+1:])
				if _, err := decode(bytes.TrimSuffix(changed, []byte("\n"))); err != nil {
					t.Fatalf("byte %d of the last line as %q: not found", i, b)
				}
			case n == 5 && err == nil && i < len(good)-1:
				t.Fatalf("byte %d of the last line as %q: taken for torn", i, b)
			}
		}
		_, err := w.WriteAt([]byte{old}, int64(i))
		check(t, err)
	}
}

func TestMovedLinesAreFoundWhereTheChainBreaks(t *testing.T) {
	f, l := chained(t, 6)
	foreign, m := chained(t, 6)
	foreign.append(Event{Event: Add})
	m[3] = bytes.Replace(m[3], []byte("L4"), []byte("L9"), 1)
	for name, c := range map[string]struct {
		lines [][]byte
		at    int
	}{
		"first removed":     {l[1:], 1},
		"removed":           {[][]byte{l[0], l[1], l[3], l[4], l[5]}, 3},
		"swapped":           {[][]byte{l[0], l[2], l[1], l[3], l[4], l[5]}, 2},
		"last swapped":      {[][]byte{l[0], l[1], l[2], l[3], l[5], l[4]}, 5},
		"inserted":          {[][]byte{l[0], l[1], m[3], l[2], l[3], l[4], l[5]}, 3},
		"duplicated":        {[][]byte{l[0], l[1], l[2], l[2], l[3], l[4], l[5]}, 4},
		"last repeated":     {append(slices.Clone(l), l[5]), 7},
		"init repeated":     {append([][]byte{l[0]}, l...), 2},
		"empty line":        {[][]byte{l[0], []byte("\n"), l[1], l[2], l[3], l[4], l[5]}, 2},
		"cut in the middle": {[][]byte{l[0], l[1], l[2][:40], l[3], l[4], l[5]}, 3},
		"nothing":           {nil, 0},
	} {
		f.write(c.lines...)
		before := f.bytes()
		if _, err := f.verify(); c.at > 0 && !named(err, c.at) || !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want line %d", name, err, c.at)
		}
		if c.at >= len(c.lines)-1 || c.lines == nil { // near enough for a writer to see it
			if err := f.open(); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s: opened: %v", name, err)
			}
			if !bytes.Equal(f.bytes(), before) {
				t.Errorf("%s: the file was changed", name)
			}
		}
	}
}

func TestAForeignVersionIsRefused(t *testing.T) {
	for _, line := range []string{
		strings.Replace(string(first(t)), `"version":1`, `"version":2`, 1),
		strings.Replace(string(first(t)), `"init"`, `"add"`, 1),
	} {
		f := newFile(t, []byte(line))
		if _, err := f.verify(); !named(err, 1) {
			t.Error(err)
		}
		if err := f.open(); !errors.Is(err, ErrCorrupt) || string(f.bytes()) != line {
			t.Error("opened", err)
		}
	}
}

func TestAnOverlongEventIsNotWritten(t *testing.T) {
	f := newFile(t, first(t))
	l, err := Open(f.journal(), start)
	check(t, err)
	if err := l.Append(start, Event{Event: Add}, Event{Event: Add, Reason: strings.Repeat("x", MaxLine)}); err == nil {
		t.Error("it was appended")
	}
	if !bytes.Equal(f.bytes(), first(t)) || l.Head().Seq != 1 {
		t.Error("the event before it was appended")
	}
}

func TestRollbackTakesBackWhatWasAppended(t *testing.T) {
	f, _ := chained(t, 3)
	before := f.bytes()
	l, err := Open(f.journal(), start)
	check(t, err)
	mark := l.Mark()
	check(t, l.Append(start, Event{Event: Add, Generation: 9}), l.Rollback(mark))
	if !bytes.Equal(f.bytes(), before) || l.Head().Generation != 1 {
		t.Error("something is left")
	}
	check(t, l.Append(start, Event{Event: Add}))
	_, err = f.verify()
	check(t, err)
}

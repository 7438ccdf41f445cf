package lease

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"agent-secrets/internal/fsx"
)

// journal opens a ledger file that holds data, for appending.
func journal(t *testing.T, data []byte) *fsx.Journal {
	t.Helper()
	path := t.TempDir()
	fsys, err := fsx.OpenDir(path)
	check(t, err, os.Chmod(path, 0o700))
	dir, err := fsx.NewDir(fsys)
	check(t, err, dir.Create("lock", nil), dir.Create("ledger", data))
	held, err := dir.Lock("lock", time.Second)
	check(t, err)
	j, err := dir.AppendJournal(held, "ledger")
	check(t, err)
	t.Cleanup(func() { check(t, j.Close(), held.Unlock(), dir.Close()) })
	return j
}

func check(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestTheTailIsTheLastGoodLineWhateverWasTornAfterIt(t *testing.T) {
	before := encoded(t, header(), granted(1, 1))
	last := encoded(t, granted(2, 2))
	for cut := range last {
		whole := cut == len(last)-1
		want := Tail{Seq: 1, End: int64(len(before)), Adopt: whole}
		if whole {
			want.Seq = 2 // an adopted line counts
		}
		if got, err := ReadTail(journal(t, slices.Concat(before, last[:cut]))); got != want || err != nil {
			t.Fatalf("cut at %d: %+v, %v", cut, got, err)
		}
	}
	for name, data := range map[string][]byte{
		"zeros":         slices.Concat(before, make([]byte, 70000)),
		"hole and line": slices.Concat(before, make([]byte, 50), []byte("\n"), last[:len(last)-1]),
	} {
		want := Tail{Seq: 1, End: int64(len(before))}
		if got, err := ReadTail(journal(t, data)); got != want || err != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, data := range map[string][]byte{
		"empty": {}, "only zeros": make([]byte, 5000), "torn header": before[:10], "foreign": []byte("hello\n"),
		"bad last line": append(bytes.Clone(before), "hello\n"...),
	} {
		if got, err := ReadTail(journal(t, data)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestAppendedOperationsAreReadBack(t *testing.T) {
	data, err := Write(start, granted(3, 1))
	check(t, err)
	j := journal(t, data)
	tail, err := ReadTail(j)
	check(t, err)
	l := OpenLedger(j, tail)
	check(t, l.Append(), l.Append(granted(4, 2), ended(5, 1, Revoked)), l.Sync())
	s, end, err := Fold(j, j.Size())
	check(t, err)
	if l.Seq() != 5 || summary(s) != "1=revoked 2=active 5" || end != j.Size() {
		t.Errorf("%d, %s", l.Seq(), summary(s))
	}
	if err := l.Append(granted(6, 3), Op{Op: KindGrant, Via: string(make([]byte, MaxLine))}); err == nil || j.Size() != end {
		t.Errorf("a batch that cannot be encoded was appended in part: %v", err)
	}
}

func TestSinceReturnsWhatIsNewerPastAHole(t *testing.T) {
	ops := []Op{granted(3, 1), granted(5, 2), ended(6, 1, Revoked), allEnded(9)}
	lines := encoded(t, append([]Op{header()}, ops...)...)
	for seq, first := range map[uint64]int{0: 0, 3: 1, 4: 1, 5: 2, 8: 3, 9: 4} {
		got, err := Since(journal(t, lines), seq)
		if check(t, err); !slices.Equal(got, ops[first:]) {
			t.Errorf("since %d: %+v", seq, got)
		}
	}
	clear(lines[bytes.Index(lines, []byte(`{"op":"end"`)):][:20])
	got, err := Since(journal(t, lines), 3)
	if check(t, err); !slices.Equal(got, []Op{ops[1], ops[3]}) {
		t.Errorf("%+v", got)
	}
	if _, err := Since(journal(t, append(lines, "hello\n"...)), 3); !errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
}

func TestIDsAreUniqueAndBeginWithTheTime(t *testing.T) {
	rand := bytes.NewReader(bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 100))
	a, err := NewID(start, rand)
	check(t, err)
	b, err := NewID(start, rand)
	check(t, err)
	if later, _ := NewID(start.Add(time.Millisecond), rand); a == b || a[:10] != b[:10] || later <= a || !validID(a) {
		t.Error(a, b, later)
	}
	if _, err := NewID(start, bytes.NewReader(nil)); err == nil {
		t.Error("an id was made without randomness")
	}
}

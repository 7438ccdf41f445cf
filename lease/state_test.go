package lease

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// summary is every lease with its state and the seq that was reached.
func summary(s *State) string {
	var b strings.Builder
	for _, l := range s.Leases {
		b.WriteString(strings.TrimLeft(l.ID[len(l.ID)-2:], "0") + "=" + l.State(start) + " ")
	}
	return b.String() + string(rune('0'+s.Seq))
}

func fold(t *testing.T, data []byte) (*State, int64) {
	t.Helper()
	s, end, err := Fold(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return s, end
}

func TestFoldCarriesOutOperationsInTheirOrder(t *testing.T) {
	again := granted(2, 1)
	for want, ops := range map[string][]Op{
		"0":                                 {},
		"1=active 2=active 2":               {granted(1, 1), granted(2, 2)},
		"2=active 1=revoked 3":              {granted(1, 2), granted(2, 1), ended(3, 1, Revoked)},
		"1=killswitch 2=active 3":           {granted(1, 1), allEnded(2), granted(3, 2)},
		"1=revoked 2=killswitch 4":          {granted(1, 1), granted(2, 2), ended(3, 1, Revoked), allEnded(4)},
		"1=active 3":                        {ended(1, 9, Revoked), granted(2, 1), ended(3, 8, Expired)},
		"1=active 2":                        {granted(1, 1), granted(1, 1), again},
		"1=removed 4":                       {granted(1, 1), ended(2, 1, Removed), ended(3, 1, Revoked), granted(1, 1), allEnded(4)},
		"1=active 2=undelivered 3=active 4": {granted(1, 1), granted(5, 2), ended(3, 2, Undelivered), granted(4, 3)},
	} {
		data := encoded(t, append([]Op{header()}, ops...)...)
		if s, end := fold(t, data); summary(s) != want || end != int64(len(data)) {
			t.Errorf("%s, to %d of %d; want %s", summary(s), end, len(data), want)
		}
	}
}

func TestFoldRefusesWhatIsNotALedgerAndNamesTheLine(t *testing.T) {
	other := granted(1, 1)
	other.Secret = "other"
	newer := header()
	newer.Version++
	for name, c := range map[string]struct{ data, line string }{
		"empty":           {"", "no header"},
		"zeros":           {strings.Repeat("\x00", 100), "no header"},
		"torn header":     {string(encoded(t, header())[:20]), "no header"},
		"no header":       {string(encoded(t, granted(1, 1))), "line 1"},
		"newer":           {string(encoded(t, newer)), "line 1"},
		"second header":   {string(encoded(t, header(), granted(1, 1), header())), "line 3"},
		"granted anew":    {string(encoded(t, header(), granted(1, 1), other)), "line 3"},
		"foreign line":    {string(encoded(t, header())) + "hello\n", "line 2"},
		"empty line":      {string(encoded(t, header())) + "\n", "line 2"},
		"overlong line":   {string(encoded(t, header())) + strings.Repeat("x", MaxLine+1) + "\n", "line 2"},
		"missing newline": {strings.Replace(string(encoded(t, header(), granted(1, 1), granted(2, 2))), "}\n{\"op\":\"grant\",\"seq\":2", "}{\"op\":\"grant\",\"seq\":2", 1), "line 2"},
	} {
		_, _, err := Fold(strings.NewReader(c.data), int64(len(c.data)))
		if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), c.line) {
			t.Errorf("%s: %v, want %s", name, err, c.line)
		}
	}
}

func TestATornTailOrAHoleGivesTheStateBeforeIt(t *testing.T) {
	before := encoded(t, header(), granted(1, 1))
	lost := encoded(t, ended(2, 1, Revoked))
	for cut := range lost {
		hole := slices.Concat(before, make([]byte, cut), lost[cut:], encoded(t, allEnded(3)))
		if cut == 0 {
			hole = before
		}
		for _, data := range [][]byte{slices.Concat(before, lost[:cut]), hole} {
			if s, end := fold(t, data); summary(s) != "1=active 1" || end != int64(len(before)) {
				t.Fatalf("cut at %d: %s, to %d", cut, summary(s), end)
			}
		}
	}
}

func TestCompactKeepsExactlyTheLeasesThatHaveNotEnded(t *testing.T) {
	old := granted(4, 4)
	old.ExpiresAt = start.Add(-time.Hour) // passed, and not yet said to have ended
	s, _ := fold(t, encoded(t, header(), granted(1, 1), granted(2, 2), granted(3, 3), old, ended(5, 2, Revoked)))
	data, err := Compact(s, start)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := fold(t, data)
	if summary(got) != "1=active 3=active 4=expired 5" {
		t.Fatal(summary(got))
	}
	for i, j := range []int{0, 2, 3} {
		want := *s.Leases[j]
		want.Seq = 5
		if *got.Leases[i] != want {
			t.Errorf("%+v, want %+v", got.Leases[i], want)
		}
	}
	s.RevokeAll(start)
	if data, err = Compact(s, start); err != nil {
		t.Fatal(err)
	}
	if got, _ = fold(t, data); summary(got) != "5" {
		t.Error(summary(got))
	}
}

func TestFindTakesAnIDOrAPrefixThatIsItsAlone(t *testing.T) {
	s, _ := fold(t, encoded(t, header(), granted(1, 1), granted(2, 2)))
	for prefix, want := range map[string]error{
		id(1): nil, strings.ToLower(id(1)): nil, id(1)[:25]: ErrAmbiguous, id(1)[:1]: ErrAmbiguous,
		"": ErrNotFound, "Z": ErrNotFound, id(3): ErrNotFound, id(1) + "0": ErrNotFound,
	} {
		l, err := s.Find(prefix)
		if !errors.Is(err, want) || (err == nil) != (l != nil && l.ID == id(1)) {
			t.Errorf("%q: %v, %v; want %v", prefix, l, err, want)
		}
	}
	one, _ := fold(t, encoded(t, header(), granted(1, 1)))
	if l, err := one.Find(id(1)[:1]); err != nil || l.ID != id(1) {
		t.Error(l, err)
	}
}

func TestALeaseIsActiveUntilTheMomentItExpires(t *testing.T) {
	s, _ := fold(t, encoded(t, header(), granted(1, 1)))
	end := start.Add(time.Hour)
	if len(s.Active(end.Add(-1))) != 1 || len(s.Active(end)) != 0 || s.Leases[0].State(end) != Expired {
		t.Error("it is not")
	}
}

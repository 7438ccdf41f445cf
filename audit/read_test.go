package audit

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

func seqs(events []Event) string {
	var all []uint64
	for _, e := range events {
		all = append(all, e.Seq)
	}
	return fmt.Sprint(all)
}

func all(Event) bool { return true }

func TestReadersSkipWhatRepairsPassedOverAndTornEnds(t *testing.T) {
	f, l := chained(t, 5)
	f.write(l[0], l[1], make([]byte, 100), []byte("\n"), l[3], l[4][:20])
	f.append(Event{Event: Add}, Event{Event: LeaseGrant}) // after the repair, 3
	j := f.journal()
	for _, torn := range []string{"", "torn", "\x00\x00", "torn\x00"} {
		f.write(f.bytes()[:j.Size()], []byte(torn))
		j := f.journal()
		for count, want := range map[int]string{0: "[1 2 3 4 5]", 2: "[4 5]", 9: "[1 2 3 4 5]"} {
			events, skipped, err := Recent(j, count, all)
			if seqs(events) != want || skipped != 0 || err != nil {
				t.Errorf("%q, newest %d: %s, %d skipped, %v", torn, count, seqs(events), skipped, err)
			}
		}
		for seq, want := range map[uint64]string{0: "[1 2 3 4 5]", 2: "[3 4 5]", 4: "[5]", 5: "[]", 9: "[]"} {
			if events, err := Since(j, seq); seqs(events) != want || err != nil {
				t.Errorf("%q, since %d: %s, %v", torn, seq, seqs(events), err)
			}
		}
	}
	events, _, err := Recent(j, 1, func(e Event) bool { return e.Event == Init })
	if started, ferr := First(j); seqs(events) != "[1]" || err != nil || ferr != nil || started != events[0] {
		t.Error(events, err, started, ferr)
	}
}

func TestALineThatLacksItsNewlineAloneIsRead(t *testing.T) {
	f, l := chained(t, 3)
	f.write(l[0], l[1], l[2][:len(l[2])-1])
	if events, err := Since(f.journal(), 1); seqs(events) != "[2 3]" || err != nil {
		t.Error(seqs(events), err)
	}
}

func TestALineThatCannotBeReadIsCountedAndNotSwallowed(t *testing.T) {
	f, l := chained(t, 5)
	f.write(slices.Concat(l[0], l[1], []byte("hello\n"), l[3], l[4]))
	events, skipped, err := Recent(f.journal(), 0, all)
	if seqs(events) != "[1 2 4 5]" || skipped != 1 || err != nil {
		t.Error(seqs(events), skipped, err)
	}
	if _, err := Since(f.journal(), 1); !errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
	for _, data := range []string{"", "hello\n", "torn"} {
		f.write([]byte(data))
		if _, err := First(f.journal()); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: %v", data, err)
		}
	}
}

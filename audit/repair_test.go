package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// repaired checks that the log holds good, then one repair of all up to it, and
// that the repair is true and keeps what it passed over from being changed.
func repaired(t *testing.T, f *file, good []byte) {
	t.Helper()
	data := f.bytes()
	at := bytes.LastIndexByte(data[:len(data)-1], '\n') + 1
	e, err := decode(bytes.TrimSuffix(data[at:], []byte("\n")))
	check(t, err)
	sum := sha256.Sum256(data[len(good) : at-1])
	want := Repair{File: FileName, Offset: int64(len(good)), Length: int64(at - 1 - len(good)), SHA256: hex.EncodeToString(sum[:])}
	if e.Event != LogRepair || e.Repair == nil || *e.Repair != want || !bytes.HasPrefix(data, good) {
		t.Fatalf("%+v, want %+v", e.Repair, want)
	}
	r, err := f.verify()
	if check(t, err); r.Repairs != 1 || r.Torn != 0 {
		t.Fatalf("%+v", r)
	}
	w, err := os.OpenFile(f.path, os.O_WRONLY, 0)
	check(t, err)
	defer w.Close()
	for i := len(good); i < at; i += 1 + (at-len(good))/4 {
		_, err := w.WriteAt([]byte{data[i] ^ 1}, int64(i))
		check(t, err)
		r, err := f.verify()
		if i < at-1 && !errors.Is(err, ErrCorrupt) || err == nil && r.Torn == 0 {
			t.Fatalf("a change at byte %d of the gap to %d is not found", i, at)
		}
		_, err = w.WriteAt(data[i:i+1], int64(i))
		check(t, err)
	}
}

func TestALastLineTornAnywhereIsRepairedOrAdopted(t *testing.T) {
	t.Parallel()
	f, lines := chained(t, 3)
	good, last := slices.Concat(lines[0], lines[1]), lines[2]
	for cut := range last {
		f.write(good, last[:cut])
		r, err := f.verify()
		if check(t, err); r.Torn != int64(cut) {
			t.Fatalf("cut at %d: %d bytes are torn", cut, r.Torn)
		}
		check(t, f.open())
		switch cut {
		case 0:
			if !bytes.Equal(f.bytes(), good) {
				t.Fatal("a sound log was changed")
			}
		case len(last) - 1:
			if !bytes.Equal(f.bytes(), slices.Concat(good, last)) {
				t.Fatal("a line that lacked its newline was not adopted")
			}
		default:
			repaired(t, f, good)
		}
		before := f.bytes()
		if check(t, f.open()); !bytes.Equal(f.bytes(), before) {
			t.Fatalf("cut at %d: repaired twice", cut)
		}
		f.append(Event{Event: Add})
		_, err = f.verify()
		check(t, err)
	}
}

func TestARepairTornAnywhereIsRepaired(t *testing.T) {
	t.Parallel()
	f, lines := chained(t, 3)
	good := slices.Concat(lines[0], lines[1])
	f.write(good, lines[2][:50])
	check(t, f.open())
	whole := f.bytes()
	for cut := len(good) + 50; cut < len(whole); cut++ {
		f.write(whole[:cut])
		check(t, f.open())
		repaired(t, f, good)
	}
}

func TestZerosWhereDataNeverArrivedAreRepaired(t *testing.T) {
	t.Parallel()
	f, l := chained(t, 6)
	good := slices.Concat(l[0], l[1])
	hole := make([]byte, len(l[2])+len(l[3])/2)
	rest := slices.Concat(l[3][len(l[3])/2:], l[4], l[5])
	for name, gap := range map[string][]byte{
		"tail":                   make([]byte, 100),
		"long tail":              make([]byte, 100_000),
		"after a torn line":      slices.Concat(l[2][:40], make([]byte, 30)),
		"before whole lines":     slices.Concat(hole, rest),
		"before a line unended":  slices.Concat(hole, rest[:len(rest)-1]),
		"before a torn line":     slices.Concat(hole, rest[:len(rest)-9]),
		"between torn and whole": slices.Concat(l[2][:40], make([]byte, 70), []byte("\n"), l[4], []byte("torn")),
	} {
		f.write(good, gap)
		r, err := f.verify()
		if check(t, err); r.Torn != int64(len(gap)) || r.Events != 2 {
			t.Errorf("%s: %+v", name, r)
		}
		check(t, f.open())
		repaired(t, f, good)
		f.append(Event{Event: Add})
		repairedThen, err := f.verify()
		if check(t, err); repairedThen.Head.Seq != 4 {
			t.Errorf("%s: %+v", name, repairedThen)
		}
	}
}

func TestARepairedGapStaysRepairedHoweverFarTheLogGoesOn(t *testing.T) {
	t.Parallel()
	f, l := chained(t, 9)
	hole := make([]byte, len(l[2]))
	f.write(l[0], l[1], hole, l[3], l[4], l[5], l[6], l[7], l[8][:9])
	f.append(slices.Repeat([]Event{{Event: LeaseDenied}}, 120)...)
	for seq := uint64(124); len(f.bytes()) < firstWindow+8000; seq++ {
		f.append(Event{Event: LeaseDenied, Reason: strings.Repeat("x", 150)})
		if head, err := ReadHead(f.journal()); head.Seq != seq || err != nil {
			t.Fatalf("at %d bytes: seq %d, want %d, %v", len(f.bytes()), head.Seq, seq, err)
		}
	}
	r, err := f.verify()
	if check(t, err); r.Repairs != 1 || r.Torn != 0 {
		t.Errorf("%+v", r)
	}
}

func TestAWholeLineThatDoesNotChainIsNeverTakenForTorn(t *testing.T) {
	t.Parallel()
	f, l := chained(t, 4)
	good := slices.Concat(l[0], l[1])
	for name, tail := range map[string][]byte{
		"gap in seq": l[3], "not an event": []byte("hello\n"), "not an event before torn bytes": []byte("hello\n{"),
		"gap in seq, unended": l[3][:len(l[3])-1], "another prev": bytes.Replace(l[2], []byte(`"prev":"`), []byte(`"prev":"0`), 1),
		"overlong": []byte(strings.Repeat("x", MaxLine+1) + "\n"),
	} {
		f.write(good, tail)
		if err := f.open(); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(f.bytes(), slices.Concat(good, tail)) {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestAZeroByteFarBehindLinesThatWritersTookForSoundIsCorrupt(t *testing.T) {
	t.Parallel()
	f, _ := chained(t, 3)
	f.append(slices.Repeat([]Event{{Event: LeaseDenied, Reason: strings.Repeat("x", 500)}}, 100)...)
	data := f.bytes()
	data[len(data)/4] = 0
	f.write(data)
	if r, err := f.verify(); !errors.Is(err, ErrCorrupt) {
		t.Errorf("%+v, %v", r, err)
	}
}

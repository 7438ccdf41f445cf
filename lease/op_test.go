package lease

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)

// id is the n-th of the ids that the tests use, which all begin alike.
func id(n byte) string { return ulid.ULID{1, 2, 3, 4, 5, 6, 15: n}.String() }

func granted(seq uint64, n byte) Op {
	return Op{
		Op: KindGrant, Seq: seq, Time: start, LeaseID: id(n), Secret: "prod/db", ClientID: `me "&" <you>`,
		Via: ViaStdout, ExpiresAt: start.Add(time.Hour),
	}
}

func ended(seq uint64, n byte, reason string) Op {
	return Op{Op: KindEnd, Seq: seq, Time: start.Add(time.Minute), LeaseID: id(n), Reason: reason}
}

func allEnded(seq uint64) Op { return Op{Op: KindRevokeAll, Seq: seq, Time: start.Add(time.Minute)} }

func header() Op { return Op{Op: KindHeader, Version: Version, Time: start} }

func encoded(t *testing.T, ops ...Op) []byte {
	t.Helper()
	lines, err := encodeAll(ops)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestDecodeGivesBackWhatWasEncoded(t *testing.T) {
	for _, op := range []Op{header(), granted(7, 1), ended(1<<63, 2, Removed), allEnded(9)} {
		line := encoded(t, op)
		if got, err := Decode(bytes.TrimSuffix(line, []byte("\n"))); got != op || err != nil {
			t.Errorf("%s: %+v, %v", line, got, err)
		}
	}
}

func TestAChangedLineIsRefused(t *testing.T) {
	for _, op := range []Op{header(), granted(7, 1), ended(8, 2, Revoked), allEnded(9)} {
		line := bytes.TrimSuffix(encoded(t, op), []byte("\n"))
		for i := range line {
			for bit := range 8 {
				changed := bytes.Clone(line)
				changed[i] ^= 1 << bit
				if got, err := Decode(changed); err == nil && got != op {
					t.Fatalf("byte %d bit %d: %s is read as %+v", i, bit, changed, got)
				}
			}
			for _, cut := range [][]byte{line[:i], line[i+1:], append(bytes.Clone(line[:i]), line[i+1:]...)} {
				if _, err := Decode(cut); err == nil {
					t.Fatalf("%s is read", cut)
				}
			}
		}
	}
}

func TestLinesThatNoVersionWritesAreRefusedWhateverTheirChecksum(t *testing.T) {
	seal := func(object string) []byte {
		return []byte(strings.TrimSuffix(object, "}") + sumMember + sum([]byte(object)) + `"}`)
	}
	good := `{"op":"end","seq":1,"ts":"2026-01-02T03:04:05Z","lease_id":"` + id(1) + `","reason":"x"}`
	if _, err := Decode(seal(good)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"{}", `{"op":"header","version":2,"seq":0,"ts":"2026-01-02T03:04:05Z"}`,
		strings.Replace(good, `"end"`, `"bind"`, 1), strings.Replace(good, `"end"`, `"grant"`, 1),
		strings.Replace(good, `"seq":1`, `"seq":1,"seq":2`, 1), strings.Replace(good, `"seq"`, `"Seq"`, 1),
		strings.Replace(good, `"x"`, `"x","more":1`, 1), strings.Replace(good, `"x"`, `""`, 1),
		strings.Replace(good, id(1), strings.ToLower(id(1)), 1), strings.Replace(good, id(1), "x", 1),
	} {
		if op, err := Decode(seal(bad)); err == nil {
			t.Errorf("%s is read as %+v", bad, op)
		}
	}
}

func TestAnOverlongLineIsNotWritten(t *testing.T) {
	op := granted(1, 1)
	op.Via = strings.Repeat("x", MaxLine)
	if _, err := op.Encode(); err == nil {
		t.Error("it was encoded")
	}
}

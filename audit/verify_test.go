package audit

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
)

// TestVerifyNeedsNoMoreMemoryForALongLog looks at 20,000 lines, or at a million
// where the environment variable AUDIT_LONG is set.
func TestVerifyNeedsNoMoreMemoryForALongLog(t *testing.T) {
	lines := 20_000
	if os.Getenv("AUDIT_LONG") != "" {
		lines = 1_000_000
	}
	f := newFile(t, first(t))
	heap := func() (peak uint64) {
		n := 0
		var m runtime.MemStats
		runtime.GC()
		_, err := Verify(f.journal(), func(Event) error {
			if n++; n%1000 == 0 {
				runtime.GC()
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
			return nil
		})
		check(t, err)
		return peak
	}
	batch := make([]Event, 1000)
	for i := range batch {
		batch[i] = Event{Event: LeaseGrant, Secret: "prod/db", ClientID: strings.Repeat("c", 100)}
	}
	f.append(batch...)
	short := heap()
	for range lines/len(batch) - 1 {
		f.append(batch...)
	}
	if long := heap(); long > short+256<<10 {
		t.Errorf("%d bytes for %d lines, %d for %d", long, lines, short, len(batch))
	}
}

func TestAnErrorOfTheVisitorEndsTheVerificationAtItsLine(t *testing.T) {
	f, _ := chained(t, 4)
	r, err := Verify(f.journal(), func(e Event) error {
		if e.Seq == 3 {
			return errors.New("does not fit")
		}
		return nil
	})
	if !named(err, 3) || r.Lines != 3 {
		t.Error(r, err)
	}
}

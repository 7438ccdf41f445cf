package audit

import (
	"fmt"

	"agent-secrets/internal/fsx"
)

// Report is what a verification of the whole log found to be in order.
type Report struct {
	Lines   int   // of the file, those in gaps included
	Events  int   // in the chain
	Repairs int   // places where a crash left bytes that count for nothing
	Torn    int64 // bytes at the end that the next writer will repair
	Head    Head
}

// Verify follows the whole chain and shows each event to visit, whose error
// ends it. The first line that does not belong is named in an [ErrCorrupt]. It
// streams: memory does not grow with the log.
func Verify(j *fsx.Journal, visit func(Event) error) (Report, error) {
	var report Report
	c := newChain(j, 0)
	for line, err := range fsx.Forward(j, 0, j.Size(), MaxLine) {
		if err != nil {
			return report, err
		}
		report.Lines++
		e, ok, err := c.next(line)
		if err == nil && ok {
			report.Events++
			err = visit(e)
		}
		if err != nil {
			return report, fmt.Errorf("%s: %w: line %d: %v", j.Path(), ErrCorrupt, report.Lines, err)
		}
		if ok && e.Event == LogRepair {
			report.Repairs++
		}
	}
	if c.last.head.Seq == 0 {
		return report, fmt.Errorf("%s: %w: it holds no event", j.Path(), ErrCorrupt)
	}
	report.Head = c.last.head
	report.Torn = j.Size() - c.last.end
	if report.Torn == 0 {
		return report, nil
	}
	// What a crash left, the next writer sees too. If it does not, writers went
	// on beyond these bytes, and they were sound then.
	if seen, err := readTail(j); err != nil || seen != c.last {
		return report, fmt.Errorf("%s: %w: byte %d: what stands there is neither a line nor the end of the log", j.Path(), ErrCorrupt, c.last.end)
	}
	return report, nil
}

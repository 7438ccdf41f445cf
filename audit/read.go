package audit

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"agent-secrets/internal/fsx"
)

// Newest yields the events from the newest to the oldest, past what repairs
// closed. A line that cannot be read is yielded as [ErrCorrupt]; the iteration
// goes on after it.
func Newest(j *fsx.Journal) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		gap := j.Size()
		for line, err := range fsx.Backward(j, j.Size(), MaxLine) {
			if err != nil {
				yield(Event{}, err)
				return
			}
			if line.Offset >= gap || line.Zeroed || !line.Terminated && line.End() == j.Size() && !adoptable(line) {
				continue
			}
			e, err := decode(line.Text)
			if err != nil {
				err = fmt.Errorf("%s: %w: byte %d: %v", j.Path(), ErrCorrupt, line.Offset, err)
			} else if e.Event == LogRepair && e.Repair != nil && e.Repair.File == FileName {
				gap = e.Repair.Offset
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func adoptable(line fsx.Line) bool {
	_, err := decode(line.Text)
	return err == nil
}

// Since returns the events after seq, oldest first.
func Since(j *fsx.Journal, seq uint64) ([]Event, error) {
	var events []Event
	for e, err := range Newest(j) {
		if err != nil {
			return nil, err
		}
		if e.Seq <= seq {
			break
		}
		events = append(events, e)
	}
	slices.Reverse(events)
	return events, nil
}

// Recent returns the newest count events that match, oldest first; all of them
// where count is 0. Lines that cannot be read are counted as skipped; a log of
// which no line can be read is [ErrCorrupt], not one in which nothing happened.
func Recent(j *fsx.Journal, count int, match func(Event) bool) (events []Event, skipped int, err error) {
	read := 0
	for e, err := range Newest(j) {
		switch {
		case errors.Is(err, ErrCorrupt):
			skipped++
			continue
		case err != nil:
			return nil, 0, err
		}
		read++
		if match(e) {
			events = append(events, e)
		}
		if count > 0 && len(events) == count {
			break
		}
	}
	if read == 0 {
		return nil, skipped, fmt.Errorf("%s: %w: no line of it can be read", j.Path(), ErrCorrupt)
	}
	slices.Reverse(events)
	return events, skipped, nil
}

// First returns the event that began the log.
func First(j *fsx.Journal) (Event, error) {
	for line, err := range fsx.Forward(j, 0, min(j.Size(), MaxLine+1), MaxLine) {
		if err != nil {
			return Event{}, err
		}
		e, err := decode(line.Text)
		if err == nil {
			err = e.checkFirst()
		}
		if err != nil {
			return Event{}, fmt.Errorf("%s: %w: line 1: %v", j.Path(), ErrCorrupt, err)
		}
		return e, nil
	}
	return Event{}, fmt.Errorf("%s: %w: it is empty", j.Path(), ErrCorrupt)
}

// ReadHead returns the end of the chain as a reader sees it.
func ReadHead(j *fsx.Journal) (Head, error) {
	t, err := readTail(j)
	return t.head, err
}

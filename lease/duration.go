package lease

import (
	"errors"
	"math"
	"strings"
	"time"
)

// ErrInvalidDuration means that a text is not a positive duration.
var ErrInvalidDuration = errors.New("not a duration like 30m, 1h30m, 7d or 1w2d")

// ParseDuration reads a positive duration in Go's syntax, with d for 24 hours
// and w for 7 days.
func ParseDuration(s string) (time.Duration, error) {
	var total time.Duration
	for rest := s; rest != ""; {
		number := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789."))]
		rest = rest[len(number):]
		unit := rest[:len(rest)-len(strings.TrimLeft(rest, "nuµμmshdw"))]
		rest = rest[len(unit):]
		d, err := parsePart(number, unit)
		if err != nil || d > math.MaxInt64-total {
			return 0, ErrInvalidDuration
		}
		total += d
	}
	if total <= 0 {
		return 0, ErrInvalidDuration
	}
	return total, nil
}

func parsePart(number, unit string) (time.Duration, error) {
	times := time.Duration(1)
	switch unit {
	case "d":
		unit, times = "h", 24
	case "w":
		unit, times = "h", 7*24
	}
	d, err := time.ParseDuration(number + unit)
	if err != nil || number == "" || unit == "" || d > math.MaxInt64/times {
		return 0, ErrInvalidDuration
	}
	return d * times, nil
}

// FormatDuration writes d as [ParseDuration] reads it, without zero parts.
func FormatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

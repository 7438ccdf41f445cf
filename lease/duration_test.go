package lease

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestParseDurationReadsDaysAndWeeksAndRefusesWhatIsNotPositive(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"30m": 30 * time.Minute, "1h30m": 90 * time.Minute, "7d": 7 * day, "1w2d": 9 * day, "1.5h": 90 * time.Minute,
		"1.5d": 36 * time.Hour, "5µs": 5 * time.Microsecond, "5μs": 5 * time.Microsecond, "1ns": 1,
		"106751d": 106751 * day, "2562047h": 2562047 * time.Hour, "0h1s": time.Second,
	} {
		if got, err := ParseDuration(text); got != want || err != nil {
			t.Errorf("ParseDuration(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "0", "0s", "0d", "1", "-1h", "+1h", "1e3h", "9999999h", "106752d", "15251w", "106751d24h", "2562047h2562047h",
		"h", "d", "w", "µs", "1dd", "1hd", "1D", "1 h", " 1h", "1h ", "1h\n", "1..5h", ".h", "1h30", "1y", "0.1ns", "∞h", "１h",
	} {
		if got, err := ParseDuration(text); !errors.Is(err, ErrInvalidDuration) || got != 0 {
			t.Errorf("ParseDuration(%q) = %v, %v", text, got, err)
		}
	}
}

func TestFormatDurationIsReadBackAsTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	units := []time.Duration{1, time.Microsecond, time.Second, time.Minute, time.Hour}
	durations := []time.Duration{1, time.Minute, 10 * time.Minute, 10 * time.Hour, time.Hour + 10*time.Second, math.MaxInt64}
	for range 2000 {
		unit := units[rng.IntN(len(units))]
		durations = append(durations, unit*time.Duration(1+rng.Int64N(min(int64(math.MaxInt64/unit), 1e6))))
	}
	for _, d := range durations {
		if got, err := ParseDuration(FormatDuration(d)); got != d || err != nil {
			t.Errorf("%d: %q is read as %d, %v", d, FormatDuration(d), got, err)
		}
	}
	for d, want := range map[time.Duration]string{time.Hour: "1h", 90 * time.Minute: "1h30m", 30 * time.Minute: "30m", time.Hour + time.Second: "1h0m1s"} {
		if got := FormatDuration(d); got != want {
			t.Errorf("FormatDuration(%v) = %q, want %q", time.Duration(d), got, want)
		}
	}
}

package killswitch

import (
	"strings"
	"testing"
	"time"

	"agent-secrets/store"
)

// noon is when the tests begin, on a clock that only they set.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func heartbeat(failures int, action store.FailAction) store.Heartbeat {
	return store.Heartbeat{Enabled: true, Interval: store.Duration(time.Minute), Failures: failures, FailAction: action}
}

// all is a fail_action with everything in it.
func all() store.FailAction {
	return store.FailAction{RevokeAll: true, Freeze: true, RotateAll: true, WipeStore: true}
}

// outage plays the answers of an endpoint, "x" for none and "." for one, asked
// once a minute by a watch whose action takes effect. It returns what each led
// to: "." nothing, "k" the killswitch, "w" a wipe, "b" both.
func outage(c store.Heartbeat, answers string) string {
	var beat store.Beat
	var acts strings.Builder
	for i, answer := range answers {
		v := Judge(beat, c, noon.Add(time.Duration(i)*time.Minute), answer == '.')
		beat = v.Beat
		switch {
		case !v.Act:
			acts.WriteByte('.')
			continue
		case v.Plan.Wipe && v.Plan.Freeze:
			acts.WriteByte('b')
		case v.Plan.Wipe:
			acts.WriteByte('w')
		default:
			acts.WriteByte('k')
		}
		beat = v.Acted()
	}
	return acts.String()
}

func TestWhichFailureSetsTheKillswitchOff(t *testing.T) {
	t.Parallel()
	kill := store.FailAction{RevokeAll: true, Freeze: true}
	for _, test := range []struct {
		name          string
		failures      int
		action        store.FailAction
		answers, want string
	}{
		{"below the threshold", 3, all(), "xx", ".."},
		{"flapping below the threshold", 3, all(), strings.Repeat("xx.", 1000), strings.Repeat("...", 1000)},
		{"once per outage", 3, kill, "xxxxxxxxxxxx", "..k........."},
		{"again in the next outage", 3, kill, "xxxx.xxxx..xxx", "..k....k.....k"},
		{"one answer ends an outage", 3, kill, "xx.xx.xxx", "........k"},
		{"a wipe at twice the failures, once", 3, all(), "xxxxxxxxxxxxx", "..k..w......."},
		{"a wipe in each outage", 3, all(), "xxxxxxx.xxxxxx", "..k..w....k..w"},
		{"no wipe in an outage that ends before", 3, all(), "xxxxx.xxxxx.", "..k.....k..."},
		{"one failure is enough", 1, kill, ".xxx.x.x", ".k...k.k"},
		{"one failure is enough, two for a wipe", 1, all(), "xxx.x.xx", "kw..k.kw"},
		{"two failures, four for a wipe", 2, all(), "xxxxx", ".k.w."},
		{"never dead", 3, all(), "........", "........"},
	} {
		if got := outage(heartbeat(test.failures, test.action), test.answers); got != test.want {
			t.Errorf("%s: %s leads to %s, want %s", test.name, test.answers, got, test.want)
		}
	}
}

func TestAnActionThatTookNoEffectIsTriedAtEachFailure(t *testing.T) {
	t.Parallel()
	c, beat := heartbeat(2, all()), store.Beat{}
	for failure := 1; failure <= 6; failure++ {
		v := Judge(beat, c, noon, false)
		beat = v.Beat // and not v.Acted
		if v.Act != (failure >= 2) || v.Plan.Freeze != (failure >= 2) || v.Plan.Wipe != (failure >= 4) {
			t.Errorf("failure %d: act %t, %+v", failure, v.Act, v.Plan)
		}
	}
}

func TestWhatTheSettingsSayIsDone(t *testing.T) {
	t.Parallel()
	by := store.ByHeartbeat
	for _, test := range []struct {
		action    store.FailAction
		failures  int
		endLeases bool
		plan      store.Plan
	}{
		{store.FailAction{RevokeAll: true}, 3, true, store.Plan{By: by}},
		{store.FailAction{Freeze: true}, 3, false, store.Plan{By: by, Freeze: true}},
		{store.FailAction{RotateAll: true}, 3, false, store.Plan{By: by, Rotate: true}},
		{store.FailAction{}, 3, false, store.Plan{By: by}},
		{all(), 3, true, store.Plan{By: by, Freeze: true, Rotate: true}},
		// A wipe without a kill would leave leases on what is gone.
		{store.FailAction{WipeStore: true}, 6, true, store.Plan{By: by, Wipe: true}},
	} {
		before := store.Beat{Failures: test.failures - 1, Acted: test.failures > 3}
		v := Judge(before, heartbeat(3, test.action), noon, false)
		if !v.Act || v.EndLeases != test.endLeases || v.Plan != test.plan {
			t.Errorf("%+v: act %t, end leases %t, %+v", test.action, v.Act, v.EndLeases, v.Plan)
		}
	}
}

func TestAnOutageBeginsAndEndsOnce(t *testing.T) {
	t.Parallel()
	var beat store.Beat
	var got strings.Builder
	for i, answer := range "..xxxx.xx..x" {
		now := noon.Add(time.Duration(i) * time.Minute)
		v := Judge(beat, heartbeat(2, store.FailAction{}), now, answer == '.')
		switch {
		case v.Fails && v.Recovered:
			got.WriteByte('?')
		case v.Fails:
			got.WriteByte('F')
		case v.Recovered:
			got.WriteByte('R')
		default:
			got.WriteByte('.')
		}
		if !v.Beat.LastCheck.Equal(now) || answer == '.' != v.Beat.LastOK.Equal(now) || answer == 'x' && v.Beat.LastOK.Before(beat.LastOK) {
			t.Errorf("answer %d: %+v after %+v", i, v.Beat, beat)
		}
		beat = v.Beat
	}
	if got, want := got.String(), "..F...RF.R.F"; got != want {
		t.Errorf("it began and ended at %s, want %s", got, want)
	}
}

func TestWhenTheEndpointIsAsked(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		disabled bool
		since    time.Duration // the last check
		want     bool
	}{
		{"a second after", false, time.Second, false},
		{"half an interval", false, 30 * time.Second, false},
		{"a scheduler that is early", false, 59500 * time.Millisecond, true},
		{"an interval", false, time.Minute, true},
		{"a sleep of eight hours", false, 8 * time.Hour, true},
		{"at the same time", false, 0, false},
		{"a clock that was set back", false, -time.Second, true},
		{"a clock that was years ahead", false, -10 * 365 * 24 * time.Hour, true},
		{"disabled", true, 8 * time.Hour, false},
		{"disabled, and set back", true, -time.Hour, false},
	} {
		c := heartbeat(3, all())
		c.Enabled = !test.disabled
		if got := Due(store.Beat{LastCheck: noon}, c, noon.Add(test.since)); got != test.want {
			t.Errorf("%s: %t, want %t", test.name, got, test.want)
		}
		if got := Due(store.Beat{}, c, noon); got == test.disabled {
			t.Errorf("%s: the first check: %t", test.name, got)
		}
	}
}

// A scheduler comes at the clock's times given, after noon. Only checks count:
// time in which there was none, and time that a clock made up, do not.
func TestOneCheckCountsAsOneWhateverTheClockDoes(t *testing.T) {
	t.Parallel()
	const year = 365 * 24 * time.Hour
	m := time.Minute
	for _, test := range []struct {
		name     string
		at       []time.Duration
		failures int
	}{
		{"every minute", []time.Duration{0, m, 2 * m}, 3},
		{"a sleep of eight hours", []time.Duration{0, 8 * time.Hour}, 2},
		{"a scheduler that catches up after it", []time.Duration{0, 8 * time.Hour, 8*time.Hour + 1, 8*time.Hour + 2}, 2},
		{"set back once", []time.Duration{0, -time.Hour, -time.Hour + 1, -time.Hour + 2}, 2},
		{"far ahead, and corrected", []time.Duration{0, 10 * year, m, m + 1, m + 2}, 3},
		{"far ahead, and corrected, and on from there", []time.Duration{10 * year, m, 2 * m, 2*m + 1}, 3},
	} {
		beat, c := store.Beat{}, heartbeat(100, all())
		for _, at := range test.at {
			if now := noon.Add(at); Due(beat, c, now) {
				beat = Judge(beat, c, now, false).Beat
			}
		}
		if beat.Failures != test.failures {
			t.Errorf("%s: %d failures, want %d", test.name, beat.Failures, test.failures)
		}
	}
}

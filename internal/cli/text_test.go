package cli

import (
	"strings"
	"testing"
	"time"
)

func TestTextShowsMembersAndTables(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	later := now.Add(29*time.Minute + 500*time.Millisecond)
	text, err := renderText(struct {
		Ready  bool       `json:"ready"`
		Next   *time.Time `json:"next_expiry"`
		Last   *time.Time `json:"last_watch"`
		Leases []struct {
			Name string `json:"secret_name"`
			N    int    `json:"n"`
		} `json:"leases"`
		None []string `json:"notes"`
	}{Ready: true, Next: &later, Leases: []struct {
		Name string `json:"secret_name"`
		N    int    `json:"n"`
	}{{"a\x1b[2J\tb", 1}, {"gh", 20}}, None: []string{}}, now)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.TrimPrefix(`
ready:        yes
next expiry:  in 29m
last watch:   -
leases:
SECRET NAME  N
a [2J b      1
gh           20
notes:  none
`, "\n")
	if text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestTimesAreShownByTheirDistance(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "now", 999 * time.Millisecond: "now", time.Second: "in 1s", 90 * time.Second: "in 90s", 30 * time.Minute: "in 30m",
		time.Hour: "in 60m", 47 * time.Hour: "in 47h", 49 * time.Hour: "in 2d", -time.Minute: "60s ago", -72 * time.Hour: "3d ago",
	} {
		if got := relative(now.Add(d), now); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}

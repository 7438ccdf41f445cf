package store

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestSettingsThatAreLeftOutHaveTheirDefaults(t *testing.T) {
	t.Parallel()
	c, err := parseConfig([]byte(`{"default_lease_ttl":"7d","max_lease_ttl":"1w2d","heartbeat":{"failures":5},"socket_path":"/x"}`))
	check(t, err)
	want := DefaultConfig()
	want.DefaultLeaseTTL, want.MaxLeaseTTL, want.SocketPath = Duration(7*24*time.Hour), Duration(9*24*time.Hour), "/x"
	want.Heartbeat.Failures = 5
	if c != want {
		t.Errorf("%+v", c)
	}
	data, err := c.encode()
	check(t, err)
	if again, err := parseConfig(data); again != c || err != nil {
		t.Errorf("%s is read as %+v, %v", data, again, err)
	}
}

func TestSettingsAreReadStrictly(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	for _, text := range []string{
		"", " ", "null", "[]", "{} x", "\ufeff{}", `{"more":1}`, `{"Max_lease_ttl":"1h"}`, `{"lock_timeout":"1s","lock_timeout":"2s"}`,
		`{"lock_timeout":5}`, `{"lock_timeout":"0s"}`, `{"lock_timeout":"-1s"}`, `{"lock_timeout":null}`, `{"max_lease_ttl":"9999999h"}`,
		`{"default_lease_ttl":"25h"}`, `{"max_lease_ttl":"59m"}`, `{"heartbeat":{"failures":0}}`, `{"heartbeat":{"fail_action":{"x":true}}}`,
		`{"heartbeat":{"enabled":true,"url":"ftp://x"}}`, `{"heartbeat":{"enabled":true,"url":"https://"}}`, `{"heartbeat":{"enabled":true,"url":""}}`,
		`{"directory":"` + strings.Repeat("x", maxConfig) + `"}`,
	} {
		h.write(configFile, []byte(text))
		before := h.files()
		_, err := Open(h.options())
		if len(text) < maxConfig && !errors.Is(err, ErrInvalidConfig) || err == nil || !strings.Contains(err.Error(), configFile) {
			t.Errorf("%.80s: %v", text, err)
		}
		h.unchanged(before, "read")
	}
}

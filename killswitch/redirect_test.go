package killswitch

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestOnlyTheUsualWayToTLSLeavesThePort(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		from, to string
		allowed  bool
	}{
		{"http://host/", "https://host/", true},
		{"http://host:80/", "https://HOST:443/a", true},
		{"http://host:8080/", "https://host/", false},
		{"http://host/", "https://host:8443/", false},
		{"http://host/", "https://other/", false},
		{"https://host/", "http://host/", false},
	} {
		from, to := httptest.NewRequest(http.MethodGet, test.from, nil), httptest.NewRequest(http.MethodGet, test.to, nil)
		if err := checkRedirect(to, []*http.Request{from}); (err == nil) != test.allowed {
			t.Errorf("%s to %s: %v", test.from, test.to, err)
		}
	}
}

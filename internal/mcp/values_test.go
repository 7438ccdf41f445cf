package mcp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestALeaseThatNobodyWaitsForIsRevoked(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var calls [][]string
	s := Server{Call: func(_ string, args []string, _ []byte) ([]byte, error) {
		calls = append(calls, args)
		cancel()
		return []byte(`{"ok":true,"result":{"lease_id":"01K","value":"hunter2-value"}}`), nil
	}}
	result, err := s.lease(ctx, "mcp:x", []byte(`{"name":"gh"}`))
	var f *failure
	if !errors.As(err, &f) || f.Code != "cancelled" || strings.Contains(fmt.Sprint(result, err), "hunter2") {
		t.Errorf("%v, %v", result, err)
	}
	if want := "[[lease --attended -- gh] [revoke -- 01K]]"; fmt.Sprint(calls) != want {
		t.Errorf("ran %v, want %s", calls, want)
	}
}

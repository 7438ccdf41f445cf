package strictjson

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// FuzzDecode: what Decode accepts, encoding/json accepts, and writing and
// reading it again changes nothing. What encoding/json accepts as any value,
// Decode refuses only for a reason of its own.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		sampleLine, ``, `null`, `{"name":"\ud83d\ude00","any":{"a":[1,-0,1e9,true,null,"\u2028"]}}`,
		`{"ttl":"1h","at":"2025-01-02T03:04:05Z","blob":"AAEC","pair":[1,2]}`,
		`{"list":[{"key":"a","deep":[{"key":"b"},null]}],"map":{"x":{}},"by_number":{"-1":""}}`,
		`{"a":1,"\u0061":2}`, `["\ud800"]`, "\"\xff\"", "\xef\xbb\xbf1", ` [0.5e-3 , "x" ] `, nested(33), `5e999`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		checkStable(t, data, func() any { return new(settings) })
		checkStable(t, data, func() any { return new(leaseLine) })
		checkStable(t, data, func() any { return new(any) })
		checkReason(t, data)
	})
}

func checkStable(t *testing.T, data []byte, target func() any) {
	first := target()
	if Decode(data, first) != nil {
		return
	}
	if err := json.Unmarshal(data, target()); err != nil {
		t.Fatalf("accepted what encoding/json refuses: %v", err)
	}
	written, err := json.Marshal(first)
	if err != nil {
		return // For example a year beyond 9999, which time.Time reads but does not write.
	}
	second := target()
	if err := json.Unmarshal(written, second); err != nil {
		t.Fatalf("cannot read %s again: %v", written, err)
	}
	if again, err := json.Marshal(second); err != nil || !bytes.Equal(written, again) {
		t.Fatalf("%s became %s, error %v", written, again, err)
	}
}

func checkReason(t *testing.T, data []byte) {
	var v any
	err := Decode(data, &v)
	if err == nil || !json.Valid(data) {
		return
	}
	reasons := []string{"duplicate key", "invalid UTF-8", "unpaired surrogate", "nested deeper", "not a valid interface {}"}
	if !slices.ContainsFunc(reasons, func(reason string) bool { return strings.Contains(err.Error(), reason) }) {
		t.Fatalf("refused valid JSON: %v", err)
	}
}

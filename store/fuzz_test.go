package store

import (
	"bytes"
	"errors"
	"testing"
)

// FuzzPayload: what decodes encodes to the same records, and nothing panics.
func FuzzPayload(f *testing.F) {
	for _, s := range []string{
		"", "{}\n", `{"version":1,"generation":1,"count":0}` + "\n",
		`{"version":1,"generation":9,"count":1}` + "\n" + `{"name":"a","value":"AA==","created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z"}` + "\n",
		`{"version":2,"generation":1,"count":0}` + "\n", `{"version":1,"generation":1,"count":1}` + "\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, plaintext []byte) {
		p, err := decodePayload(plaintext)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		records, err := p.all()
		if err != nil {
			return
		}
		next, err := p.with(records)
		if err != nil {
			t.Fatal(err)
		}
		again, err := next.all()
		if err != nil || len(again) != len(records) {
			t.Fatalf("%d records became %d, %v", len(records), len(again), err)
		}
		for i := range records {
			if !bytes.Equal(records[i].Value, again[i].Value) {
				t.Fatalf("the value of %s changed", records[i].Name)
			}
			if found, err := next.find(records[i].Name); err != nil || !bytes.Equal(found.Value, records[i].Value) {
				t.Fatalf("%s is not found: %v", records[i].Name, err)
			}
		}
	})
}

// FuzzConfig: settings that are accepted are in force, and can be written and
// read again.
func FuzzConfig(f *testing.F) {
	written, err := DefaultConfig().encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(written)
	for _, s := range []string{"", "{}", `{"max_lease_ttl":"7d"}`, `{"max_lease_ttl":"0"}`, `{"directory":"/x","socket_path":"/y"}`, `{"nope":1}`, `{"heartbeat":{"failures":0}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseConfig(data)
		if err != nil {
			return
		}
		if c.DefaultLeaseTTL <= 0 || c.MaxLeaseTTL < c.DefaultLeaseTTL || c.LockTimeout <= 0 {
			t.Fatalf("accepted: %+v", c)
		}
		again, err := c.encode()
		if err != nil {
			t.Fatal(err)
		}
		if read, err := parseConfig(again); err != nil || read != c {
			t.Fatalf("%+v became %+v, %v", c, read, err)
		}
	})
}

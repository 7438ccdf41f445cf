package lease

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// FuzzDuration: what is read is positive, and is read the same after writing.
func FuzzDuration(f *testing.F) {
	for _, s := range []string{"30m", "1h30m", "7d", "1w2d", "0", "-1h", "1e3h", "9999999h", "1.5h", "", "h", "1d1d", "µs", "1µs"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDuration(s)
		if err != nil {
			return
		}
		again, err := ParseDuration(FormatDuration(d))
		if d <= 0 || err != nil || again != d {
			t.Errorf("%q is %d, then %d, %v", s, d, again, err)
		}
	})
}

// FuzzName: a valid name is safe as a path, as a word of a shell and in JSON.
func FuzzName(f *testing.F) {
	for _, s := range []string{"gh", "a/b.c-d_e", "..", "a/../b", "a//b", "a/", "/a", "$(x)", "a\n", "\x1b[2J", "-x", ".a", "\u202e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !ValidName(s) {
			return
		}
		if s == "" || len(s) > 128 || s[0] == '-' || s[0] == '/' || strings.Contains("/"+s+"/", "/../") ||
			strings.Contains(s, "//") || strings.ContainsAny(s, " \t\r\n\x00\x1b\"'\\$`&|;<>()*?[]{}~#!%^=@:,+") {
			t.Errorf("%q is taken for a name", s)
		}
	})
}

// FuzzOp: no line but the one that was written decodes.
func FuzzOp(f *testing.F) {
	line, err := Op{
		Op: KindGrant, Seq: 7, Time: time.Unix(1e9, 5).UTC(), LeaseID: "01M7ZZE98MADF5WCJDK2SNN727",
		Secret: "gh", ClientID: "me@host", Via: ViaStdout, ExpiresAt: time.Unix(2e9, 0).UTC(),
	}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.TrimSuffix(line, []byte("\n")))
	f.Add([]byte(`{"op":"mark","sum":"0000000000000000"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		op, err := Decode(line)
		if err != nil {
			return
		}
		if again, err := op.Encode(); err != nil || !sameOp(again, op) {
			t.Errorf("%q is read and not written: %v", line, err)
		}
	})
}

func sameOp(line []byte, op Op) bool {
	again, err := Decode(bytes.TrimSuffix(line, []byte("\n")))
	return err == nil && again.Time.Equal(op.Time) && again.ExpiresAt.Equal(op.ExpiresAt) && again.LeaseID == op.LeaseID
}

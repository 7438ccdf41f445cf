package mcp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"agent-secrets/lease"
)

func TestCappedKeepsTheBeginningAndTheEnd(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var c capped
		var all bytes.Buffer
		for range random.IntN(20) {
			chunk := make([]byte, random.IntN(1<<random.IntN(18)))
			for i := range chunk {
				chunk[i] = byte('a' + random.IntN(26))
			}
			if n, err := c.Write(chunk); n != len(chunk) || err != nil {
				t.Fatalf("wrote %d of %d bytes: %v", n, len(chunk), err)
			}
			all.Write(chunk)
		}
		want := all.String()
		if n := len(want) - maxOutput; n > 0 {
			want = want[:maxOutput/2] + fmt.Sprintf("\n[... %d bytes left out ...]\n", n) + want[len(want)-maxOutput/2:]
			if c.omitted() != int64(n) {
				t.Fatalf("%d bytes omitted, want %d", c.omitted(), n)
			}
		}
		if c.text() != want {
			t.Fatalf("of %d bytes not the beginning and the end", all.Len())
		}
	}
}

func TestCappedKeepsNoMoreThanThat(t *testing.T) {
	var c capped
	chunk := make([]byte, 1<<20)
	for range 256 {
		_, _ = c.Write(chunk) // never fails
	}
	if cap(c.head)+cap(c.tail) > 2*maxOutput {
		t.Errorf("it holds %d bytes", cap(c.head)+cap(c.tail))
	}
	if allocs := testing.AllocsPerRun(10, func() { _, _ = c.Write(chunk) }); allocs > 0 {
		t.Errorf("%v allocations a write", allocs)
	}
}

func TestCappedTextIsValid(t *testing.T) {
	var c capped
	_, _ = c.Write([]byte(strings.Repeat("\u20ac\xff", maxOutput))) // never fails
	if !utf8.ValidString(c.text()) {
		t.Error("the text is not valid UTF-8")
	}
}

func FuzzClientID(f *testing.F) {
	for _, name := range []string{"", "Claude Code", "claude-code", "--", "\x00\xff", "ünï", strings.Repeat("x", 1000), "mcp:mcp:", "a\nb"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		id := clientID(name)
		if !lease.ValidClientID(id) || !strings.HasPrefix(id, "mcp:") || id == "mcp:" || strings.ContainsAny(id[4:], " '\"$`\\:") {
			t.Errorf("%q becomes %q", name, id)
		}
	})
}

func TestClientID(t *testing.T) {
	for name, want := range map[string]string{
		"claude-code": "mcp:claude-code", "Claude Code": "mcp:Claude-Code", "": "mcp:unknown", "  ": "mcp:unknown",
		"@scope/client": "mcp:@scope/client", strings.Repeat("x", 1000): "mcp:" + strings.Repeat("x", 64),
	} {
		if got := clientID(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

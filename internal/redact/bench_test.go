package redact

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func randomTexts(count, length int, alphabet string) []string {
	rng := rand.New(rand.NewPCG(5, 6))
	var all []string
	for range count {
		all = append(all, string(randomText(rng, alphabet, length)))
	}
	return all
}

func logText(size int) []byte {
	rng := rand.New(rand.NewPCG(7, 8))
	var buf bytes.Buffer
	for buf.Len() < size {
		fmt.Fprintf(&buf, "2031-04-%02dT10:%02d:%02dZ INFO server: request %x from 10.0.%d.%d took %dms status=200 path=/v1/users/%d user-agent=\"curl/8.5\"\n",
			rng.IntN(30), rng.IntN(60), rng.IntN(60), rng.Uint64(), rng.IntN(256), rng.IntN(256), rng.IntN(900), rng.IntN(10000))
	}
	return buf.Bytes()[:size]
}

func repeated(unit string, size int) string {
	return strings.Repeat(unit, size/len(unit)+1)[:size]
}

func benchmark(b *testing.B, r *Redactor, input []byte, chunk int) {
	b.Helper()
	b.SetBytes(int64(len(input)))
	for b.Loop() {
		w := r.Writer(io.Discard)
		for rest := input; len(rest) > 0; {
			n := min(chunk, len(rest))
			if _, err := w.Write(rest[:n]); err != nil {
				b.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRedact(b *testing.B) {
	const size, chunk = 4 << 20, 32 << 10
	rng := rand.New(rand.NewPCG(9, 10))
	inputs := map[string][]byte{
		"log":    logText(size),
		"base64": randomText(rng, alphanumeric, size),
		"hex":    randomText(rng, "0123456789abcdef", size),
		"binary": make([]byte, size),
	}
	for i := range inputs["binary"] {
		inputs["binary"][i] = byte(rng.Uint32())
	}
	for _, in := range []string{"log", "base64", "hex", "binary"} {
		for _, length := range []int{8, 20, 40} {
			r := compile(named(randomTexts(100, length, alphanumeric)...))
			b.Run(fmt.Sprintf("needles=100x%d/in=%s", length, in), func(b *testing.B) { benchmark(b, r, inputs[in], chunk) })
		}
	}
	hexes := compile(named(randomTexts(100, 40, "0123456789abcdef")...))
	b.Run("hexneedles=100x40/in=hex", func(b *testing.B) { benchmark(b, hexes, inputs["hex"], chunk) })
	for _, count := range []int{1, 10, 100} {
		var secrets []Secret
		for i, v := range randomTexts(count, 40, alphanumeric) {
			secrets = append(secrets, Secret{fmt.Sprint(i), []byte(v)})
		}
		r := New(secrets...)
		for _, in := range []string{"log", "base64"} {
			b.Run(fmt.Sprintf("secrets=%dx40/needles=%d/in=%s", count, len(r.trie.needles), in), func(b *testing.B) { benchmark(b, r, inputs[in], chunk) })
		}
	}
}

// Inputs made to be slow: none may take more than a small multiple of the
// others, and a longer needle no longer per byte.
func BenchmarkAdversarial(b *testing.B) {
	const size = 4 << 20
	var lengths, ends []string
	for i := range 100 {
		lengths = append(lengths, repeated("a", 100+i))
		ends = append(ends, repeated("a", 20+i)+"b")
	}
	long := repeated("a", 1<<20)
	for _, c := range []struct {
		name    string
		needles []string
		in      string
		chunk   int
	}{
		{"a20 over a", []string{repeated("a", 20)}, "a", 32 << 10},
		{"ab over ab", []string{repeated("ab", 20), repeated("ba", 21)}, "ab", 32 << 10},
		{"100 lengths of a over a", lengths, "a", 32 << 10},
		{"100 of a..ab over a", ends, "a", 32 << 10},
		{"1 MiB of a over a", []string{long}, "a", 32 << 10},
		{"1 MiB of a..ab over a", []string{long + "b", "b" + long}, "a", 32 << 10},
		{"1 MiB of a..ab over a..ac", []string{long + "b", "aaaaaa"}, repeated("a", 1000) + "c", 32 << 10},
		{"1 MiB of repeats, with the unit", []string{repeated("abcdef", 1<<20) + "x", "abcdef"}, "abcdef", 32 << 10},
		{"false alarms everywhere", []string{"aaaaaaaabbbbbbbb", "bbbbaaaaaaaaaaaa"}, "a", 32 << 10},
		{"100 of ab noise over ab noise", randomTexts(100, 20, "ab"), string(randomText(rand.New(rand.NewPCG(3, 4)), "ab", size)), 32 << 10},
		{"adjacent matches", []string{"abcdef"}, "abcdef", 32 << 10},
		{"1-byte writes, log", randomTexts(100, 20, alphanumeric), string(logText(1 << 20)), 1},
		{"1-byte writes, a20 over a", []string{repeated("a", 20)}, "a", 1},
		{"1-byte writes, 1 MiB of repeats, with the unit", []string{repeated("abcdef", 1<<20) + "x", "abcdef"}, "abcdef", 1},
		{"1-byte writes, 1 MiB of a..ab over a", []string{long + "b"}, "a", 1},
	} {
		in := []byte(repeated(c.in, size))
		b.Run(c.name, func(b *testing.B) { benchmark(b, compile(named(c.needles...)), in, c.chunk) })
	}
}

func BenchmarkNew(b *testing.B) {
	for _, length := range []int{8, 20} {
		texts := randomTexts(100, length, alphanumeric)
		b.Run(fmt.Sprintf("needles=100x%d", length), func(b *testing.B) {
			for b.Loop() {
				compile(named(texts...))
			}
		})
	}
	for _, c := range []struct{ count, length int }{{5, 20}, {100, 20}, {100, 40}, {1, 1 << 20}} {
		var secrets []Secret
		for i, v := range randomTexts(c.count, c.length, alphanumeric) {
			secrets = append(secrets, Secret{fmt.Sprint(i), []byte(v)})
		}
		b.Run(fmt.Sprintf("secrets=%dx%d", c.count, c.length), func(b *testing.B) {
			for b.Loop() {
				New(secrets...)
			}
		})
	}
}

// The whole of a 1 MiB value in its longest forms, which the automaton walks
// from end to end.
func BenchmarkLongValue(b *testing.B) {
	rng := rand.New(rand.NewPCG(11, 12))
	value := make([]byte, 1<<20)
	for i := range value {
		value[i] = byte(rng.Uint32())
	}
	r := New(Secret{"long", value})
	in := fmt.Appendf(value[:len(value):len(value)], "\n%x\n%s\n", value, base64.StdEncoding.EncodeToString(value))
	b.Run("found", func(b *testing.B) { benchmark(b, r, in, 32<<10) })
	in[len(value)-1]++
	b.Run("last byte differs", func(b *testing.B) { benchmark(b, r, in, 32<<10) })
}

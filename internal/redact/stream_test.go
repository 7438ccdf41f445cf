package redact

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// named makes needles of texts, each with a marker of its own.
func named(texts ...string) []needle {
	var all []needle
	for i, text := range texts {
		all = append(all, needle{text: []byte(text), marker: fmt.Appendf(nil, "[redacted:%d]", i)})
	}
	return all
}

// checkStream writes input in the chunks that next gives the lengths of, and
// compares with the reference after every write and at the end.
func checkStream(t *testing.T, needles []needle, input []byte, next func() int) {
	t.Helper()
	ref := reference(needles)
	var out bytes.Buffer
	w := compile(slices.Clone(needles)).Writer(&out)
	for i := 0; i < len(input); {
		n := min(next(), len(input)-i)
		if got, err := w.Write(input[i : i+n]); got != n || err != nil {
			t.Fatalf("Write of %d bytes = %d, %v", n, got, err)
		}
		i += n
		settled := ref.settled(input[:i])
		if held := int(w.state.depth); held != i-settled {
			t.Fatalf("needles %q\nafter %q: %d bytes are held back, want %d", texts(needles), input[:i], held, i-settled)
		}
		want, count := ref.output(input[:i], settled)
		if out.String() != want || w.Count() != count {
			t.Fatalf("needles %q\nafter %q:\n got %q, %d replacements\nwant %q, %d", texts(needles), input[:i], &out, w.Count(), want, count)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	want, count := ref.output(input, len(input))
	if out.String() != want || w.Count() != count {
		t.Fatalf("needles %q\nafter %q and Flush:\n got %q, %d replacements\nwant %q, %d", texts(needles), input, &out, w.Count(), want, count)
	}
}

func texts(needles []needle) []string {
	var all []string
	for _, n := range needles {
		all = append(all, string(n.text))
	}
	return all
}

func randomText(rng *rand.Rand, alphabet string, length int) []byte {
	text := make([]byte, length)
	for i := range text {
		text[i] = alphabet[rng.IntN(len(alphabet))]
	}
	return text
}

// randomNeedles returns needles many of which overlap, begin or end alike.
func randomNeedles(rng *rand.Rand, alphabet string) []needle {
	var all []string
	for range 1 + rng.IntN(8) {
		text := string(randomText(rng, alphabet, minNeedle+rng.IntN(20)))
		switch rng.IntN(4) {
		case 0:
			text = strings.Repeat(text[:1+rng.IntN(3)], 2+rng.IntN(6)) + text[:2]
		case 1:
			if len(all) > 0 {
				text = all[rng.IntN(len(all))] + text[:1+rng.IntN(4)]
			}
		case 2:
			if len(all) > 0 {
				text = text[:1+rng.IntN(4)] + all[rng.IntN(len(all))]
			}
		}
		if len(text) >= minNeedle {
			all = append(all, text)
		}
	}
	return named(all...)
}

// randomInput returns noise and pieces of needles.
func randomInput(rng *rand.Rand, needles []needle, alphabet string) []byte {
	var input []byte
	for range rng.IntN(12) {
		input = append(input, randomText(rng, alphabet, rng.IntN(16))...)
		if len(needles) > 0 {
			n := needles[rng.IntN(len(needles))].text
			from := rng.IntN(len(n)) * rng.IntN(2)
			to := from + 1 + rng.IntN(len(n)-from)
			if rng.IntN(2) == 0 {
				to = len(n)
			}
			input = append(input, n[from:to]...)
		}
	}
	return input
}

func TestStreamEqualsReferenceAfterEveryWrite(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		alphabet := []string{"a", "ab", "abc", "abcdefgh\n\xff"}[rng.IntN(4)]
		needles := randomNeedles(rng, alphabet)
		input := randomInput(rng, needles, alphabet)
		most := []int{1, 3, 20, 100, 1000}[rng.IntN(5)]
		checkStream(t, needles, input, func() int { return 1 + rng.IntN(most) })
	}
}

// Long inputs make filter and automaton take turns within one write, which
// short ones do not.
func TestLongInputsEqualReference(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		alphabet := []string{"ab", "abcd", "abcdefghijklmnop"}[rng.IntN(3)]
		needles := randomNeedles(rng, alphabet)
		var input []byte
		for len(input) < 1000 {
			input = append(input, randomInput(rng, needles, alphabet)...)
			input = append(input, 'a')
		}
		checkStream(t, needles, input, func() int { return 300 + rng.IntN(700) })
	}
}

func TestOverlaps(t *testing.T) {
	for _, c := range []struct {
		name    string
		needles []string
		in, out string
	}{
		{"adjacent", []string{"abcdef"}, "abcdefabcdef", "[redacted:0][redacted:0]"},
		{"adjacent, of two", []string{"abcdef", "ghijkl"}, "<abcdefghijkl>", "<[redacted:0][redacted:1]>"},
		{"overlapping", []string{"abcdef", "efghij"}, "<abcdefghij>", "<[redacted:0]>"},
		{"overlapping itself", []string{"ababab"}, "<abababab>", "<[redacted:0]>"},
		{"chain", []string{"abcdef", "efghij", "ijklmn"}, "<abcdefghijklmn>", "<[redacted:0]>"},
		{"joined by a later match", []string{"abcd", "efgh", "cdef"}, "<abcdefgh>", "<[redacted:0]>"},
		{"nested", []string{"cdef", "abcdefgh"}, "<abcdefgh>", "<[redacted:1]>"},
		{"nested, the outer one cut short", []string{"cdef", "abcdefgh"}, "<abcdefg>", "<ab[redacted:0]g>"},
		{"prefix", []string{"abcdef", "abcdefgh"}, "<abcdefgh><abcdefg>", "<[redacted:1]><[redacted:0]g>"},
		{"suffix", []string{"cdefgh", "abcdefgh"}, "<abcdefgh><bcdefgh>", "<[redacted:1]><b[redacted:0]>"},
		{"equal", []string{"abcdef", "abcdef"}, "<abcdef>", "<[redacted:0]>"},
		{"like a marker", []string{"[redacted:", "abcdef"}, "[redacted:abcdef]", "[redacted:0][redacted:1]]"},
		{"not UTF-8", []string{"\xff\xfe\xfd\xfc"}, "\x80\xff\xff\xfe\xfd\xfc\xc0", "\x80\xff[redacted:0]\xc0"},
		{"no needles", nil, "abcdef\xff", "abcdef\xff"},
	} {
		t.Run(c.name, func(t *testing.T) {
			needles := named(c.needles...)
			if got := string(compile(slices.Clone(needles)).Bytes([]byte(c.in))); got != c.out {
				t.Errorf("%q becomes %q, want %q", c.in, got, c.out)
			}
			for size := 1; size <= len(c.in); size++ {
				checkStream(t, needles, []byte(c.in), func() int { return size })
			}
		})
	}
}

func TestPromptAppearsAtOnce(t *testing.T) {
	var out bytes.Buffer
	w := New(Secret{"token", []byte("ghp_0123456789")}).Writer(&out)
	for _, c := range []struct{ in, out string }{
		{"Password: ", "Password: "},
		{"you typed gh", "you typed "},
		{"p", ""},
		{"?", "ghp?"},
		{"ghp_0123456789", "[redacted:token]"},
		{" $ ", " $ "},
	} {
		out.Reset()
		if _, err := w.Write([]byte(c.in)); err != nil || out.String() != c.out {
			t.Errorf("writing %q let %q through, want %q (%v)", c.in, &out, c.out, err)
		}
	}
}

func TestFlushStartsANewStream(t *testing.T) {
	var out bytes.Buffer
	w := New(Secret{"token", []byte("ghp_0123456789")}).Writer(&out)
	for _, part := range []string{"ghp_012345", "6789 ghp_0123456789"} {
		if _, err := w.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if want := "ghp_0123456789 [redacted:token]"; out.String() != want || w.Count() != 1 {
		t.Errorf("got %q, %d replacements, want %q, 1", &out, w.Count(), want)
	}
}

// These would take minutes if a byte cost time in proportion to what is held.
func TestLongValuesWholeAndByteByByte(t *testing.T) {
	const size = 1 << 18
	for name, value := range map[string]string{
		"one letter": strings.Repeat("a", 4*size),
		"two":        strings.Repeat("ab", size/2),
		"many lines": strings.Repeat("0123456789abcde\n", size/16),
		"noise":      string(randomText(rand.New(rand.NewPCG(5, 6)), alphanumeric, 4*size)),
	} {
		r := New(Secret{"long", []byte(value)})
		in := fmt.Sprintf("<%s>\n<%x>\n<%s", value, value, value[:len(value)-1])
		out := string(r.Bytes([]byte(in)))
		if want := "<[redacted:long]>\n<[redacted:long]>\n<"; !strings.HasPrefix(out, want) {
			t.Errorf("%s: output begins %.60q, want %q", name, out, want)
		}
		var slow bytes.Buffer
		w := r.Writer(&slow)
		for i := range in {
			if _, err := w.Write([]byte{in[i]}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil || slow.String() != out {
			t.Errorf("%s: byte by byte, the output differs (%v)", name, err)
		}
	}
}

func TestManyMatchesTakeNoMemory(t *testing.T) {
	// While the long needle is pending, so are the matches within it.
	r := compile(named("abcdef", strings.Repeat("abcdef", 100)+"x", "ghijkl"))
	for name, in := range map[string]string{
		"many writes": "abcdef",
		"one write":   strings.Repeat("ghijkl", 10_000),
	} {
		w := r.Writer(io.Discard)
		for range 60_000 / len(in) {
			if _, err := w.Write([]byte(in)); err != nil {
				t.Fatal(err)
			}
		}
		if got := cap(w.found.items); got > 1000 {
			t.Errorf("%s: there is room for %d regions where at most 100 are pending", name, got)
		}
	}
}

type brokenWriter struct {
	short bool
	calls int
}

var errBroken = errors.New("broken pipe")

func (b *brokenWriter) Write(p []byte) (int, error) {
	b.calls++
	if b.short {
		return len(p) - 1, nil
	}
	return 0, errBroken
}

func TestErrorsStay(t *testing.T) {
	for _, size := range []int{10, 100_000} {
		for dst, want := range map[*brokenWriter]error{{}: errBroken, {short: true}: io.ErrShortWrite} {
			w := New(Secret{"token", []byte("ghp_0123456789")}).Writer(dst)
			n, err := w.Write([]byte(strings.Repeat("x", size) + "ghp_0123456789"))
			if n != 0 || !errors.Is(err, want) {
				t.Errorf("Write = %d, %v, want 0, %v", n, err, want)
			}
			if n, err = w.Write([]byte("more")); n != 0 || !errors.Is(err, want) {
				t.Errorf("second Write = %d, %v, want 0, %v", n, err, want)
			}
			if err := w.Flush(); !errors.Is(err, want) {
				t.Errorf("Flush = %v, want %v", err, want)
			}
			if dst.calls != 1 {
				t.Errorf("the destination was written to %d times, want once", dst.calls)
			}
		}
	}
}

func TestWritersOfOneRedactorRunInParallel(t *testing.T) {
	r := New(Secret{"token", []byte("ghp_0123456789")}, Secret{"other", []byte("456789abcdef")})
	in := []byte(strings.Repeat("x ghp_0123456789abcdef ghp_01234", 2000))
	want := r.Bytes(in)
	results := make(chan []byte)
	for range 4 {
		go func() { results <- r.Bytes(in) }()
	}
	for range 4 {
		if !bytes.Equal(<-results, want) {
			t.Error("two writers of one Redactor differ")
		}
	}
}

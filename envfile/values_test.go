package envfile

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// testValues are the values that every reader is tried with: the vectors, the
// pairs of characters in which quoting goes wrong, code that must not run, all
// kinds of Unicode and random strings of special characters.
func testValues(t testing.TB) []string {
	t.Helper()
	values := slices.Concat(pairs(), hostile(), unicodeText(), randomText(400))
	for _, v := range loadVectors(t) {
		values = append(values, string(v.Value))
	}
	slices.Sort(values)
	return slices.Compact(values)
}

func pairs() []string {
	var values []string
	for _, special := range "'\"\\$`# \n=!" {
		for c := ' '; c <= '~'; c++ {
			a, b := string(special)+string(c), string(c)+string(special)
			values = append(values, a, b, "x"+a+"y", "x"+b+"y")
		}
	}
	return values
}

// hostile values would leave a file named x behind if anything ran them.
func hostile() []string {
	values := []string{
		"$(touch x)", "`touch x`", "${Z:-$(touch x)}", "$((a[$(touch x)]))", "a[$(touch x)]",
		"'; touch x; '", "\"; touch x; \"", "';touch x;'", "\ntouch x\n", "\n';touch x\n", "x\ntouch x",
		"a; touch x", "a & touch x", "a | touch x", "a && touch x", "<(touch x)", ">x", "> x", "2>x",
		"(touch x)", "\\\ntouch x", "'\\'';touch x", "\\';touch x;\\'", "#\ntouch x", "{touch,x}", "=touch",
		"$'\\n'touch x", "$Z", "${Z}", "$$", "$?", "$-", "!!", "!touch", "~", "~root", "a:~:b", "~+", "*", "?", "[a-z]",
		"x\nK0000=stolen", "x\nexport PATH=/nowhere", "x\nset -gx PATH /nowhere", "%s%n", "a::b", ":", "::",
		"-----BEGIN PRIVATE KEY-----\nMIIEvQ+/==\n-----END PRIVATE KEY-----\n",
		"\n", "\n\n", " ", "\t", "  lead", "trail  ", "\tlead", "trail\t", "a\n b\n  c", "a\\nb", `\\`, `\\\\`,
		"'''", "''''", "a''b", "'a'", "''a''", `'"'"'`, "export A=1", "A=1", "#", "a #b", "a#b", ";", "; x",
		"a\rb", "a\r\nb", "\r", "a\r", "\x00", "a\x00b", "\xff", "caf\xe9", "\xc3", "a\xc3'b", "\xe2\x80'",
		strings.Repeat("long 'x' ", 6000), strings.Repeat("line\n", 2000),
	}
	for c := range 0x20 {
		values = append(values, "a"+string(rune(c))+"b", string(rune(c)))
	}
	for c := 0x7f; c < 0x100; c++ {
		values = append(values, "a"+string([]byte{byte(c)})+"b'")
	}
	return values
}

func unicodeText() []string {
	var values []string
	for _, r := range []rune{
		0x7f, 0x80, 0x85, 0xa0, 0xad, 'é', 'ß', 0x300, 'Ж', 'ש', '中', 0x1680, 0x180e, 0x2000, 0x200b, 0x200d,
		0x200e, 0x2028, 0x2029, 0x202e, 0x2060, 0x2066, 0x3000, 0xd7ff, 0xe000, 0xf600, 0xf6ff, 0xf8ff, 0xfdd0,
		0xfdef, 0xfeff, 0xfffc, 0xfffd, 0xffff, 0x1f510, 0x1fffe, 0xe0001, 0x10ffff, 0xff07, 0x2019, 0x201c,
	} {
		s := string(r)
		values = append(values, s, "a"+s+"b", s+" "+s, "'"+s, s+"\n")
	}
	return values
}

func randomText(n int) []string {
	alphabet := []rune("abXZ019_ '\"\\$`#=!&*()[]{}<>|;:,.?/@%^~+-\t\né🔐")
	random := rand.New(rand.NewPCG(1, 2))
	var values []string
	for range n {
		text := make([]rune, random.IntN(40))
		for i := range text {
			text[i] = alphabet[random.IntN(len(alphabet))]
		}
		values = append(values, string(text))
	}
	return values
}

package supervise

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestLookPathGoesByTheGivenEnvironment(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"a/dir", "b", "c"} {
		must(os.MkdirAll(d, 0o700))
	}
	must(os.WriteFile("a/plain", nil, 0o600))
	must(os.WriteFile("a/tool", nil, 0o600))
	must(os.WriteFile("b/tool", nil, 0o700))
	must(os.WriteFile("c/tool", nil, 0o700))
	must(os.WriteFile("here", nil, 0o700))
	a, b, c := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")

	for _, test := range []struct {
		name string
		env  []string
		path string
		err  error
	}{
		{"tool", []string{"PATH=" + b + ":" + c}, b + "/tool", nil},
		{"tool", []string{"PATH=" + a + ":" + c}, c + "/tool", nil},
		{"tool", []string{"PATH=" + a}, "", ErrNotExecutable},
		{"plain", []string{"PATH=" + b + ":" + a + ":" + c}, "", ErrNotExecutable},
		{"dir", []string{"PATH=" + a}, "", ErrNotExecutable},
		{"tool", []string{"XPATH=" + b, "PATH=/nowhere"}, "", ErrNotFound},
		{"tool", []string{"PATH=" + c, "PATH=" + b}, c + "/tool", nil},
		{"tool", []string{"PATH=" + b + "/:"}, b + "/tool", nil},
		{"here", []string{"PATH="}, "./here", nil},
		{"here", []string{"PATH=/nowhere:"}, "./here", nil},
		{"sh", nil, "/bin/sh", nil},
		{"here", nil, "", ErrNotFound},
		{"", []string{"PATH=" + dir}, "", ErrNotFound},
		{"./here", nil, "./here", nil},
		{"b/tool", nil, "b/tool", nil},
		{"a/plain", nil, "", ErrNotExecutable},
		{"./b", nil, "", ErrNotExecutable},
		{"./none", []string{"PATH=" + dir}, "", ErrNotFound},
		{"here/none", nil, "", ErrNotFound},
	} {
		path, err := LookPath(test.name, test.env)
		if path != test.path || !errors.Is(err, test.err) {
			t.Errorf("LookPath(%q, %q) = %q, %v, want %q, %v", test.name, test.env, path, err, test.path, test.err)
		}
	}
}

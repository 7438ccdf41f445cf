package main_test

import (
	"os"
	"strings"
	"testing"
)

// What the real pass has encrypted with a real key comes out of the store as it
// was.
func TestImportFromARealPasswordStore(t *testing.T) {
	for _, program := range []string{"pass", "gpg", "gpgconf"} {
		if !installed(program) {
			t.Skipf("%s is not installed: Debian packages pass and gnupg", program)
		}
	}
	gpg, err := os.MkdirTemp("", "gpg") // its sockets want a short path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(gpg) })
	cmd := shell(t, importFromPass, nil)
	cmd.Env = append(cmd.Env, "GNUPGHOME="+gpg)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "\n"+passValues) {
		t.Fatalf("%v\n%s", err, out)
	}
}

const (
	importFromPass = `set -e
trap 'gpgconf --kill all' EXIT
gpg --batch --quiet --passphrase '' --quick-generate-key 'Me <me@example.com>' default default never
pass init me@example.com
printf 'correct-horse\nlogin: me\n' | pass insert -m bot/token
printf -- '-----BEGIN KEY-----\nMIIB\n-----END KEY-----\n' | pass insert -m bot/key
printf 'alone' | pass insert -m other
secrets init >/dev/null
secrets import --format pass --prefix pass/
for name in pass/bot/token pass/other pass/bot/key; do secrets lease $name; echo; done
`
	passValues = "correct-horse\nalone\n-----BEGIN KEY-----\nMIIB\n-----END KEY-----\n"
)

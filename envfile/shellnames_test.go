package envfile

import (
	"os/exec"
	"strings"
	"testing"
)

// A shell that has a variable of its own is either not given that name, or
// takes the value like any other.
func TestNamesThatShellsUseAreRefusedOrArrive(t *testing.T) {
	for _, shell := range []struct {
		command []string
		names   string // prints the shell's own variables
		formats []string
	}{
		{[]string{"bash", "--norc", "-c"}, "compgen -v", []string{"sh", "dotenv"}},
		{[]string{"dash", "-c"}, "set | sed -n 's/=.*//p'", []string{"sh", "dotenv"}},
		{[]string{"zsh", "-f", "-c"}, "zmodload zsh/parameter zsh/datetime zsh/system; print -l ${(k)parameters}", []string{"sh", "dotenv"}},
		{[]string{"fish", "--no-config", "-c"}, "set --names", []string{"fish"}},
	} {
		t.Run(shell.command[0], func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(shell.command[0]); err != nil {
				t.Skipf("%[1]s is not installed: Debian package %[1]s", shell.command[0])
			}
			names := shellNames(t, append(shell.command, shell.names))
			for _, format := range shell.formats {
				checkNamesArrive(t, shell.command, format, names)
			}
		})
	}
}

func shellNames(t *testing.T, command []string) []string {
	t.Helper()
	out, err := exec.Command(command[0], command[1:]...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range strings.FieldsSeq(string(out)) {
		if CheckVar(name) == nil {
			names = append(names, name)
		}
	}
	// Some that shells know, but did not set in this environment.
	return append(names, "STATUS", "VERSION", "HOSTNAME", "USER", "MY_PATH", "REPLY", "PROMPT")
}

func checkNamesArrive(t *testing.T, shell []string, format string, names []string) {
	t.Helper()
	values := map[string]string{}
	for _, name := range names {
		// Colons and an empty part, since some shells split lists of paths.
		values[name] = "it is :a::" + name + ":"
	}
	source := map[string]string{
		"sh": ". ./env; exec env -0", "dotenv": "set -a; . ./env; exec env -0", "fish": "source ./env; exec env -0",
	}[format]
	var vars []Var
	for name, value := range values {
		vars = append(vars, Var{name, "s", []byte(value)})
	}
	out, err := Render(format, Header{}, vars, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := reader{command: append(shell, source)}.run(t, out.File)
	for name, want := range values {
		if got[name] != want {
			t.Errorf("%s: %s arrived as %q", format, name, got[name])
		}
	}
}

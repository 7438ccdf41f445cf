package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

func manCommand(inv *invocation, app *cli.App) *cli.Command {
	return &cli.Command{
		Name:   "man",
		Usage:  "print the manual page, for make man",
		Hidden: true,
		Action: inv.action(func(*cli.Context) (result, error) {
			return result{raw: []byte(manPage(app))}, nil
		}),
	}
}

// manPage writes what help says as a page for man. It holds no date, so that
// building it twice gives the same bytes.
func manPage(app *cli.App) string {
	m := &man{}
	m.line(`.TH SECRETS 1 "" "secrets %s" "User Commands"`, roff(version))
	m.section("NAME", "secrets - credentials on short, audited, revocable leases")
	m.section("SYNOPSIS", "")
	m.line(`.B secrets`)
	m.line(`[\-\-dir \fIPATH\fR] [\-\-format json|text] \fIcommand\fR [\fIflags\fR] [\fIarguments\fR]`)
	m.section("DESCRIPTION", description)
	m.line(".PP")
	m.text("Every command opens the encrypted store, does its work under a file lock, and ends: there is no daemon. It prints one JSON document, or with --format text what people like to read.")
	m.section("OPTIONS", "")
	m.flags(app.VisibleFlags())
	m.section("COMMANDS", "")
	for _, c := range app.Commands {
		if !c.Hidden {
			m.command(c)
		}
	}
	m.section("EXIT STATUS", "")
	for _, e := range exitMeanings() {
		m.entry(fmt.Sprint(e.exit), e.meaning)
	}
	m.items("ENVIRONMENT", environmentHelp())
	m.items("FILES", filesHelp())
	m.items("RECOVERY", recoveryHelp())
	m.section("SEE ALSO", "")
	m.line(`.BR age (1),`)
	m.line(`.BR age\-keygen (1)`)
	return m.b.String()
}

type man struct{ b strings.Builder }

func (m *man) line(format string, args ...any) { fmt.Fprintf(&m.b, format+"\n", args...) }

// text writes a paragraph, which must not begin like a request of roff.
func (m *man) text(s string) {
	if s = roff(s); strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	m.line("%s", s)
}

func (m *man) section(title, text string) {
	m.line(".SH %s", title)
	if text != "" {
		m.text(text)
	}
}

func (m *man) entry(term, text string) {
	m.line(".TP")
	m.line(`\fB%s\fR`, roff(term))
	m.text(text)
}

func (m *man) items(title string, items []item) {
	m.section(title, "")
	for _, it := range items {
		m.entry(it.Name, it.Description)
	}
}

func (m *man) flags(flags []cli.Flag) {
	for _, f := range flags {
		_, text := describeFlag(f)
		m.entry(flagWord(f), text)
	}
}

func (m *man) command(c *cli.Command) {
	m.line(".SS %s", roff(usageLine(c)))
	names := ""
	if len(c.Aliases) > 0 {
		names = " Also called " + strings.Join(c.Aliases, " or ") + "."
	}
	m.text(strings.ToUpper(c.Usage[:1]) + c.Usage[1:] + "." + names)
	m.flags(c.VisibleFlags())
	if list := examples(c.Name); len(list) > 0 {
		m.line(".PP")
		m.text("For example:")
		m.line(".PP")
		m.line(".EX")
		for _, e := range list {
			m.text("  " + e)
		}
		m.line(".EE")
	}
}

// usageLine is a command without its flags, which are listed below it.
func usageLine(c *cli.Command) string {
	return strings.TrimSpace("secrets " + c.Name + " " + c.ArgsUsage)
}

// roff writes text so that roff shows it as it is.
func roff(s string) string {
	return strings.NewReplacer(`\`, `\e`, `-`, `\-`).Replace(s)
}

package cli

import (
	"maps"
	"slices"
	"strings"

	"agent-secrets/envfile"
	"agent-secrets/lease"
	"agent-secrets/store"

	"github.com/urfave/cli/v2"
)

// What a shell completes by itself.
const (
	completeWords   = "words" // nothing: the words below are all
	completeFiles   = "files"
	completeDirs    = "dirs"
	completeCommand = "command" // of another program, with its arguments
)

// completions is what may stand under the cursor.
type completions struct {
	kind  string
	words []item
}

func offer(items ...item) completions { return completions{completeWords, items} }

func completeHiddenCommand(inv *invocation, app *cli.App) *cli.Command {
	return &cli.Command{
		Name:      "__complete",
		Usage:     "tell the scripts of secrets completion what may stand under the cursor",
		ArgsUsage: "-- <word>...",
		Hidden:    true,
		Action: inv.action(func(c *cli.Context) (result, error) {
			return result{raw: inv.complete(app, c.Args().Slice()).encode()}, nil
		}),
	}
}

// encode writes the kind, and then a line for each word: the word, a tab and its
// description. Nothing in it can be taken for anything else: names have no
// blanks, and descriptions are ours or cleaned.
func (c completions) encode() []byte {
	var b strings.Builder
	b.WriteString(c.kind + "\n")
	for _, w := range c.words {
		b.WriteString(w.Name + "\t" + clean(w.Description) + "\n")
	}
	return []byte(b.String())
}

// complete returns what may stand in the place of the last of the words, which
// follow the program's name. The words are as they were typed; nothing in them
// is evaluated. It asks nobody, writes nothing, and what cannot be read is no
// reason to say so while somebody types.
func (inv *invocation) complete(app *cli.App, args []string) completions {
	before, current := args[:len(args)-1], args[len(args)-1]
	at := readCursor(app, before)
	if word, value, inline := strings.Cut(current, "="); inline && strings.HasPrefix(word, "-") && !at.dashes && at.pending == nil {
		at.pending = at.line.lookup(word)
		c := inv.completeAt(at, value)
		for i := range c.words {
			c.words[i].Name = word + "=" + c.words[i].Name
		}
		return c.startingWith(current)
	}
	if current == "=" && at.pending != nil {
		current = "" // bash takes --flag= apart
	}
	return inv.completeAt(at, current).startingWith(current)
}

// cursor is what was typed before the word to complete.
type cursor struct {
	line    *line
	command *cli.Command // nil: still to come
	pending *option      // the flag that the word is the value of
	args    int          // arguments before it
	dashes  bool         // a "--" stands before it
	dir     string       // --dir
}

func readCursor(app *cli.App, before []string) cursor {
	at := cursor{line: newLine(app)}
	for i := 0; i < len(before); i++ {
		switch arg := before[i]; {
		case arg == "--":
			at.dashes = true
			at.args += len(before) - i - 1
			i = len(before)
		case len(arg) > 1 && arg[0] == '-':
			i += at.flag(arg, before[i+1:])
		case at.line.parsed.command == nil:
			at.line.command(arg)
		default:
			at.args++
		}
	}
	at.command = at.line.parsed.command
	return at
}

// flag returns how many words after the flag are its value.
func (at *cursor) flag(arg string, after []string) int {
	word, value, inline := strings.Cut(arg, "=")
	o := at.line.lookup(word)
	if o == nil || !o.takesValue {
		return 0
	}
	used := 0
	if !inline && len(after) > 0 && after[0] == "=" {
		used, after = 1, after[1:] // bash takes --flag=value apart
	}
	switch {
	case inline:
	case len(after) == 0:
		at.pending = o
	default:
		value, used = after[0], used+1
	}
	if o.name == "dir" {
		at.dir = value
	}
	return used
}

func (inv *invocation) completeAt(at cursor, current string) completions {
	switch {
	case at.pending != nil:
		return inv.completeValue(at, current)
	case at.dashes && at.command != nil && at.command.Name == "exec":
		return completions{kind: completeCommand}
	case strings.HasPrefix(current, "-") && !at.dashes:
		return offer(at.flags()...)
	case at.command == nil && at.line.fault.msg == "":
		return offer(commandItems(at.line.app)...)
	case at.command != nil:
		return inv.completeArgument(at)
	}
	return offer()
}

func (at cursor) flags() []item {
	flags := at.line.app.Flags
	if at.command != nil {
		flags = append(slices.Clone(at.command.Flags), flags...)
	}
	items := []item{{"--help", "show help"}}
	for _, f := range flags {
		if hidden(f) {
			continue
		}
		_, text := describeFlag(f)
		items = append(items, item{dashed(f.Names()[0]), text})
	}
	return items
}

func commandItems(app *cli.App) []item {
	var items []item
	for _, c := range app.Commands {
		if !c.Hidden {
			items = append(items, item{c.Name, c.Usage})
		}
	}
	return items
}

// completeArgument goes by what the command takes.
func (inv *invocation) completeArgument(at cursor) completions {
	switch at.command.Name {
	case "update", "remove", "lease", "rotate", "rollback":
		if at.args == 0 {
			return offer(inv.secretItems(at.dir)...)
		}
	case "revoke":
		return offer(inv.leaseItems(at.dir)...)
	case "help":
		if at.args == 0 {
			return offer(append(commandItems(at.line.app), helpTopics()...)...)
		}
	case "skill":
		if at.args == 0 {
			return offer(item{"install", "put the skill where agents look"})
		}
	case "completion":
		if at.args == 0 {
			return offer(item{"bash", ""}, item{"zsh", ""}, item{"fish", ""})
		}
	}
	return offer()
}

// completeValue goes by the name of the flag.
func (inv *invocation) completeValue(at cursor, current string) completions {
	fixed := map[string]string{
		"redact": "auto always never", "print": "cron systemd launchd", "format": "json text",
		"allow": "values add killswitch", "agent": "claude agents opencode openclaw",
		"ttl": "15m 1h 8h 1d", "rotate-every": "1d 1w 30d 90d", "since": "10m 1h 1d 1w",
	}
	if at.pending.name == "format" && at.pending.own && at.command.Name == "env" {
		fixed["format"] = strings.Join(envfile.Formats(), " ")
	}
	if at.pending.name == "format" && at.pending.own && at.command.Name == "import" {
		fixed["format"] = "dotenv json sops pass"
	}
	switch name := at.pending.name; name {
	case "dir":
		return completions{kind: completeDirs}
	case "from-file", "from", "identity", "output":
		return completions{kind: completeFiles}
	case "secret":
		return offer(inv.secretItems(at.dir)...)
	case "client-id":
		return offer(inv.clientItems(at.dir)...)
	case "env":
		return offer(inv.pairItems(at.dir, current)...)
	default:
		var items []item
		for _, word := range strings.Fields(fixed[name]) {
			items = append(items, item{Name: word})
		}
		return offer(items...)
	}
}

// look runs work on the store that the line means, if it can be opened.
func (inv *invocation) look(dir string, work func(*store.Store)) {
	inv.dir = dir
	s, err := inv.open(store.Open)
	if err != nil {
		return
	}
	work(s)
	_ = s.Close() // it was only read
}

func (inv *invocation) secretItems(dir string) (items []item) {
	inv.look(dir, func(s *store.Store) {
		secrets, _ := s.Secrets()
		for _, one := range secrets {
			items = append(items, item{one.Name, "secret"})
		}
	})
	return items
}

func (inv *invocation) activeLeases(dir string) (active []*lease.Lease) {
	inv.look(dir, func(s *store.Store) {
		if leases, err := s.Leases(); err == nil {
			active = leases.Active()
		}
	})
	return active
}

func (inv *invocation) leaseItems(dir string) (items []item) {
	for _, l := range inv.activeLeases(dir) {
		items = append(items, item{l.ID, l.Secret + " for " + l.ClientID})
	}
	return items
}

// clientItems leaves out what a shell would have to be told how to quote.
func (inv *invocation) clientItems(dir string) (items []item) {
	ids := map[string]bool{}
	for _, l := range inv.activeLeases(dir) {
		if shellQuote(l.ClientID) == l.ClientID {
			ids[l.ClientID] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		items = append(items, item{id, "has leases"})
	}
	return items
}

// pairItems completes the second half of VAR=name.
func (inv *invocation) pairItems(dir, current string) []item {
	variable, _, found := strings.Cut(current, "=")
	if !found {
		return nil
	}
	items := inv.secretItems(dir)
	for i := range items {
		items[i].Name = variable + "=" + items[i].Name
	}
	return items
}

func (c completions) startingWith(prefix string) completions {
	c.words = slices.DeleteFunc(c.words, func(w item) bool { return !strings.HasPrefix(w.Name, prefix) })
	return c
}

package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

func helpCommand(inv *invocation, app *cli.App) *cli.Command {
	return &cli.Command{
		Name:      "help",
		Usage:     "read about a command, or about exit-codes, environment, files or recovery",
		ArgsUsage: "[<topic>]",
		Action: inv.action(func(c *cli.Context) (result, error) {
			return runHelp(app, c.Args().First())
		}),
	}
}

// runHelp explains a command or a topic. On a terminal it prints the text.
func runHelp(app *cli.App, topic string) (result, error) {
	if topic == "" {
		return runTree(app)
	}
	if c := app.Command(topic); c != nil {
		return commandHelp(c), nil
	}
	switch topic {
	case "exit-codes":
		return exitCodeHelp(), nil
	case "environment":
		return listHelp(topic, environmentHelp()), nil
	case "files":
		return listHelp(topic, filesHelp()), nil
	case "recovery":
		return listHelp(topic, recoveryHelp()), nil
	}
	return result{}, usageError{msg: fmt.Sprintf("there is no command or topic %q", shorten(topic)), fix: "secrets help"}
}

func helpTopics() []item {
	return []item{
		{"exit-codes", "what each exit status means"}, {"environment", "the variables that are read"},
		{"files", "what lies in the state directory"}, {"recovery", "what to do about lost and damaged files"},
	}
}

type flagValue struct {
	Flag        string `json:"flag"`
	Description string `json:"description"`
}

func commandHelp(c *cli.Command) result {
	flags := []flagValue{}
	var rows [][2]string
	for _, f := range c.VisibleFlags() {
		_, text := describeFlag(f)
		flags = append(flags, flagValue{flagWord(f), text})
		rows = append(rows, [2]string{flagWord(f), text})
	}
	text := strings.Join(wrap(c.Name+": "+c.Usage, pageWidth-2), "\n") + "\n\n" +
		"Usage: " + strings.Join(wrap(usageOf(c), pageWidth-10), "\n       ") + "\n"
	if c.Description != "" {
		text += "\n" + strings.Join(wrap(c.Description, 78), "\n") + "\n"
	}
	if rows != nil {
		text += "\nFlags:\n" + columns(rows)
	}
	shown := examples(c.Name)
	if shown != nil {
		text += "\nFor example:\n  " + strings.Join(shown, "\n  ") + "\n"
	}
	return result{
		value: struct {
			Command     string      `json:"command"`
			Description string      `json:"description"`
			Usage       string      `json:"usage"`
			Aliases     []string    `json:"aliases,omitempty"`
			Details     string      `json:"details,omitempty"`
			Flags       []flagValue `json:"flags"`
			Examples    []string    `json:"examples,omitempty"`
		}{c.Name, c.Usage, usageOf(c), c.Aliases, c.Description, flags, shown},
		text: text,
		next: []action{{"secrets help exit-codes", "Read what the exit codes mean"}},
	}
}

func treeText(commands []commandValue) string {
	rows := make([][2]string, len(commands))
	for i, c := range commands {
		rows[i] = [2]string{c.Name, c.Description}
	}
	return strings.Join(wrap(description, pageWidth-2), "\n") + "\n\nUsage: secrets [--dir PATH] <command>\n\nCommands:\n" + columns(rows) +
		"\nRead more with: secrets help <command>\n"
}

type exitCodeValue struct {
	Code       int      `json:"code"`
	Meaning    string   `json:"meaning"`
	ErrorCodes []string `json:"error_codes"`
}

// exitCodeHelp joins the meanings with the table of errors, so that the two
// cannot differ.
func exitCodeHelp() result {
	var values []exitCodeValue
	var rows [][2]string
	for _, m := range exitMeanings() {
		v := exitCodeValue{m.exit, m.meaning, []string{}}
		for _, row := range append(mappings(), unexplained()) {
			if row.exit == m.exit && !contains(v.ErrorCodes, row.code) {
				v.ErrorCodes = append(v.ErrorCodes, row.code)
			}
		}
		values = append(values, v)
		rows = append(rows, [2]string{fmt.Sprint(m.exit), m.meaning})
	}
	return result{
		value: struct {
			Topic     string          `json:"topic"`
			ExitCodes []exitCodeValue `json:"exit_codes"`
		}{"exit-codes", values},
		text: columns(rows),
	}
}

func contains(list []string, s string) bool {
	for _, one := range list {
		if one == s {
			return true
		}
	}
	return false
}

type meaning struct {
	exit    int
	meaning string
}

func exitMeanings() []meaning {
	return []meaning{
		{0, "done"},
		{exitInternal, "internal error; doctor: something does not work"},
		{exitUsage, "usage: the command line or the input is wrong, and nothing was done"},
		{exitCorrupt, "corrupt or unreadable data: store, ledger or audit log"},
		{exitNotFound, "no such secret, lease or file"},
		{exitEndpoint, "watch: the heartbeat's endpoint failed"},
		{exitExists, "exists already, or cannot be created"},
		{exitIO, "writing failed: the disk, the audit log or standard output"},
		{exitBusy, "locked by another process: try again"},
		{exitForbidden, "not allowed: permissions, wrong identity, frozen, TTL above the maximum"},
		{exitConfig, "not initialised, or the configuration is wrong"},
		{exitPartial, "a killswitch or a rotation ended only in part"},
		{exitLeaseEnded, "exec: the lease expired or was revoked, and the command was stopped"},
		{exitExec, "exec: it failed itself, before or after the command"},
		{exitNotExecutable, "exec: the command cannot be executed"},
		{exitNoCommand, "exec: there is no such command"},
	}
}

type item struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

func listHelp(topic string, items []item) result {
	rows := make([][2]string, len(items))
	for i, it := range items {
		rows[i] = [2]string{it.Name, it.Description}
	}
	return result{
		value: struct {
			Topic string `json:"topic"`
			Items []item `json:"items"`
		}{topic, items},
		text: columns(rows),
	}
}

func environmentHelp() []item {
	return []item{
		{"SECRETS_HOME", "the state directory, if --dir is not given; else ~/.agent-secrets"},
		{"SECRETS_IDENTITY", "the text of the identity that opens the store: for CI, where no key is to touch the disk"},
		{"SECRETS_IDENTITY_FILE", "the file of the identity that opens the store, kept apart from it"},
		{"SECRETS_CLIENT_ID", "who asks, in leases and in the audit log; else agent@host where an agent is recognised, else user@host"},
		{"SECRETS_FORMAT", "text for people, json (the default) for programs, if --format is not given"},
		{"CLAUDECODE, CODEX_THREAD_ID, CURSOR_AGENT, GEMINI_CLI, OPENCODE, AI_AGENT", "tell that an agent asks, and which, together with AGENT, ANTIGRAVITY_AGENT, AUGMENT_AGENT, CODEX_SANDBOX, COPILOT_CLI and OPENCLAW_SHELL: for its name in the log, and for nothing else"},
		{"CLAUDE_CONFIG_DIR, XDG_CONFIG_HOME, OPENCLAW_STATE_DIR", "where skill install finds agents that are not in their usual place"},
		{"PASSWORD_STORE_DIR", "where import finds the password store of pass; else ~/.password-store"},
		{"HOME, USER", "where ~ is, and who user@host is"},
	}
}

func filesHelp() []item {
	return []item{
		{"the directory", "mode 0700, every file in it 0600, all owned by whoever runs secrets, no links"},
		{"identity.age", "the X25519 identity, as age-keygen writes it"},
		{"secrets.age", "the store: age -d -i identity.age secrets.age is always a way out; secrets.age.bak is the generation before"},
		{"leases.jsonl", "the ledger of leases"},
		{"audit.jsonl", "the audit log, a chain of SHA-256 hashes"},
		{"config.json", "the settings: default_lease_ttl, max_lease_ttl, rotation_timeout, lock_timeout, heartbeat"},
		{"lock", "the lock; never remove it while a secrets process runs"},
		{"killswitch", "the marker of a killswitch that has not finished: the next command that writes finishes it"},
		{"frozen", "why nothing is granted: secrets thaw removes it"},
		{"watch.json", "what secrets watch remembers: the heartbeat's failures, and rotations that failed"},
		{"rotate.lock, watch.lock", "keep rotations, and runs of watch, from overlapping"},
	}
}

func recoveryHelp() []item {
	return []item{
		{"the store", "secrets.age.bak is the generation before: cp secrets.age.bak secrets.age; without this program: age -d -i identity.age secrets.age"},
		{"the ledger", "secrets revoke --all sets it aside, ends every lease and begins a new one; to keep the leases: mv leases.jsonl leases.jsonl.damaged, then secrets init writes it again from the audit log"},
		{"the identity", "put the copy back: secrets init --identity <copy>; without a copy the secrets are lost, and mv " +
			"of the directory makes room for secrets init"},
		{"the audit log", "put a backup back; or mv audit.jsonl audit.jsonl.damaged, then secrets init begins a new log, and every lease ends"},
		{"the lock", "if lock is missing: make sure that no secrets process runs, then secrets init"},
		{"the settings", "mv config.json config.json.broken, then secrets init writes the defaults"},
	}
}

// columns aligns rows in two columns, and wraps the second at 80 columns.
func columns(rows [][2]string) string {
	width := 0
	for _, r := range rows {
		width = max(width, len(r[0]))
	}
	width = min(width, 28)
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "  %-*s", width, r[0])
		column := max(width, len(r[0])) + 2
		for i, line := range wrap(r[1], 78-width-4) {
			if i == 0 && column == width+2 {
				b.WriteString("  " + line + "\n")
				continue
			}
			if i == 0 {
				b.WriteString("\n")
			}
			fmt.Fprintf(&b, "%*s%s\n", width+4, "", line)
		}
	}
	return b.String()
}

// wrap cuts text into lines of at most width characters, between words.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

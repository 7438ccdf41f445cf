package cli

import (
	"strings"

	"github.com/urfave/cli/v2"
)

const description = "Credentials for agents, CI jobs and shells on short, audited, revocable leases from an age-encrypted store."

type commandValue struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Usage       string `json:"usage"`
}

// runTree shows every command, for discovery.
func runTree(app *cli.App) (result, error) {
	var commands []commandValue
	for _, c := range app.Commands {
		if !c.Hidden {
			commands = append(commands, commandValue{c.Name, c.Usage, usageOf(c)})
		}
	}
	return result{
		value: struct {
			Description string         `json:"description"`
			Version     string         `json:"version"`
			Commands    []commandValue `json:"commands"`
		}{description, version, commands},
		text: treeText(commands),
		next: []action{
			{"secrets status", "See how the store is"},
			{"secrets help <command>", "Read about a command"},
		},
	}, nil
}

// usageOf is the line that shows how a command is called.
func usageOf(c *cli.Command) string {
	parts := []string{"secrets", c.Name}
	for _, f := range c.VisibleFlags() {
		parts = append(parts, "["+flagWord(f)+"]")
	}
	if c.ArgsUsage != "" {
		parts = append(parts, c.ArgsUsage)
	}
	return strings.Join(parts, " ")
}

// flagWord is a flag with the name of its value: --ttl DURATION.
func flagWord(f cli.Flag) string {
	word := "--" + f.Names()[0]
	if _, ok := f.(*cli.BoolFlag); ok {
		return word
	}
	value, _ := describeFlag(f)
	return word + " " + value
}

// describeFlag returns the name of a flag's value, which its usage text has in
// backquotes, and the text without them.
func describeFlag(f cli.Flag) (value, text string) {
	d, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return "", ""
	}
	before, rest, _ := strings.Cut(d.GetUsage(), "`")
	value, after, _ := strings.Cut(rest, "`")
	return value, before + value + after
}

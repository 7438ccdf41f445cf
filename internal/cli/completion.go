package cli

import (
	"embed"

	"github.com/urfave/cli/v2"
)

// The scripts hand the words to secrets __complete and take its answer as text:
// no word is ever evaluated, by them or by the shell.
//
//go:embed completion
var completionScripts embed.FS

func completionCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print what makes bash, zsh or fish complete secrets, names and leases",
		ArgsUsage: "<shell>",
		Action: inv.action(func(c *cli.Context) (result, error) {
			return runCompletion(c.Args().First())
		}),
	}
}

func runCompletion(shell string) (result, error) {
	switch shell {
	case "bash", "zsh", "fish":
	default:
		return result{}, usageError{msg: "completion takes bash, zsh or fish", fix: "secrets help completion"}
	}
	script, err := completionScripts.ReadFile("completion/secrets." + shell)
	return result{raw: script}, err
}

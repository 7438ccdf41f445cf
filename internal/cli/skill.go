package cli

import (
	"strings"

	"agent-secrets/skills"

	"github.com/urfave/cli/v2"
)

type skillOptions struct {
	agent   string
	project bool
	force   bool
}

func skillCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:      "skill",
		Usage:     "print what teaches an agent to use secrets, or put it where agents look: skill install",
		ArgsUsage: "[<install>]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "agent", Usage: "install it for `AGENT`: " + strings.Join(skillAgents(), ", ") + " (default: those that are found, else agents)"},
			&cli.BoolFlag{Name: "project", Usage: "install it in the project, not for the user"},
			&cli.BoolFlag{Name: "force", Usage: "replace a file that is not ours"},
		},
		Action: inv.action(func(c *cli.Context) (result, error) {
			opts := skillOptions{agent: c.String("agent"), project: c.Bool("project"), force: c.Bool("force")}
			switch given := opts != (skillOptions{}) || c.IsSet("agent"); {
			case c.NArg() == 0 && !given:
				return result{raw: []byte(skills.SecretManagement())}, nil
			case c.NArg() == 0:
				return result{}, usageError{msg: "--agent, --project and --force are for installing", fix: "secrets skill install"}
			case c.Args().First() != "install":
				return result{}, usageError{msg: "skill takes install, or nothing to print it", fix: "secrets skill install"}
			case c.IsSet("agent") && findHome(opts.agent) == nil:
				return result{}, usageError{msg: "--agent takes " + strings.Join(skillAgents(), ", "), fix: "secrets skill install"}
			}
			return runSkillInstall(inv, opts)
		}),
	}
}

func runSkillInstall(inv *invocation, opts skillOptions) (result, error) {
	base, err := inv.skillBase(opts.project)
	if err != nil {
		return result{}, err
	}
	places, err := inv.skillPlaces(base, opts)
	if err != nil {
		return result{}, err
	}
	written := []installedValue{}
	// All of them are looked at before one is written.
	for _, p := range places {
		state, err := p.check(opts.force)
		if err != nil {
			return result{}, withFix(err, errForeignSkill, "%s", opts.forced())
		}
		written = append(written, installedValue{p.agent, p.path(), state})
	}
	for i, p := range places {
		if written[i].State == skillUnchanged {
			continue
		}
		if err := p.write(); err != nil {
			return result{value: installedValues{written[:i], i}}, err
		}
	}
	return result{value: installedValues{written, len(written)}, next: []action{
		{"secrets skill", "Read what agents are taught"},
	}}, nil
}

// forced is the command with --force.
func (o skillOptions) forced() string {
	command := "secrets skill install --force"
	if o.agent != "" {
		command += " --agent " + o.agent
	}
	if o.project {
		command += " --project"
	}
	return command
}

type installedValues struct {
	Installed []installedValue `json:"installed"`
	Count     int              `json:"count"`
}

type installedValue struct {
	Agent string `json:"agent"`
	Path  string `json:"path"`
	State string `json:"state"` // written, updated or unchanged
}

const (
	skillWritten   = "written"
	skillUpdated   = "updated"
	skillUnchanged = "unchanged"
)

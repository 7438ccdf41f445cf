package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"agent-secrets/internal/fsx"
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

// skillHome is where an agent looks for skills: beneath its own directory, which
// is somewhere in the user's home, and beneath one of its own in a project.
type skillHome struct {
	agent    string
	variable string   // names the directory that dir is in, or is
	dir      string   // below the home
	rest     string   // below dir
	project  string   // below a project
	signs    []string // directories that show that the agent is in use
}

// skillHomes lists agents that read the format. "agents" stands for those that
// share a place, among them Codex, Cursor and Gemini.
func skillHomes() []skillHome {
	return []skillHome{
		{"claude", "CLAUDE_CONFIG_DIR", ".claude", "skills", ".claude/skills", []string{".claude"}},
		{"agents", "", "", ".agents/skills", ".agents/skills", []string{".agents", ".codex", ".cursor", ".gemini"}},
		{"opencode", "XDG_CONFIG_HOME", ".config", "opencode/skills", ".opencode/skills", []string{".opencode", ".config/opencode"}},
		{"openclaw", "OPENCLAW_STATE_DIR", ".openclaw", "skills", "skills", []string{".openclaw"}},
	}
}

func skillAgents() []string {
	var names []string
	for _, h := range skillHomes() {
		names = append(names, h.agent)
	}
	return names
}

func findHome(agent string) *skillHome {
	for _, h := range skillHomes() {
		if h.agent == agent {
			return &h
		}
	}
	return nil
}

// skillPlace is one file to write: name is below base, which exists.
type skillPlace struct {
	agent, base, name string
}

// place is where the agent's skill goes, for the user or in the project at base.
func (h skillHome) place(inv *invocation, base string, inProject bool) skillPlace {
	const file = skills.Name + "/SKILL.md"
	p := skillPlace{h.agent, base, filepath.Join(h.dir, h.rest, file)}
	if inProject {
		p.name = filepath.Join(h.project, file)
	} else if moved := inv.moved(h); moved != "" {
		p.base, p.name = moved, filepath.Join(h.rest, file)
	}
	return p
}

// moved is the directory that the user has moved an agent's to, if at all.
func (inv *invocation) moved(h skillHome) string {
	if h.variable == "" {
		return ""
	}
	if dir := inv.getenv(h.variable); filepath.IsAbs(dir) {
		return dir
	}
	return ""
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

// skillBase is the home or the project: the directory of .secrets.json, else the
// root of the repository, else the current directory.
func (inv *invocation) skillBase(project bool) (string, error) {
	if !project {
		if home := inv.getenv("HOME"); home != "" {
			return home, nil
		}
		return "", usageError{msg: "there is no HOME: install it in a project", fix: "secrets skill install --project"}
	}
	if p, err := inv.findProject(); p != nil || err != nil {
		return p.directory(), err
	}
	here, err := inv.env.Getwd()
	if err != nil {
		return "", err
	}
	if top := inv.searchTop(here); inv.isRepository(top) {
		return top, nil
	}
	return here, nil
}

// directory is empty for no project.
func (p *project) directory() string {
	if p == nil {
		return ""
	}
	return p.dir
}

// skillPlaces are those of the agent that was asked for, or of every agent that
// is in use here, or, if there is none, the place that most agents share.
func (inv *invocation) skillPlaces(base string, opts skillOptions) ([]skillPlace, error) {
	dir, err := fsx.OpenPublic(base)
	if err != nil {
		return nil, fileError(err)
	}
	defer dir.Close()
	var places []skillPlace
	for _, h := range skillHomes() {
		if opts.agent == h.agent || opts.agent == "" && (!opts.project && inv.moved(h) != "" && h.owns() || anyExists(dir, h.signs)) {
			places = append(places, h.place(inv, base, opts.project))
		}
	}
	if places == nil {
		places = append(places, findHome("agents").place(inv, base, opts.project))
	}
	return places, nil
}

// owns reports whether the variable names the agent's own directory, and not
// one that others use, too.
func (h skillHome) owns() bool { return h.variable != "XDG_CONFIG_HOME" }

func anyExists(dir *fsx.Public, names []string) bool {
	for _, name := range names {
		if dir.Exists(name) {
			return true
		}
	}
	return false
}

func (p skillPlace) path() string { return filepath.Join(p.base, p.name) }

// maxSkill is the size, in bytes, up to which a file in the skill's place is
// looked at. A larger one is not ours.
const maxSkill = 1 << 20

// check says what writing would do, and refuses it where the file is not ours.
func (p skillPlace) check(force bool) (string, error) {
	dir, err := fsx.OpenPublic(p.base)
	if err != nil {
		return "", fileError(err)
	}
	defer dir.Close()
	there, err := dir.Read(p.name, maxSkill)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return skillWritten, nil
	case errors.Is(err, fsx.ErrTooLarge):
	case err != nil:
		return "", fmt.Errorf("install the skill: %w", err)
	case string(there) == skills.SecretManagement(), string(there) == signSkill(skills.SecretManagement()):
		return skillUnchanged, nil
	}
	if !force && !isSignedSkill(string(there)) {
		return "", fmt.Errorf("%s: %w", p.path(), errForeignSkill)
	}
	return skillUpdated, nil
}

func (p skillPlace) write() error {
	dir, err := fsx.OpenPublic(p.base)
	if err != nil {
		return fileError(err)
	}
	defer dir.Close()
	if err := dir.Write(p.name, []byte(signSkill(skills.SecretManagement()))); err != nil {
		return fmt.Errorf("install the skill: %w", err)
	}
	return nil
}

// errForeignSkill means that the file in a skill's place was not written by us,
// or was edited since.
var errForeignSkill = errors.New("the file is not ours, or was edited")

// The signature is the last line of an installed file. It tells a later version
// that nobody has edited the file, so that it may be replaced; it proves nothing.
const (
	signatureStart = "\n<!-- Written by secrets skill install, which replaces it unless it is edited: "
	signatureEnd   = " -->\n"
)

func signSkill(text string) string {
	sum := sha256.Sum256([]byte(text))
	return text + signatureStart + hex.EncodeToString(sum[:]) + signatureEnd
}

func isSignedSkill(file string) bool {
	i := strings.LastIndex(file, signatureStart)
	return i >= 0 && file == signSkill(file[:i])
}

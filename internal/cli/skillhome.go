package cli

import (
	"path/filepath"

	"agent-secrets/internal/fsx"
	"agent-secrets/skills"
)

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

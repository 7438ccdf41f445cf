package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"agent-secrets/envfile"
)

// manifestPlan is the .secrets.json that import writes.
type manifestPlan struct {
	dir  string
	path string
	data []byte
}

type manifestEntry struct {
	Name   string `json:"name"`
	EnvVar string `json:"env_var"`
}

// planManifest maps a variable to each secret of the plan: its key in the input
// where that is the name of a variable, else the key in capitals, with _ for what
// variables cannot have. What is no variable for a secret is refused.
func (inv *invocation) planManifest(p *importPlan) (*manifestPlan, error) {
	dir, err := inv.env.Getwd()
	if err != nil {
		return nil, err
	}
	m := &manifestPlan{dir: dir, path: filepath.Join(dir, manifestName)}
	if err := inv.checkManifestPlace(m, p); err != nil {
		return nil, err
	}
	entries := make([]manifestEntry, len(p.keys))
	lines := map[string]string{}
	for i, key := range p.keys {
		row := &p.value.Secrets[i]
		row.EnvVar = variableFor(key)
		entries[i] = manifestEntry{row.Name, row.EnvVar}
		var unfit *envfile.VarError
		if err := envfile.CheckVar(row.EnvVar); errors.As(err, &unfit) {
			p.refuse(row.Name, row.Line, fmt.Sprintf("%s is no variable for a secret: %s; leave --manifest out", row.EnvVar, unfit.Reason))
		} else if other, twice := lines[row.EnvVar]; twice {
			p.refuse(row.Name, row.Line, fmt.Sprintf("%s would be the variable of %s too; leave --manifest out", row.EnvVar, other))
		}
		lines[row.EnvVar] = row.Name
	}
	m.data, err = encode(struct {
		Secrets []manifestEntry `json:"secrets"`
	}{entries})
	if err == nil && len(m.data) > maxManifest {
		err = usageError{msg: fmt.Sprintf("%s would have more than %d bytes", manifestName, maxManifest), fix: "secrets help import"}
	}
	return m, err
}

func variableFor(key string) string {
	if envfile.ValidVar(key) {
		return key
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(key))
	if name != "" && name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	return name
}

// checkManifestPlace refuses to take the place of a project file.
func (inv *invocation) checkManifestPlace(m *manifestPlan, p *importPlan) error {
	dir, err := inv.env.OpenDir(m.dir)
	if err != nil {
		return fileError(err)
	}
	defer dir.Close()
	if _, err = dir.Lstat(manifestName); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fileError(err)
	}
	if p.opts.force {
		return envfile.Check(dir, manifestName, true)
	}
	err = fmt.Errorf("%w: %s exists already", envfile.ErrRefusedFile, m.path)
	return &fixError{err, p.command(true, true) + " # replaces it"}
}

// writeManifest comes last: a project that asks for secrets which are not there
// would be worse than one that does not ask for those that are.
func (p *importPlan) writeManifest(inv *invocation) error {
	if p.manifest == nil {
		return nil
	}
	dir, err := inv.env.OpenDir(p.manifest.dir)
	if err != nil {
		return fileError(err)
	}
	err = envfile.Write(dir, manifestName, p.manifest.data, true)
	return errors.Join(err, dir.Close())
}

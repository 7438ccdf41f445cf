package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"agent-secrets/envfile"
	"agent-secrets/internal/fsx"
	"agent-secrets/lease"
	"agent-secrets/store"
)

const manifestName = ".secrets.json"

// project is a directory with a .secrets.json.
type project struct {
	dir      string // absolute
	manifest envfile.Manifest
}

// findProject looks for .secrets.json in the current directory and its parents,
// up to the root of the repository or the home directory. None is nil.
func (inv *invocation) findProject() (*project, error) {
	here, err := inv.env.Getwd()
	if err != nil {
		return nil, err
	}
	top := inv.searchTop(here)
	for dir := here; ; dir = filepath.Dir(dir) {
		p, err := inv.readProject(dir)
		if p != nil || err != nil || dir == top {
			return p, err
		}
	}
}

// searchTop is the last directory to look into: the root of the repository or
// the home directory, or where there is neither, the current directory alone,
// because the parents are anybody's.
func (inv *invocation) searchTop(here string) string {
	home := filepath.Clean(inv.getenv("HOME"))
	for dir := here; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if dir == home || inv.isRepository(dir) {
			return dir
		}
	}
	return here
}

func (inv *invocation) isRepository(dir string) bool {
	fsys, err := inv.env.OpenDir(dir)
	if err != nil {
		return false
	}
	defer fsys.Close()
	_, err = fsys.Lstat(".git")
	return err == nil
}

// readProject reads the project file of a directory, if there is one.
func (inv *invocation) readProject(dir string) (*project, error) {
	fsys, err := inv.env.OpenDir(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil, nil // a parent that may be passed through, not read
	}
	if err != nil {
		return nil, err
	}
	defer fsys.Close()
	info, err := fsys.Lstat(manifestName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = checkAuthor(info)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, manifestName), err)
	}
	return parseProject(fsys, dir)
}

// checkAuthor refuses a project file that another user could have written: it
// decides which secret goes into which variable.
func checkAuthor(info fsx.Info) error {
	if info.UID != 0 && info.UID != os.Geteuid() {
		return fmt.Errorf("%w: it belongs to user %d", envfile.ErrInvalidManifest, info.UID)
	}
	if info.Mode.IsRegular() && info.Mode.Perm()&0o002 != 0 {
		return fmt.Errorf("%w: everybody may write it (mode %04o)", envfile.ErrInvalidManifest, info.Mode.Perm())
	}
	return nil
}

func parseProject(fsys fsx.FS, dir string) (*project, error) {
	path := filepath.Join(dir, manifestName)
	data, err := fsx.ReadHead(fsys, manifestName, maxManifest+1)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", envfile.ErrInvalidManifest, err)
	}
	m, err := envfile.ParseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &project{dir: dir, manifest: m}, checkManifest(path, m)
}

// maxManifest is the largest project file that is read, in bytes; the parser
// refuses one byte more.
const maxManifest = 1 << 20

// checkManifest looks at what the parser leaves to us.
func checkManifest(path string, m envfile.Manifest) error {
	for i, e := range m.Secrets {
		if !lease.ValidName(e.Name) {
			return fmt.Errorf("%s: %w: secrets[%d].name: %q cannot name a secret", path, envfile.ErrInvalidManifest, i, shorten(e.Name))
		}
		if _, err := lease.ParseDuration(e.TTL); e.TTL != "" && err != nil {
			return fmt.Errorf("%s: %w: secrets[%d].ttl: %v", path, envfile.ErrInvalidManifest, i, err)
		}
	}
	if m.ClientID != "" && !lease.ValidClientID(m.ClientID) {
		return fmt.Errorf("%s: %w: client_id: it takes 1 to 128 printable ASCII characters", path, envfile.ErrInvalidManifest)
	}
	return nil
}

var errNoProject = usageError{
	msg: "there is no " + manifestName + " here or in a parent directory",
	fix: `printf '%s' '{"secrets":[{"name":"github_token","env_var":"GITHUB_TOKEN"}]}' > ` + manifestName,
}

// clientID is who a project's leases are for.
func (p *project) clientID(inv *invocation, given string) (string, error) {
	switch {
	case p == nil || given != "" || inv.getenv("SECRETS_CLIENT_ID") != "":
		return inv.clientID(given)
	case p.manifest.ClientID != "":
		return p.manifest.ClientID, nil
	}
	return clientIDOf(filepath.Base(p.dir)), nil
}

// clientIDOf makes a client id of a directory's name.
func clientIDOf(name string) string {
	id := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '-'
		}
		return r
	}, name)
	return "project:" + id[:min(len(id), 100)]
}

// variable is a secret that is wanted in an environment variable.
type variable struct {
	name   string
	secret string
	ttl    time.Duration // 0: the default
}

// variables lists what a project wants. A TTL that was given goes before those
// of the file.
func (p *project) variables(ttl time.Duration) []variable {
	if p == nil {
		return nil
	}
	list := make([]variable, len(p.manifest.Secrets))
	for i, e := range p.manifest.Secrets {
		list[i] = variable{name: e.EnvVar, secret: e.Name, ttl: ttl}
		if ttl == 0 {
			list[i].ttl, _ = parseTTL(e.TTL) // checked when it was read
		}
	}
	return list
}

// leaseAll leases every variable's secret, or none.
func (inv *invocation) leaseAll(ctx context.Context, s *store.Store, list []variable, like store.Request, approve func([]envfile.Var, time.Time) error) ([]store.Grant, error) {
	return inv.grant(ctx, s, requestsFor(list, like), func(grants []store.Grant) error {
		return approve(varsOf(list, grants), earliestGrant(grants))
	})
}

// requestsFor asks for each variable's secret, otherwise as like says.
func requestsFor(list []variable, like store.Request) []store.Request {
	requests := make([]store.Request, len(list))
	for i, v := range list {
		requests[i] = like
		requests[i].Secret, requests[i].TTL = v.secret, v.ttl
	}
	return requests
}

// varsOf joins names and values.
func varsOf(list []variable, grants []store.Grant) []envfile.Var {
	vars := make([]envfile.Var, len(list))
	for i, v := range list {
		vars[i] = envfile.Var{Name: v.name, Secret: v.secret, Value: grants[i].Value.Reveal()}
	}
	return vars
}

func earliestGrant(grants []store.Grant) time.Time {
	var first time.Time
	for _, g := range grants {
		if first.IsZero() || g.ExpiresAt.Before(first) {
			first = g.ExpiresAt
		}
	}
	return first
}

func idsOf(grants []store.Grant) []string {
	ids := make([]string, len(grants))
	for i, g := range grants {
		ids[i] = g.LeaseID
	}
	return ids
}

package cli

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"agent-secrets/envfile"
	"agent-secrets/store"

	"github.com/urfave/cli/v2"
)

func cleanupCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:  "cleanup",
		Usage: "remove env files whose leases have ended, wherever they are",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Usage: "say what would be removed"},
		},
		Action: inv.action(func(c *cli.Context) (result, error) {
			return inv.withStore(c.Context, func(s *store.Store) (result, error) {
				return runCleanup(c.Context, inv, s, c.Bool("dry-run"))
			})
		}),
	}
}

type keptValue struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
	failed bool   // to be removed, which it should have been
}

func runCleanup(ctx context.Context, inv *invocation, s *store.Store, dryRun bool) (result, error) {
	ended, err := endedFiles(s)
	if err != nil {
		return result{}, err
	}
	gone, kept := ended, []keptValue{}
	if !dryRun {
		gone, kept = inv.wipe(ended)
		if err := s.EnvWiped(ctx, gone...); err != nil {
			return result{}, err
		}
		if _, err := s.Prune(ctx); err != nil {
			return result{}, err
		}
	}
	return result{value: cleanupValue{gone, kept, dryRun}}, nil
}

// endedFiles are the env files on which no lease is in force.
func endedFiles(s *store.Store) ([]string, error) {
	files, err := s.EnvFiles()
	ended := []string{}
	for _, f := range files {
		if f.Active == 0 {
			ended = append(ended, f.Path)
		}
	}
	return ended, err
}

// wipe removes env files that carry our header, and says which are gone and
// which were left alone.
func (inv *invocation) wipe(paths []string) (gone []string, kept []keptValue) {
	gone, kept = []string{}, []keptValue{}
	for _, path := range paths {
		ok, err := inv.wipeOne(path)
		switch {
		case err != nil:
			kept = append(kept, keptValue{path, err.Error(), true})
		case !ok:
			kept = append(kept, keptValue{path, "it does not carry our header", false})
		default:
			gone = append(gone, path)
		}
	}
	return gone, kept
}

func (inv *invocation) wipeOne(path string) (gone bool, err error) {
	dir, err := inv.env.OpenDir(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	gone, err = envfile.Remove(dir, filepath.Base(path))
	return gone, errors.Join(err, dir.Close())
}

// wipeEnded removes the env files on which a revocation left no lease in force.
func (inv *invocation) wipeEnded(ctx context.Context, s *store.Store) ([]string, []keptValue, error) {
	ended, err := endedFiles(s)
	if err != nil || len(ended) == 0 {
		return []string{}, []keptValue{}, err
	}
	gone, kept := inv.wipe(ended)
	return gone, kept, s.EnvWiped(ctx, gone...)
}

type cleanupValue struct {
	Removed []string    `json:"removed"`
	Kept    []keptValue `json:"kept"`
	DryRun  bool        `json:"dry_run"`
}

func (v cleanupValue) writeText(p *page) {
	switch {
	case len(v.Removed)+len(v.Kept) == 0:
		p.say("nothing to clean up")
	case v.DryRun:
		for _, path := range v.Removed {
			p.say("would remove %s", clean(path))
		}
	default:
		filesValue{v.Removed, v.Kept}.writeText(p)
	}
}

// filesValue is what became of env files on which no lease is in force.
type filesValue struct {
	Removed []string    `json:"removed_files"`
	Kept    []keptValue `json:"kept_files"`
}

func (v filesValue) writeText(p *page) {
	for _, path := range v.Removed {
		p.say("removed %s", clean(path))
	}
	for _, k := range v.Kept {
		p.say("%s %s: %s", p.styled(warned, "kept"), clean(k.Path), clean(k.Reason))
	}
}

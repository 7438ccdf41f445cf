package cli_test

import (
	"bytes"
	"context"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"time"

	"agent-secrets/internal/cli"
	"agent-secrets/internal/crashfs"
	"agent-secrets/internal/fsx"
	"agent-secrets/store"
)

const (
	projectDir = "/project"
	manifest   = `{"secrets":[{"name":"alpha","env_var":"ALPHA"},{"name":"beta","env_var":"BETA","ttl":"30m"}]}`
	envFile    = "project/.env"
)

// project puts a project directory on the machine's one disk, so that stops and
// power cuts count its operations too.
type project struct{ *machine }

// inProject is the part of the disk whose names begin with project/.
type inProject struct{ fsx.FS }

func (p inProject) Path() string { return projectDir }
func (p inProject) Stat() (fsx.Info, error) {
	info, err := p.FS.Stat()
	info.Inode++ // another directory than that of the state
	return info, err
}
func (p inProject) Lstat(name string) (fsx.Info, error) {
	if name == ".git" {
		return fsx.Info{}, fs.ErrNotExist
	}
	return p.FS.Lstat("project/" + name)
}
func (p inProject) Open(name string, flag int) (fsx.File, error) {
	return p.FS.Open("project/"+name, flag)
}
func (p inProject) Rename(from, to string) error {
	return p.FS.Rename("project/"+from, "project/"+to)
}
func (p inProject) Remove(name string) error { return p.FS.Remove("project/" + name) }

func (p project) run(c command) *outcome {
	p.now = p.now.Add(time.Second)
	out := &outcome{}
	env := p.env(c, out)
	env.Getwd = func() (string, error) { return projectDir, nil }
	env.Tracked = func(string, string) error { return nil }
	open := env.OpenDir
	env.OpenDir = func(path string) (fsx.FS, error) {
		if path != projectDir {
			return open(path)
		}
		fsys, err := open(stateDir)
		if err != nil {
			return nil, err
		}
		return inProject{fsys}, nil
	}
	defer func() { out.panicked = recover() }()
	out.exit = cli.Main(append([]string{"secrets"}, c.args...), env)
	return out
}

func (p project) clone() project { return project{p.machine.clone()} }

// TestAnEnvFileIsWholeAndKnownOrNotThere stops env, env over an older file, and
// cleanup after each operation in each way, and looks at the file: it is not
// there or has both values, the log knows its path, and when its time is over
// one cleanup leaves nothing of it.
func TestAnEnvFileIsWholeAndKnownOrNotThere(t *testing.T) {
	prepareProcess(t)
	begin := project{scenario{prepare: secrets}.prepared(t)}
	begin.disk.Put("project/.secrets.json", []byte(manifest))
	written := begin.clone()
	if out := written.run(run("env")); out.exit != 0 {
		t.Fatal(out, out.stdout.String())
	}
	ended := written.clone()
	ended.now = ended.now.Add(48 * time.Hour)
	states := 0
	for name, from := range map[string]project{"env": begin, "env again": written, "cleanup": ended} {
		from.disk.Settle()
		for left := range from.stops(strings.Fields(name)[0]) {
			states++
			if problem := left.judge(); problem != "" {
				t.Errorf("%s: %s", name, problem)
			}
		}
	}
	t.Logf("%d crash states", states)
	if states < 500 {
		t.Error("that is too few")
	}
}

// stops yields what is left of a command that was killed, met a full or broken
// disk, or lost its power, at each of its operations.
func (p project) stops(name string) func(func(project) bool) {
	return func(yield func(project) bool) {
		whole := p.clone()
		whole.run(run(name))
		for at := 1; at <= whole.disk.Ops(); at++ {
			killed := p.clone()
			killed.disk.Kill(crashfs.Death{At: at, After: true})
			killed.run(run(name))
			if !yield(project{&machine{disk: killed.disk.Clone(), now: killed.now}}) {
				return
			}
			for cut := range killed.disk.PowerCuts(crashfs.Lost, crashfs.Half, crashfs.Zeroed) {
				if !yield(project{&machine{disk: cut.Disk, now: killed.now}}) {
					return
				}
			}
			for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EIO} {
				failed := p.clone()
				failed.disk.Fail(crashfs.Fault{At: at, Err: errno, Stays: errno == syscall.ENOSPC})
				failed.run(run(name))
				if !yield(project{&machine{disk: failed.disk.Clone(), now: failed.now}}) {
					return
				}
			}
		}
	}
}

// judge says what is wrong with a state, or nothing.
func (p project) judge() string {
	file, there := p.disk.Files()[envFile]
	if there {
		for _, part := range []string{"# managed by secrets\n# expires ", "\nALPHA='" + secretValues()[0] + "'\n", "\nBETA='" + secretValues()[2] + "'\n"} {
			if !bytes.Contains(file, []byte(part)) {
				return "the file is not whole: " + string(file)
			}
		}
	}
	if out := p.run(run("lease", "beta")); out.exit != 0 {
		return "the next lease fails: " + out.stderr.String()
	}
	s, err := p.open()
	if err != nil {
		return err.Error()
	}
	files, err := s.EnvFiles()
	if err != nil {
		return err.Error()
	}
	if there && (len(files) != 1 || files[0].Path != projectDir+"/.env") {
		return "there is a file that nobody knows of"
	}
	return p.judgeCleanup(s)
}

func (p project) judgeCleanup(s *store.Store) string {
	if err := s.Prune(context.Background()); err != nil {
		return err.Error()
	}
	p.now = p.now.Add(48 * time.Hour)
	if out := p.run(run("cleanup")); out.exit != 0 {
		return "cleanup fails: " + out.stdout.String()
	}
	for name := range p.disk.Files() {
		if strings.HasPrefix(name, envFile) {
			return "cleanup left " + name
		}
	}
	if out := p.run(run("audit", "--verify")); out.exit != 0 {
		return "the log does not verify: " + out.stdout.String()
	}
	return ""
}

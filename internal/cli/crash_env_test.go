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
	"agent-secrets/lease"
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
		for left := range from.stops(runs(strings.Fields(name)[0])) {
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

// TestAnExecGetsOnlyLeasesThatAreOnRecord stops what exec does to the state, its
// grants, its notes and the end of its leases, in the same ways.
func TestAnExecGetsOnlyLeasesThatAreOnRecord(t *testing.T) {
	prepareProcess(t)
	begin := project{scenario{prepare: secrets}.prepared(t)}
	begin.disk.Settle()
	states := 0
	var got []string // ids of leases whose values exec had when it was stopped
	exec := func(p project) {
		got = nil
		p.now = p.now.Add(time.Second)
		s, err := p.open()
		if err != nil {
			return
		}
		request := store.Request{ClientID: "tester", Via: lease.ViaExec, Owner: "1:2:3:4"}
		one, other := request, request
		one.Secret, other.Secret = "alpha", "beta"
		grants, err := s.Grant(context.Background(), []store.Request{one, other}, nil)
		if err != nil {
			return
		}
		for _, g := range grants {
			got = append(got, g.LeaseID)
		}
		_ = s.NoteExec(context.Background(), true, "tester", 2, 0)
		_ = s.Release(context.Background(), got...)
		_ = s.NoteExec(context.Background(), false, "tester", 2, 7)
	}
	for left := range begin.stops(exec) {
		states++
		ids := got
		if out := left.run(run("lease", "beta")); out.exit != 0 {
			t.Errorf("the next lease fails: %v", out)
		}
		log := string(left.disk.Files()["audit.jsonl"])
		for _, id := range ids {
			if !strings.Contains(log, `"event":"lease.grant","ok":true,"secret":"`) || !strings.Contains(log, id) {
				t.Errorf("lease %s was used and is not on record", id)
			}
		}
		if problem := left.judgeCleanup(nil); problem != "" {
			t.Error(problem)
		}
	}
	t.Logf("%d crash states", states)
	if states < 300 {
		t.Error("that is too few")
	}
}

// runs is a step that runs a command.
func runs(name string) func(project) { return func(p project) { p.run(run(name)) } }

// stops yields what is left of a step that was killed, met a full or broken
// disk, or lost its power, at each of its operations.
func (p project) stops(step func(project)) func(func(project) bool) {
	return func(yield func(project) bool) {
		whole := p.clone()
		step(whole)
		for at := 1; at <= whole.disk.Ops(); at++ {
			killed := p.clone()
			killed.disk.Kill(crashfs.Death{At: at, After: true})
			step(killed)
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
				step(failed)
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
	if s != nil {
		if _, err := s.Prune(context.Background()); err != nil {
			return err.Error()
		}
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

package main_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// promises is what the program has acknowledged by its exit status.
type promises struct {
	sync.Mutex
	granted map[string]bool   // clients that got the whole value
	revoked map[string]bool   // those whose leases were revoked since
	tried   map[string]string // every secret that may be there, with its value
	added   []string          // those that must be
	kills   int
}

// TestNothingAcknowledgedIsLostToAKill kills the program at random moments with
// several at work, and holds what is left against what was acknowledged.
func TestNothingAcknowledgedIsLostToAKill(t *testing.T) {
	s := newSandbox(t)
	p := &promises{granted: map[string]bool{}, revoked: map[string]bool{}, tried: map[string]string{}}
	atOnce(6, func(worker int) {
		random := rand.New(rand.NewPCG(2, uint64(worker)))
		for i := range rounds(90, 2000) {
			p.attempt(s, random, fmt.Sprintf("%d-%d", worker, i))
		}
	})
	if p.kills < 100 {
		t.Errorf("only %d processes were killed at work", p.kills)
	}
	t.Logf("%d kills, %d leases and %d secrets acknowledged", p.kills, len(p.granted), len(p.added))
	s.must("", "lease", "one") // a writer, which puts everything in order
	s.verify()
	p.check(s)
}

// An init that was killed is completed by the next, with the identity that it
// had made, if any.
func TestAnInitThatWasKilledIsCompleted(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 0))
	p := &promises{}
	for range rounds(40, 1000) {
		s := bareSandbox(t)
		p.within(s, time.Duration(random.IntN(12_000))*time.Microsecond, "", "init")
		identity, err := os.ReadFile(filepath.Join(s.dir, "identity.age"))
		if o := s.run("", "init"); o.exit != 0 && o.code() != "already_initialized" {
			t.Errorf("the second init: exit %d: %s", o.exit, o.stdout)
		}
		if err == nil && s.content("identity.age") != string(identity) {
			t.Error("the second init replaced the identity")
		}
		s.must("a value", "add", "name")
		if got := s.must("", "lease", "name"); got != "a value" {
			t.Errorf("the secret is %q", got)
		}
		s.verify()
	}
	t.Logf("%d kills", p.kills)
}

// attempt runs one command, which is killed after a while that is often shorter
// than its work. Revocations are of clients that no other worker uses.
func (p *promises) attempt(s *sandbox, random *rand.Rand, id string) {
	limit := time.Duration(random.IntN(25_000)) * time.Microsecond
	value := strings.Repeat(id+" ", 1+random.IntN(500))
	switch random.IntN(8) {
	case 0, 1:
		p.Lock()
		p.tried[id] = value
		p.Unlock()
		if p.within(s, limit, value, "add", id).exit == 0 {
			p.note(func() { p.added = append(p.added, id) })
		}
	case 2:
		if s.run("", "lease", "one", "--client-id", id).exit == 0 && p.within(s, limit, "", "revoke", "--client-id", id).exit == 0 {
			p.note(func() { p.granted[id], p.revoked[id] = true, true })
		}
	default:
		o := p.within(s, limit, "", "lease", "one", "--client-id", id)
		if o.exit == 0 && o.stdout == theValue {
			p.note(func() { p.granted[id] = true })
		} else if !strings.HasPrefix(theValue, o.stdout) {
			s.t.Errorf("a lease that was killed printed %q", o.stdout)
		}
	}
}

func (p *promises) note(what func()) {
	p.Lock()
	defer p.Unlock()
	what()
}

// within runs a command and kills it after limit.
func (p *promises) within(s *sandbox, limit time.Duration, stdin string, args ...string) outcome {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.program, args...)
	var stdout, stderr bytes.Buffer
	s.prepare(cmd, stdin, &stdout, &stderr)
	err := cmd.Run()
	if cmd.ProcessState == nil { // the time was up before it began
		return outcome{exit: -1}
	}
	if o := s.finished(cmd, &stdout, &stderr); o.exit != -1 {
		if o.exit != 0 {
			s.t.Errorf("%v: %v: %s%s", args, err, o.stdout, o.stderr)
		}
		return o
	}
	p.note(func() { p.kills++ })
	return outcome{stdout: stdout.String(), exit: -1}
}

func (p *promises) check(s *sandbox) {
	s.t.Helper()
	ledger, log := clientsOf(s.leases("--all")), map[string]bool{}
	inForce := clientsOf(s.leases())
	for _, e := range s.events() {
		if e.Event == "lease.grant" {
			log[e.Client] = true
		}
	}
	for client := range p.granted {
		_, inLedger := slices.BinarySearch(ledger, client)
		_, active := slices.BinarySearch(inForce, client)
		if !log[client] || !inLedger && !p.revoked[client] || active == p.revoked[client] {
			s.t.Errorf("lease of %s: in the log %t, in the ledger %t, in force %t, revoked %t", client, log[client], inLedger, active, p.revoked[client])
		}
	}
	p.checkSecrets(s)
}

// checkSecrets: what was acknowledged is there, and the rest is whole.
func (p *promises) checkSecrets(s *sandbox) {
	s.t.Helper()
	var r struct{ Secrets []struct{ Name string } }
	s.result(&r, "list")
	var names []string
	for _, secret := range r.Secrets {
		names = append(names, secret.Name)
	}
	for _, name := range p.added {
		if !slices.Contains(names, name) {
			s.t.Errorf("%s was added and is not there", name)
		}
	}
	for _, name := range names {
		if want, ok := p.tried[name]; ok && s.must("", "lease", name) != want {
			s.t.Errorf("%s has another value", name)
		}
	}
}

package main_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestEveryLeaseOfManyProcessesIsGrantedAndLogged(t *testing.T) {
	s := newSandbox(t)
	const processes, each = 50, 20
	started := time.Now()
	atOnce(processes, func(int) {
		for range each {
			if o := s.run("", "lease", "one"); o.exit != 0 || o.stdout != theValue {
				t.Errorf("exit %d, stdout %q, stderr %s", o.exit, o.stdout, o.stderr)
			}
		}
	})
	took := time.Since(started)
	t.Logf("%d leases by %d processes at once in %v: %.0f/s", processes*each, processes, took.Round(time.Millisecond), processes*each/took.Seconds())

	ledger, log := map[string]bool{}, map[string]bool{}
	for _, l := range s.leases() {
		ledger[l.ID] = true
	}
	for _, e := range s.events() {
		if e.Event == "lease.grant" && ledger[e.LeaseID] {
			log[e.LeaseID] = true
		}
	}
	if len(ledger) != processes*each || len(log) != processes*each {
		t.Errorf("%d distinct leases in the ledger, %d of them in the log, want %d", len(ledger), len(log), processes*each)
	}
	s.verify()
	var r struct{ Grants int }
	if s.result(&r, "audit", "--verify"); r.Grants != processes*each {
		t.Errorf("the log holds %d grants, want %d", r.Grants, processes*each)
	}
}

func TestAddsAtOnceAreAllThere(t *testing.T) {
	s := newSandbox(t)
	atOnce(20, func(i int) { s.must(fmt.Sprintf("value %d", i), "add", fmt.Sprintf("name%d", i)) })
	for i := range 20 {
		if got := s.must("", "lease", fmt.Sprintf("name%d", i)); got != fmt.Sprintf("value %d", i) {
			t.Errorf("name%d is %q", i, got)
		}
	}
	s.verify()
}

func TestOneOfManyAddsOfANameWins(t *testing.T) {
	s := newSandbox(t)
	for round := range rounds(5, 100) {
		name := fmt.Sprintf("round%d", round)
		var winner atomic.Int32
		winner.Store(-1)
		atOnce(10, func(i int) {
			o := s.run(strconv.Itoa(i), "add", name)
			switch {
			case o.exit == 0 && winner.CompareAndSwap(-1, int32(i)):
			case o.exit == 73 && o.code() == "secret_exists":
			default:
				t.Errorf("add %s: exit %d: %s", name, o.exit, o.stdout)
			}
		})
		if got := s.must("", "lease", name); got != strconv.Itoa(int(winner.Load())) {
			t.Errorf("%s is %q, process %d was told that it was added", name, got, winner.Load())
		}
	}
	s.verify()
}

func TestOneOfManyInitsWins(t *testing.T) {
	for range rounds(5, 100) {
		s := bareSandbox(t)
		var won atomic.Int32
		atOnce(10, func(int) {
			o := s.run("", "init")
			if o.exit == 0 {
				won.Add(1)
			} else if o.exit != 73 || o.code() != "already_initialized" {
				t.Errorf("exit %d: %s%s", o.exit, o.stdout, o.stderr)
			}
		})
		if won.Load() != 1 {
			t.Errorf("%d inits succeeded", won.Load())
		}
		if keys := strings.Count(s.contents()["identity.age"], "AGE-SECRET-KEY-1"); keys != 1 {
			t.Errorf("%d keys in the identity", keys)
		}
		s.must("x", "add", "name")
		if got := s.must("", "lease", "name"); got != "x" {
			t.Errorf("the secret is %q", got)
		}
		s.verify()
	}
}

// Everything that ends at once what others begin: no lease from before the kill
// is in force after it, and whatever is in force has a later line in the log.
func TestNoLeaseFromBeforeAKillIsInForceAfterIt(t *testing.T) {
	s := newSandbox(t)
	for round := range rounds(12, 300) {
		atOnce(3, func(i int) { s.must("", "lease", "one", "--client-id", fmt.Sprintf("before-%d-%d", round, i)) })
		atOnce(8, func(i int) {
			if i != round%8 {
				o := s.run("", "lease", "one", "--client-id", fmt.Sprintf("during-%d-%d", round, i))
				if o.exit != 0 && (o.exit != 77 || o.code() != "frozen" || o.stdout != "") {
					t.Errorf("exit %d: %s%s", o.exit, o.stdout, o.stderr)
				}
				return
			}
			s.must("", "revoke", "--all")
			for _, client := range clientsOf(s.leases()) {
				if !strings.HasPrefix(client, fmt.Sprintf("during-%d-", round)) {
					t.Errorf("round %d: the lease of %s outlived the kill", round, client)
				}
			}
		})
	}
	if outlived := s.outlived(); len(outlived) != 0 {
		t.Errorf("%v outlived the last kill", outlived)
	}
	s.verify()
}

func TestARevocationOfAClientSparesTheOthers(t *testing.T) {
	s := newSandbox(t)
	s.must("", "lease", "one", "--client-id", "stays")
	for range rounds(8, 200) {
		s.must("", "lease", "one", "--client-id", "goes")
		atOnce(6, func(i int) {
			if i == 0 {
				s.must("", "revoke", "--client-id", "goes")
				return
			}
			s.must("", "lease", "one", "--client-id", "stays")
		})
		for _, client := range clientsOf(s.leases()) {
			if client == "goes" {
				t.Error("a lease outlived its revocation")
			}
		}
	}
	if n := len(s.leases()); n != 1+5*rounds(8, 200) {
		t.Errorf("%d leases are left", n)
	}
	s.verify()
}

// A value is 64 KiB of one letter, which tells its generation; a lease gets
// it whole, and never an older one than the last that was acknowledged.
func TestALeaseSeesAnUpdateWhollyOrNotAtAll(t *testing.T) {
	s := newSandbox(t)
	value := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), 64<<10) }
	s.must(value(0), "update", "one")
	last := rounds(15, 25)
	var acknowledged, begun atomic.Int32
	atOnce(4, func(i int) {
		if i == 0 {
			for n := 1; n <= last; n++ {
				begun.Store(int32(n))
				s.must(value(n), "update", "one")
				acknowledged.Store(int32(n))
			}
			return
		}
		for oldest := 0; oldest < last; {
			oldest = int(acknowledged.Load())
			got := s.must("", "lease", "one")
			newest := int(begun.Load())
			if got == "" || got != value(int(got[0]-'a')) || int(got[0]-'a') < oldest || int(got[0]-'a') > newest {
				t.Errorf("%d bytes beginning with %.3q between generations %d and %d", len(got), got, oldest, newest)
			}
		}
	})
	s.verify()
}

// A reader takes no lock: what others write meanwhile is no damage to it.
func TestReadersFindNothingWrongWhileOthersWrite(t *testing.T) {
	s := newSandbox(t)
	var writing atomic.Int32
	const writers = 4
	writing.Store(writers)
	atOnce(writers+2, func(i int) {
		if i < writers {
			defer writing.Add(-1)
			for n := range rounds(10, 500) {
				s.must("x", "add", fmt.Sprintf("name-%d-%d", i, n))
				s.must("", "lease", "one", "--client-id", fmt.Sprint("writer", i))
				s.must("", "revoke", "--client-id", fmt.Sprint("writer", i))
			}
			return
		}
		for writing.Load() > 0 {
			for _, args := range [][]string{{"audit", "--verify"}, {"list"}, {"leases"}, {"status"}, {"audit"}} {
				s.must("", args...)
			}
		}
	})
	s.verify()
}

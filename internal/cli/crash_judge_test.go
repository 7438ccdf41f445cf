package cli_test

import (
	"errors"
	"fmt"
	"time"

	"agent-secrets/internal/crashfs"
)

// judge lets the recovery run on s and checks everything that was promised.
func (x *explorer) judge(s *state) {
	x.states.Add(1)
	key := fmt.Sprintf("%x %p %p %v %v %v %v %v", s.disk.Fingerprint(x.seed), s.before, s.after, s.delivered, s.lost, s.partial, s.again, s.leased)
	if x.seen[key] {
		return
	}
	x.seen[key] = true
	x.judged.Add(1)
	s.marked = s.disk.Files()["killswitch"] != nil
	s.machine = &machine{disk: s.disk.Clone(), wrap: x.wrap, now: x.after}
	if s.again {
		s.now = x.afterThat()
	}
	stops, err := x.recover(s)
	if err != nil {
		x.broke(s, err)
		return
	}
	for _, stop := range stops {
		if stop.wrote { // otherwise it is s
			stop.bounds, stop.delivered, stop.lost, stop.partial, stop.again = s.bounds, s.delivered, s.lost, s.partial, true
			stop.words = s.words + "; " + stop.words
			x.crash(stop, x.someFates())
		}
	}
}

// afterThat is when a recovery begins that follows on another.
func (x *explorer) afterThat() time.Time { return x.after.Add(time.Minute) }

func (x *explorer) someFates() []crashfs.Fate {
	if x.full {
		return crashfs.Fates()
	}
	return []crashfs.Fate{crashfs.Lost}
}

func (x *explorer) broke(s *state, err error) {
	x.broken.Add(1)
	if x.shown++; x.shown <= 3 {
		x.report("%s\n\t%v", s.words, err)
	}
}

// recover reads what is left, lets the next writers put it in order, and checks
// the outcome. It returns the places where they are to be stopped.
func (x *explorer) recover(s *state) (stops []*state, err error) {
	if name := s.plaintext(); name != "" {
		return nil, fmt.Errorf("%s holds a value", name)
	}
	if err := x.checkReaders(s); err != nil {
		return nil, err
	}
	for i, c := range x.sc.recovery(s) {
		c.client = recoveryClient
		was := s.initialized()
		out, more := x.next(s, c, i == 0)
		if done := c.args[0] == "init" && was && out.exit == 73; !done && out.exit != c.exit || out.panicked != nil {
			return nil, fmt.Errorf("recovery: %s: %v", c, out)
		}
		for _, stop := range more {
			stop.leased = stop.acked && c.raw() && !x.sc.corrupt && !s.partial
		}
		stops = append(stops, more...)
	}
	return stops, x.checkRecovered(s)
}

// next runs a command of the recovery. The first one is what puts things in
// order, and is the one to be stopped.
func (x *explorer) next(s *state, c command, first bool) (out *outcome, stops []*state) {
	if s.again || !s.deep || !first && !x.full {
		return s.run(c), nil
	}
	out, _, stops = s.watch(c)
	return out, stops
}

func (m *machine) initialized() bool { return m.disk.Files()["config.json"] != nil }

// checkReaders runs the commands that only read, which must work on whatever a
// crash left and show none of it in a wrong light.
func (x *explorer) checkReaders(s *state) error {
	for _, name := range x.readers(s) {
		out := s.run(run(name))
		if out.panicked != nil || !x.sc.readerMay(s, out) {
			return fmt.Errorf("%s: %v", name, out)
		}
	}
	if s.disk.Writes() > 0 {
		return errors.New("a reader wrote")
	}
	w, err := s.readLeases()
	if err != nil {
		if x.sc.corrupt && s.before != s.after || s.partial {
			return nil
		}
		return err
	}
	if s.before.initialized && !w.initialized {
		return errors.New("it is no longer initialised")
	}
	for _, id := range s.delivered {
		if !w.granted[id] {
			return fmt.Errorf("the value of lease %s got out, and the log has no grant", id)
		}
	}
	if s.lost {
		// The ledger may have got further than the log: both were unsynced.
		w.granted = everything(w)
	}
	return s.checkLeases(w)
}

// readers are the commands to try: they read what the recovery and the judge
// read too, and that often enough.
func (x *explorer) readers(s *state) []string {
	if s.again || !s.deep {
		return nil
	}
	return []string{"status", "leases", "list"}
}

func everything(w *world) map[string]bool {
	all := map[string]bool{}
	for id := range w.leases {
		all[id] = true
	}
	return all
}

func (x *explorer) checkRecovered(s *state) error {
	w, err := x.read(s.machine)
	if err != nil {
		return fmt.Errorf("after the recovery: %w", err)
	}
	if err := s.checkLeases(w); err != nil {
		return fmt.Errorf("after the recovery: %w", err)
	}
	if x.sc.fresh {
		delete(w.secrets, "beta") // the recovery added it
	}
	if err := s.checkSecrets(w); err != nil {
		return fmt.Errorf("after the recovery: %w", err)
	}
	if s.before.initialized && w.identity != s.before.identity {
		return errors.New("the identity was replaced")
	}
	for _, id := range s.delivered {
		if !w.active(id) && s.after.active(id) {
			return fmt.Errorf("the value of lease %s got out, and the ledger has no entry", id)
		}
	}
	// A marker that a power cut brought back ends what was granted meanwhile.
	if s.leased && !s.marked && !x.hasRecoveryLease(w) {
		return errors.New("the lease of the first recovery is lost")
	}
	return x.checkVerified(s)
}

// hasRecoveryLease looks for a lease of the recovery that was stopped.
func (x *explorer) hasRecoveryLease(w *world) bool {
	for id, l := range w.leases {
		if l.ClientID == recoveryClient && l.GrantedAt.Before(x.afterThat()) && w.active(id) {
			return true
		}
	}
	return false
}

func (x *explorer) checkVerified(s *state) error {
	opened, err := s.open()
	if err != nil {
		return err
	}
	v, err := opened.Verify()
	if err == nil && len(v.Notes) > 0 {
		err = fmt.Errorf("it is not in order: %v", v.Notes)
	}
	if err != nil {
		return fmt.Errorf("audit --verify: %w", err)
	}
	if s.disk.Files()["killswitch"] != nil {
		return errors.New("the killswitch has not finished")
	}
	return nil
}

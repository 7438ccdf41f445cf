package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// endpoint is what a heartbeat asks. It is alive or not, as it is told.
type endpoint struct {
	*httptest.Server
	dead  atomic.Bool
	asked atomic.Int32
}

func newEndpoint(t *testing.T) *endpoint {
	e := &endpoint{}
	e.Server = serve(t, func(w http.ResponseWriter, _ *http.Request) {
		e.asked.Add(1)
		if e.dead.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	return e
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

// heartbeat makes the store ask url at every run of watch, for which settings
// may say more. What must not be shown is in the URL.
func (s *sandbox) heartbeat(url, more string) {
	s.t.Helper()
	url = strings.Replace(url, "://", "://hunter2:hunter2@", 1) + "/hunter2?token=hunter2"
	s.configure(fmt.Sprintf(`{"lock_timeout":"20s","heartbeat":{"enabled":true,"url":%q,"interval":"1ms","timeout":"20s","failures":2%s}}`, url, more))
}

// watchState is what status says about watch and what it does.
type watchState struct {
	Frozen       bool
	Holds        []struct{ By string }
	ActiveLeases int `json:"active_leases"`
	Heartbeat    struct {
		State     string
		Failures  int
		LastCheck *time.Time `json:"last_check"`
		LastOK    *time.Time `json:"last_ok"`
	}
}

func (s *sandbox) state() (w watchState) {
	s.t.Helper()
	s.result(&w, "status")
	return w
}

// watch runs watch, which has to end with the status exit.
func (s *sandbox) watch(exit int, flags ...string) outcome {
	s.t.Helper()
	o := s.run("", append([]string{"watch"}, flags...)...)
	if o.exit != exit || exit == 69 && o.code() != "heartbeat_failed" {
		s.t.Errorf("watch: exit %d, want %d: %s%s", o.exit, exit, o.stdout, o.stderr)
	}
	return o
}

// count is how many lines of the log say that something happened.
func (s *sandbox) count(event string) (n int) {
	s.t.Helper()
	for _, e := range s.events() {
		if e.Event == event {
			n++
		}
	}
	return n
}

// answers is how an endpoint can answer, and what that means.
func answers(t *testing.T) map[string]struct {
	url     string
	timeout string
	exit    int
} {
	var elsewhere, written atomic.Int64
	other := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
	t.Cleanup(func() {
		if n := elsewhere.Load(); n != 0 {
			t.Errorf("the other host was asked %d times", n)
		}
		if n := written.Load(); n > 16<<20 {
			t.Errorf("%d bytes of the body were taken", n)
		}
	})
	say := func(status int) string {
		return serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Mallory", "mallory")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "mallory") // a status without a body
		}).URL
	}
	moved := func(to string) string {
		return serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/alive" {
				http.Redirect(w, r, to+"/alive", http.StatusMovedPermanently)
			}
		}).URL
	}
	untrusted := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	type answer = struct {
		url     string
		timeout string
		exit    int
	}
	return map[string]answer{
		"200":                  {say(200), "20s", 0},
		"204":                  {say(204), "20s", 0},
		"301 to the same host": {moved(""), "20s", 0},
		"301 to another host":  {moved(other.URL), "20s", 69},
		"503":                  {say(503), "20s", 69},
		"untrusted TLS":        {untrusted.URL, "20s", 69},
		"no answer":            {talk(t, func(net.Conn) {}), "200ms", 69},
		"slow loris": {talk(t, func(c net.Conn) {
			_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nX-Mallory: ")
			for tick := time.NewTicker(time.Millisecond); err == nil; <-tick.C {
				_, err = io.WriteString(c, "mallory")
			}
		}), "200ms", 69},
		"garbage": {talk(t, func(c net.Conn) {
			_, _ = io.WriteString(c, "mallory mallory mallory\r\n\r\n") // it may be gone
			c.Close()
		}), "20s", 69},
		"1 GiB": {talk(t, func(c net.Conn) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 1<<30)
			n, _ := io.CopyN(c, endless{}, 1<<30) // it hangs up
			written.Add(n)
		}), "20s", 0},
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return copy(b, "mallory"), nil }

// talk serves every connection with f, whatever it asks.
func talk(t *testing.T, f func(net.Conn)) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			go f(c)
		}
	}()
	return "http://" + listener.Addr().String()
}

func TestWhateverTheEndpointAnswersWatchEndsInTimeAndQuotesNothing(t *testing.T) {
	t.Parallel()
	for name, answer := range answers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t)
			s.heartbeat(answer.url, `,"timeout":"`+answer.timeout+`"`)
			s.configure(strings.Replace(s.content("config.json"), `"timeout":"20s",`, "", 1))
			started := time.Now()
			o := s.watch(answer.exit)
			if took := time.Since(started); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
			got, state := s.state(), map[int]string{0: "alive", 69: "failing"}[answer.exit]
			h := got.Heartbeat
			if h.State != state || h.Failures != answer.exit/69 || h.LastCheck == nil || (h.LastOK != nil) != (answer.exit == 0) || got.Frozen {
				t.Errorf("status: %+v", got)
			}
			if n := s.count("heartbeat.failed"); n != answer.exit/69 {
				t.Errorf("%d failures in the log", n)
			}
			files := s.contents()
			delete(files, "config.json")
			files["output"] = o.stdout + o.stderr
			for name, text := range files {
				for _, secret := range []string{"hunter2", "mallory", "127.0.0.1", "http"} {
					if strings.Contains(strings.ToLower(text), secret) {
						t.Errorf("%s has %q: %s", name, secret, text)
					}
				}
			}
		})
	}
}

// envFile writes the secrets of a project into a file, which the next commands
// may find gone.
func (s *sandbox) envFile() string {
	s.t.Helper()
	project := filepath.Join(s.home, "project")
	if err := os.MkdirAll(project, 0o700); err != nil {
		s.t.Fatal(err)
	}
	manifest := `{"secrets":[{"name":"one","env_var":"ONE"}]}`
	if err := os.WriteFile(filepath.Join(project, ".secrets.json"), []byte(manifest), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if o := s.runUnder(`cd project && exec "$0" "$@"`, "env", "--client-id", "project"); o.exit != 0 {
		s.t.Errorf("env: exit %d: %s", o.exit, o.stdout)
	}
	return filepath.Join(project, ".env")
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// refused: no grant is made, for the store is frozen.
func (s *sandbox) refused() bool {
	s.t.Helper()
	o := s.run("", "lease", "one", "--client-id", "later")
	switch {
	case o.exit == 0 && o.stdout == theValue:
		return false
	case o.exit != 77 || o.code() != "frozen" || o.stdout != "":
		s.t.Errorf("lease: exit %d: %s%s", o.exit, o.stdout, o.stderr)
	}
	return true
}

func TestADeadHeartbeatCutsEverythingOffAndALiveOneGivesItBack(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("setsid is not installed: Debian package util-linux")
	}
	s, e := newSandbox(t), newEndpoint(t)
	s.heartbeat(e.URL, "")
	file := s.envFile()
	s.must("", "lease", "one", "--client-id", "agent")
	tr := s.tree(t, "--client-id", "agent")
	s.watch(0)

	// Below the threshold nothing happens.
	e.dead.Store(true)
	s.watch(69)
	if w := s.state(); w.Frozen || w.ActiveLeases != 3 || w.Heartbeat.State != "failing" || !exists(file) || len(tr.sleepers()) < 4 {
		t.Errorf("below the threshold: %+v, %d processes", w, len(tr.sleepers()))
	}

	// At the threshold everything ends, once.
	begun := time.Now()
	s.watch(69)
	tr.ends(t, begun)
	if w := s.state(); !w.Frozen || w.ActiveLeases != 0 || w.Heartbeat.State != "dead" || exists(file) || !s.refused() {
		t.Errorf("at the threshold: %+v, the env file is there: %t", w, exists(file))
	}
	s.watch(69)
	if n := s.count("killswitch.revoke_all"); n != 1 {
		t.Errorf("the killswitch was set off %d times", n)
	}

	// It is back, and so are grants, but no lease.
	e.dead.Store(false)
	s.watch(0)
	if w := s.state(); w.Frozen || w.ActiveLeases != 0 || w.Heartbeat.State != "alive" || s.refused() {
		t.Errorf("when it is back: %+v", w)
	}
	if s.count("heartbeat.failed") != 1 || s.count("heartbeat.alive") != 1 || s.count("thaw") != 1 {
		t.Errorf("the log: %+v", s.events())
	}
	s.verify()
}

func TestWhatAPersonFrozeOrThawedStaysSo(t *testing.T) {
	t.Parallel()
	s, e := newSandbox(t), newEndpoint(t)
	s.heartbeat(e.URL, "")
	outage := func() {
		e.dead.Store(true)
		s.watch(69)
		s.watch(69)
		if !s.refused() {
			t.Error("it is not frozen")
		}
	}
	outage()
	s.must("", "freeze")
	e.dead.Store(false)
	s.watch(0)
	if w := s.state(); !s.refused() || len(w.Holds) != 1 || w.Holds[0].By != "person" {
		t.Errorf("a person's freeze: %+v", w)
	}
	s.must("", "thaw", "--yes")

	// The next outage is another, and a thaw lasts to its end.
	outage()
	s.must("", "thaw", "--yes")
	for range 3 {
		s.watch(69)
		if s.refused() {
			t.Error("the next failure undid the thaw")
		}
	}
	e.dead.Store(false)
	s.watch(0)
	outage()
	s.verify()
}

func TestTheHeartbeatDoesWhatTheSettingsSayAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		action  string
		settles func(s *sandbox, e *endpoint)
	}{
		"freeze": {`"revoke_all":false`, func(s *sandbox, e *endpoint) {
			if w := s.state(); !s.refused() || w.ActiveLeases != 1 || len(w.Holds) != 1 || w.Holds[0].By != "heartbeat" {
				s.t.Errorf("%+v", w)
			}
			e.dead.Store(false)
			if s.watch(0); s.refused() {
				s.t.Error("it stays frozen")
			}
		}},
		"rotate": {`"revoke_all":false,"freeze":false,"rotate_all":true`, func(s *sandbox, _ *endpoint) {
			if w := s.state(); w.Frozen || w.ActiveLeases != 0 || s.must("", "lease", "one") != "next" {
				s.t.Errorf("%+v", w)
			}
			s.watch(69)
			if n := s.count("rotate.start"); n != 1 {
				s.t.Errorf("the hook ran %d times", n)
			}
		}},
		"wipe": {`"wipe_store":true`, func(s *sandbox, e *endpoint) {
			if w := s.state(); !s.refused() || w.ActiveLeases != 0 {
				s.t.Errorf("%+v", w)
			}
			if s.watch(69); !exists(filepath.Join(s.dir, "identity.age")) {
				s.t.Error("it was wiped too early")
			}
			s.watch(69)
			for _, name := range []string{"identity.age", "secrets.age", "secrets.age.bak"} {
				if exists(filepath.Join(s.dir, name)) {
					s.t.Errorf("%s is there", name)
				}
			}
			s.watch(69)
			e.dead.Store(false)
			s.watch(0)
			if n := s.count("killswitch.wipe"); n != 1 {
				s.t.Errorf("it was wiped %d times", n)
			}
		}},
		"nothing": {`"revoke_all":false,"freeze":false`, func(s *sandbox, _ *endpoint) {
			if w := s.state(); s.refused() || w.ActiveLeases != 1 || w.Heartbeat.State != "dead" {
				s.t.Errorf("%+v", w)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, e := newSandbox(t), newEndpoint(t)
			s.must("", "update", "one", "--rotate-via", "echo next")
			s.heartbeat(e.URL, `,"fail_action":{`+test.action+`}`)
			s.must("", "lease", "one")
			e.dead.Store(true)
			s.watch(69)
			if w := s.state(); w.Frozen || w.ActiveLeases != 1 {
				t.Errorf("below the threshold: %+v", w)
			}
			s.watch(69)
			test.settles(s, e)
			s.must("", "audit", "--verify")
		})
	}
}

// Cron gives a program little, and mails what it prints.
func TestWatchRunsAsCronRunsItAndIsSilent(t *testing.T) {
	t.Parallel()
	s, e := newSandbox(t), newEndpoint(t)
	s.heartbeat(e.URL, "")
	s.must("", "update", "one", "--rotate-via", "echo next", "--rotate-every", "1ms")
	file := s.envFile()
	s.must("", "revoke", "--client-id", "project")
	const cron = `cd / && exec setsid -w env -i HOME="$HOME" PATH=/usr/bin:/bin "$0" "$@" <&-`
	for range 2 {
		if o := s.runUnder(cron, "watch", "--quiet"); o.exit != 0 || o.stdout+o.stderr != "" {
			t.Errorf("exit %d: %s%s", o.exit, o.stdout, o.stderr)
		}
	}
	if w := s.state(); w.Heartbeat.State != "alive" || s.count("rotate") != 2 || exists(file) {
		t.Errorf("%+v, %d rotations", w, s.count("rotate"))
	}
	e.dead.Store(true)
	if o := s.runUnder(cron, "watch", "--quiet"); o.exit != 69 || !strings.Contains(o.stdout, "heartbeat_failed") || o.stderr != "" {
		t.Errorf("exit %d: %s%s", o.exit, o.stdout, o.stderr)
	}
}

// The endpoint answers once all the other runs have ended.
func TestOfManyWatchesOneWorksAndTheOthersEndAtOnce(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	const runs = 10
	var asked, ended, worked atomic.Int32
	server := serve(t, func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		for begun := time.Now(); ended.Load() < runs-1 && time.Since(begun) < slow; time.Sleep(time.Millisecond) {
		}
	})
	s.heartbeat(server.URL, "")
	atOnce(runs, func(int) {
		var r struct {
			Result struct {
				Overlapping bool
				Asked       bool `json:"heartbeat_asked"`
			}
		}
		o := s.watch(0)
		ended.Add(1)
		if err := json.Unmarshal([]byte(o.stdout), &r); err != nil || r.Result.Overlapping == r.Result.Asked {
			t.Errorf("%v: %s", err, o.stdout)
		}
		if r.Result.Asked {
			worked.Add(1)
		}
	})
	if asked.Load() != 1 || worked.Load() != 1 {
		t.Errorf("it was asked %d times, %d runs worked", asked.Load(), worked.Load())
	}
}

// What is wrong with the state, or a process that was stopped with the lock,
// must not keep failures from being counted.
func TestADeadHeartbeatIsCountedWhateverIsInTheWay(t *testing.T) {
	t.Parallel()
	for _, broken := range []string{"leases.jsonl", "audit.jsonl", "secrets.age", "watch.json", "lock"} {
		t.Run(broken, func(t *testing.T) {
			t.Parallel()
			s, e := newSandbox(t), newEndpoint(t)
			s.heartbeat(e.URL, "")
			s.must("", "lease", "one")
			if broken == "lock" {
				s.configure(strings.Replace(s.content("config.json"), "20s", "50ms", 1))
				s.hold()
			} else {
				s.damage(broken)
			}
			e.dead.Store(true)
			for range 2 {
				if o := s.run("", "watch"); !slices.Contains([]int{65, 69, 75, 79}, o.exit) {
					t.Errorf("watch: exit %d: %s%s", o.exit, o.stdout, o.stderr)
				}
			}
			if !exists(filepath.Join(s.dir, "frozen")) {
				t.Error("it is not frozen")
			}
			s.noGrant("after a dead heartbeat")
			if log := s.content("audit.jsonl"); strings.Contains(log, "killswitch.revoke_all") == (broken == "audit.jsonl" || broken == "lock") {
				t.Errorf("the log is %s", log)
			}
		})
	}
}

// killedBefore runs the program and kills it as it is about to open a file of
// the state directory for the nth time.
func (s *sandbox) killedBefore(file string, nth int, args ...string) {
	s.t.Helper()
	o := s.runUnder(fmt.Sprintf(`exec strace -f -qq -o /dev/null -P %[1]s -P .agent-secrets/%[1]s -e trace=openat -e inject=openat:signal=KILL:when=%[2]d "$0" "$@"`, file, nth), args...)
	if o.exit == 0 || o.stdout != "" {
		s.t.Errorf("%v was not killed before it opened %s: %s%s", args, file, o.stdout, o.stderr)
	}
}

func needStrace(t *testing.T) {
	t.Helper()
	if output, err := exec.Command("strace", "-qq", "-o", "/dev/null", "-e", "inject=openat:signal=KILL:when=1000", "true").CombinedOutput(); err != nil {
		t.Skipf("strace does not work here: Debian package strace: %v %s", err, output)
	}
}

// What it learned it remembers before it acts, so that a run that is killed in
// between acts the next time.
func TestAWatchThatWasKilledBeforeItActedActsTheNextTime(t *testing.T) {
	t.Parallel()
	needStrace(t)
	for _, file := range []string{"frozen", "killswitch"} {
		s, e := newSandbox(t), newEndpoint(t)
		s.heartbeat(e.URL, "")
		e.dead.Store(true)
		s.must("", "lease", "one", "--client-id", "agent")
		s.watch(69)
		s.killedBefore(file, 1, "watch")
		if w := s.state(); w.Heartbeat.Failures != 2 || w.ActiveLeases != 1 || w.Frozen != (file == "killswitch") {
			t.Errorf("killed before %s: %+v", file, w)
		}
		s.watch(69)
		if w := s.state(); w.Heartbeat.Failures != 3 || w.ActiveLeases != 0 || !s.refused() {
			t.Errorf("killed before %s, and the next time: %+v", file, w)
		}
		s.watch(69)
		if n := s.count("killswitch.revoke_all"); n != 1 {
			t.Errorf("killed before %s: it was set off %d times", file, n)
		}
		e.dead.Store(false)
		if s.watch(0); s.refused() {
			t.Errorf("killed before %s: it stays frozen", file)
		}
		s.verify()
	}
}

func TestAnExpiryIsLoggedWithItsTimeThoughNothingRanThen(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	var granted struct {
		ID      string    `json:"lease_id"`
		Expires time.Time `json:"expires_at"`
	}
	s.result(&granted, "lease", "one", "--json", "--ttl", "100ms")
	eventually(t, "the lease has expired for some time", func() bool { return time.Since(granted.Expires) > 100*time.Millisecond })
	s.watch(0)
	var r struct {
		Events []struct {
			LeaseID string `json:"lease_id"`
			TS, At  time.Time
		}
	}
	s.result(&r, "audit", "--action", "lease.expired")
	if len(r.Events) != 1 || r.Events[0].LeaseID != granted.ID || !r.Events[0].At.Equal(granted.Expires) || r.Events[0].TS.Sub(r.Events[0].At) < 100*time.Millisecond {
		t.Errorf("%+v after %+v", r.Events, granted)
	}
	s.watch(0)
	if n := s.count("lease.expired"); n != 1 {
		t.Errorf("%d lines", n)
	}
}

// slowHook runs until somebody lets it go.
const slowHook = `echo >>began; until [ -e go-on ]; do sleep 0.01; done; echo next`

func (s *sandbox) letGo() {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.home, "go-on"), nil, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// command is a run of the program that goes on beside the test.
type command struct {
	*exec.Cmd
	s              *sandbox
	stdout, stderr bytes.Buffer
}

func (s *sandbox) start(args ...string) *command {
	s.t.Helper()
	c := &command{Cmd: exec.Command(s.program, args...), s: s}
	s.prepare(c.Cmd, "", &c.stdout, &c.stderr)
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Process.Kill() }) // it has ended, as a rule
	return c
}

func (c *command) end() outcome { return c.s.outcome(c.Cmd, c.Wait(), &c.stdout, &c.stderr) }

// waits waits until the command waits for a lock.
func (c *command) waits(t *testing.T) {
	t.Helper()
	eventually(t, "a process that waits for a lock", func() bool {
		locks, err := os.ReadFile("/proc/locks")
		return err != nil || strings.Contains(string(locks), fmt.Sprintf("-> FLOCK  ADVISORY  WRITE %d ", c.Process.Pid))
	})
}

// A hook takes its time. The next run of watch asks the heartbeat meanwhile,
// leaves the hook alone, and sets off the killswitch.
func TestAHookThatHangsDoesNotKeepTheHeartbeatWaiting(t *testing.T) {
	t.Parallel()
	s, e := newSandbox(t), newEndpoint(t)
	s.heartbeat(e.URL, "")
	s.must("", "update", "one", "--rotate-via", slowHook, "--rotate-every", "1ms")
	first := s.start("watch")
	began := filepath.Join(s.home, "began")
	eventually(t, "the hook runs", func() bool { return exists(began) })

	e.dead.Store(true)
	for range 2 {
		started := time.Now()
		s.watch(69)
		if took := time.Since(started); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	}
	if !s.refused() {
		t.Error("a heartbeat that was dead did nothing")
	}
	s.letGo()
	if o := first.end(); o.exit != 0 {
		t.Errorf("the first: exit %d: %s", o.exit, o.stdout)
	}
	if lines, err := os.ReadFile(began); err != nil || string(lines) != "\n" {
		t.Errorf("the hook ran %d times, %v", len(lines), err)
	}
	s.verify()
}

// What somebody rotates is not due any more when it was, though it was when
// another began to wait for that.
func TestWhatIsDueIsRotatedOnceHoweverManyWantTo(t *testing.T) {
	t.Parallel()
	if !isLinux() {
		t.Skip("nothing tells who waits for a lock here")
	}
	s := newSandbox(t)
	s.must("", "update", "one", "--rotate-via", slowHook, "--rotate-every", "1ms")
	first := s.start("watch")
	eventually(t, "the hook runs", func() bool { return exists(filepath.Join(s.home, "began")) })
	second := s.start("rotate", "--due")
	second.waits(t)
	s.must("", "update", "one", "--rotate-every", "1h")
	s.letGo()
	for _, c := range []*command{first, second} {
		if o := c.end(); o.exit != 0 {
			t.Errorf("%v: exit %d: %s", c.Args, o.exit, o.stdout)
		}
	}
	if lines, err := os.ReadFile(filepath.Join(s.home, "began")); err != nil || string(lines) != "\n" {
		t.Errorf("the hook ran %d times, %v", len(lines), err)
	}
}

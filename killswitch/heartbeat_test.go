package killswitch_test

import (
	"bufio"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"agent-secrets/killswitch"
)

// TestMain lets the binary ask an endpoint as a process of its own, for what a
// process reads from its environment once: certificates and the proxy.
func TestMain(m *testing.M) {
	if url := os.Getenv("TEST_HEARTBEAT_URL"); url != "" {
		fmt.Print(killswitch.Heartbeat(context.Background(), url, 5*time.Second))
		os.Exit(0)
	}
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
		os.Unsetenv(name)
	}
	os.Exit(m.Run())
}

// within is the timeout of endpoints that answer, and short of those that do not.
const (
	within = 5 * time.Second
	short  = 60 * time.Millisecond
)

// check asks url, wants the failure said, or none if it is empty, and that
// nothing is left of the call.
func check(t *testing.T, url string, timeout time.Duration, want string) {
	t.Helper()
	checkIn(t, context.Background(), url, timeout, want)
}

func checkIn(t *testing.T, ctx context.Context, url string, timeout time.Duration, want string) {
	t.Helper()
	start := time.Now()
	err := killswitch.Heartbeat(ctx, url, timeout)
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	switch {
	case want == "" && err != nil:
		t.Errorf("alive, but: %v", err)
	case want != "" && (err == nil || err.Error() != killswitch.ErrHeartbeat.Error()+": "+want):
		t.Errorf("error %v, want %q", err, want)
	case err != nil && !errors.Is(err, killswitch.ErrHeartbeat):
		t.Errorf("%v is no ErrHeartbeat", err)
	case err != nil && len(err.Error()) > 100:
		t.Errorf("%v is longer than 100 characters", err)
	}
	checkNothingRuns(t)
}

// checkNothingRuns waits until no goroutine of a client is left.
func checkNothingRuns(t *testing.T) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	for deadline := time.Now().Add(time.Second); ; <-time.After(time.Millisecond) {
		all := string(stacks[:runtime.Stack(stacks, true)])
		left := ""
		for _, name := range []string{"http.(*Transport)", "http.(*persistConn)", "net.(*Dialer)", "net.(*sysDialer)", "net.(*Resolver)", "killswitch.Heartbeat"} {
			if strings.Contains(all, name) {
				left = name
			}
		}
		if left == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s still runs:\n%s", left, all)
		}
	}
}

func answer(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

// listen runs talk with each connection, after the request has come if heard.
// What talk leaves open is closed at the end of the test.
func listen(t *testing.T, heard bool, talk func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { listener.Close(); close(ended) })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { <-ended; conn.Close() }()
			go func() {
				if !heard {
					talk(conn)
				} else if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					talk(conn)
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

func TestOnlyAStatusOf2xxIsAlive(t *testing.T) {
	alive := map[int]bool{200: true, 204: true, 299: true}
	for _, status := range []int{200, 204, 299, 300, 301, 304, 400, 404, 500, 503, 599} {
		want := ""
		if !alive[status] {
			want = fmt.Sprintf("status %d", status)
		}
		check(t, serve(t, answer(status)).URL, within, want)
	}
}

func TestTheRequestSaysWhoAsks(t *testing.T) {
	var got http.Header
	var line string
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) { got, line = r.Header, r.Method+" "+r.RequestURI })
	check(t, server.URL+"/beat?token=x", within, "")
	if len(got) != 2 || got.Get("User-Agent") != "secrets" || got.Get("Connection") != "close" || line != "GET /beat?token=x" {
		t.Errorf("the request was %q with %q", line, got)
	}
}

func TestARedirectIsFollowedOnTheSameHostOnly(t *testing.T) {
	var elsewhere atomic.Int32
	other := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
	_, otherPort, _ := net.SplitHostPort(other.Listener.Addr().String())
	var asked atomic.Int32
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if to := r.URL.Query().Get("to"); to != "" {
			w.Header().Set("Location", to)
			w.WriteHeader(301)
		}
	})
	_, ownPort, _ := net.SplitHostPort(server.Listener.Addr().String())
	// hops is a query that is redirected n times and then answered.
	hops := func(n int) string {
		to := "/"
		for range n {
			to = "/?to=" + strings.NewReplacer("?", "%3F", "=", "%3D", "%", "%25").Replace(to)
		}
		return to
	}
	tests := []struct {
		path, want string
		asked      int32
	}{
		{"/?to=/alive", "", 2},
		{"/?to=//127.0.0.1:" + ownPort + "/alive", "", 2},
		{hops(5), "", 6},
		{hops(6), "more than 5 redirects", 6},
		{"/?to=http://localhost:" + ownPort, "redirect to another host", 1},
		{"/?to=http://127.0.0.2:" + otherPort, "redirect to another host", 1},
		{"/?to=//127.0.0.1.:" + ownPort, "redirect to another host", 1},
		{"/?to=http://user@127.0.0.1@evil.example/", "redirect to another host", 1},
		{"/?to=file:///etc/passwd", "redirect to another host", 1},
		{"/?to=ftp://127.0.0.1:" + ownPort, "redirect to another scheme", 1},
		{"/?to=" + other.URL, "redirect to another port", 1},
		{"/?to=http://127.0.0.1/", "redirect to another port", 1},
		{"/?to=http://[::1/", "malformed or oversized answer", 1},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			asked.Store(0)
			check(t, server.URL+test.path, within, test.want)
			if n := asked.Load(); n != test.asked {
				t.Errorf("it was asked %d times, want %d", n, test.asked)
			}
		})
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("the other server was asked %d times", n)
	}
}

func TestARedirectLoopEnds(t *testing.T) {
	var asked atomic.Int32
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(w, r, "/", http.StatusFound)
	})
	check(t, server.URL, within, "more than 5 redirects")
	if n := asked.Load(); n != 6 {
		t.Errorf("it was asked %d times, want 6", n)
	}
}

// asked runs Heartbeat in a process of its own and returns its error.
func asked(t *testing.T, url string, env ...string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	// The race detector waits for a second before a process exits.
	cmd.Env = append([]string{"TEST_HEARTBEAT_URL=" + url, "GORACE=atexit_sleep_ms=0"}, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatal(err, string(out))
	}
	return strings.TrimPrefix(string(out), killswitch.ErrHeartbeat.Error()+": ")
}

func TestTLSIsVerified(t *testing.T) {
	var reached atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		if r.URL.Path == "/down" {
			http.Redirect(w, r, "http://"+r.Host+"/", http.StatusFound)
		}
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())

	check(t, server.URL, within, "certificate not trusted")
	check(t, strings.Replace(server.URL, "https", "http", 1), within, "status 400")
	if n := reached.Load(); n != 0 {
		t.Errorf("the server was asked %d times without trust", n)
	}
	check(t, strings.Replace(serve(t, answer(200)).URL, "http", "https", 1), within, "TLS handshake failed")

	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		t.Skip("the system's certificates cannot be replaced by a file")
	}
	file := filepath.Join(t.TempDir(), "trusted.pem")
	trusted := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, trusted, 0o600); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{
		server.URL:                  "<nil>",
		server.URL + "/down":        "redirect from https to http",
		"https://localhost:" + port: "certificate for another host",
	} {
		if got := asked(t, url, "SSL_CERT_FILE="+file); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

func TestTheProxyOfTheEnvironmentIsUsed(t *testing.T) {
	var host atomic.Value
	proxy := serve(t, func(_ http.ResponseWriter, r *http.Request) { host.Store(r.Host) })
	got := asked(t, "http://heartbeat.example/", "HTTP_PROXY="+proxy.URL)
	if got != "<nil>" || host.Load() != "heartbeat.example" {
		t.Errorf("%s, and the proxy was asked for %v", got, host.Load())
	}
	// A proxy that will not connect is no answer of the endpoint.
	refusing := serve(t, answer(http.StatusForbidden))
	got = asked(t, "https://heartbeat.example/", "HTTPS_PROXY="+strings.Replace(refusing.URL, "//", "//user:hunter2@", 1))
	if got != "no connection" {
		t.Errorf("%q", got)
	}
}

func TestTheTimeoutCoversEverything(t *testing.T) {
	tests := map[string]string{
		"no answer": listen(t, true, func(net.Conn) {}),
		"no TLS":    strings.Replace(listen(t, false, func(net.Conn) {}), "http", "https", 1),
		"a header byte at a time": listen(t, true, func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: ")
			for tick := time.NewTicker(time.Millisecond); ; <-tick.C {
				if _, err := conn.Write([]byte("x")); err != nil {
					return
				}
			}
		}),
		"interim answers": listen(t, true, func(conn net.Conn) {
			for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
				if _, err := io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\n\r\n"); err != nil {
					return
				}
			}
		}),
		"a redirect with an endless body": listen(t, true, func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n")
		}),
	}
	for name, url := range tests {
		t.Run(name, func(t *testing.T) { check(t, url, short, "no answer within 60ms") })
	}
}

func TestACancelledContextSaysNothingAboutTheEndpoint(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	url := listen(t, true, func(net.Conn) { cancel() })
	checkIn(t, ctx, url, within, "interrupted")
	checkIn(t, ctx, url, within, "interrupted")
}

func TestTheBodyIsNotRead(t *testing.T) {
	const gibibyte = 1 << 30
	wrote := make(chan int64)
	url := listen(t, true, func(conn net.Conn) {
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", gibibyte)
		n, _ := io.CopyN(conn, zeros{}, gibibyte)
		wrote <- n
	})
	check(t, url, within, "")
	if n := <-wrote; n > 7<<20 {
		t.Errorf("the server could write %d bytes", n)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

func TestWhatIsNoAnswerFails(t *testing.T) {
	write := func(text string) string {
		return listen(t, true, func(conn net.Conn) { io.WriteString(conn, text); conn.Close() })
	}
	const (
		malformed = "malformed or oversized answer"
		closed    = "connection closed without an answer"
	)
	tests := map[string]struct{ url, want string }{
		"headers of 1 MiB":    {write("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n"), malformed},
		"a million headers":   {write("HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 1<<17) + "\r\n"), malformed},
		"interim of 1 MiB":    {write(strings.Repeat("HTTP/1.1 103 x\r\nX: "+strings.Repeat("x", 1<<15)+"\r\n\r\n", 32) + "HTTP/1.1 200 OK\r\n\r\n"), malformed},
		"garbage":             {write("hunter2 hunter2 hunter2\r\n\r\n"), malformed},
		"a status of letters": {write("HTTP/1.1 2OO OK\r\n\r\n"), malformed},
		"half a header":       {write("HTTP/1.1 200 OK\r\nX: hun"), malformed},
		"another protocol":    {write("HTTP/1.1 101 Switching Protocols\r\n\r\n"), "status 101"},
		"nothing":             {write(""), closed},
		"nobody":              {refused(t), "connection refused"},
		"an invalid host":     {"http://beat..example/", "name not resolved"},
		"no host":             {"http:///beat", "not an http or https URL"},
		"another scheme":      {"file:///etc/passwd", "not an http or https URL"},
		"no URL":              {"http://user:hunter2@[::1", "not an http or https URL"},
		"no port":             {"http://127.0.0.1:99999/", "no connection"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { check(t, test.url, within, test.want) })
	}
}

// refused returns a URL at which nobody listens.
func refused(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return "http://" + listener.Addr().String()
}

func TestNoErrorRepeatsTheURLOrTheAnswer(t *testing.T) {
	moved := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(302)
		}
	}
	hosts := []string{
		refused(t), "http://hunter2..example", "http://[::1%25hunter2]:1", "http://hunter2 x", "hunter2://h", "http://127.0.0.1:hunter2",
		serve(t, answer(503)).URL, serve(t, moved("http://hunter2.example/")).URL, serve(t, moved("/?hunter2=hunter2")).URL,
		serve(t, moved("http://[hunter2")).URL, serve(t, moved("hunter2:hunter2")).URL,
		listen(t, true, func(conn net.Conn) { io.WriteString(conn, "hunter2\r\n\r\n"); conn.Close() }),
		listen(t, true, func(conn net.Conn) { io.WriteString(conn, "HTTP/1.1 500 hunter2\r\n\r\n"); conn.Close() }),
		listen(t, true, func(conn net.Conn) { io.WriteString(conn, "HTTP/1.1 200 OK\r\nhunter2\r\n\r\n"); conn.Close() }),
		listen(t, true, func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: hunter2\r\n\r\n")
			conn.Close()
		}),
		listen(t, true, func(net.Conn) {}),
	}
	for _, host := range hosts {
		url := strings.Replace(host, "://", "://user:hunter2@", 1) + "/hunter2?token=hunter2#hunter2"
		err := killswitch.Heartbeat(context.Background(), url, 3*short)
		if err == nil {
			t.Errorf("%s: alive", host)
			continue
		}
		for _, part := range []string{"hunter2", "user", "token", "http:", "127.0.0.1", "::1", "%", "\n"} {
			if strings.Contains(err.Error(), part) || len(err.Error()) > 100 {
				t.Errorf("%s: %q has %q in it or is too long", host, err, part)
			}
		}
	}
	checkNothingRuns(t)
}

// What does not answer a dial leaves it hanging, and net/http would let it go
// on for later requests.
func TestADialEndsWithTheCall(t *testing.T) {
	check(t, "http://"+deaf(t), short, "no answer within 60ms")
}

// deaf returns the address of a listener whose queue is full.
func deaf(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 4 {
		conn, err := net.DialTimeout("tcp", address, short)
		if err != nil {
			return address
		}
		t.Cleanup(func() { conn.Close() })
	}
	t.Skip("this system queues connections without end")
	return ""
}

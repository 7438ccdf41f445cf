package killswitch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"agent-secrets/lease"
)

// ErrHeartbeat means that the heartbeat endpoint did not answer that all is
// well, for whatever reason.
var ErrHeartbeat = errors.New("the heartbeat endpoint failed")

const (
	maxRedirects   = 5
	maxHeaderBytes = 64 << 10 // of each answer
)

// Heartbeat asks url once whether it is alive: nil if it answered with a status
// of 2xx within timeout. The body is not read. Redirects are followed where they
// stay on the host and port of url, or go from there to its usual port for TLS,
// and never give up TLS.
//
// Every error is an [ErrHeartbeat] in at most 100 characters, with nothing of
// the URL or of the answer in it but the status, so that it can be logged. If
// ctx ended, the error says nothing about the endpoint. No connection outlives
// the call.
func Heartbeat(ctx context.Context, url string, timeout time.Duration) error {
	asking, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	how, err := ask(asking, url)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		err = reason("interrupted")
	case asking.Err() != nil || timedOut(err):
		err = reason("no answer within " + lease.FormatDuration(timeout))
	default:
		err = explain(err, how)
	}
	return fmt.Errorf("%w: %w", ErrHeartbeat, err)
}

// reason is a failure in words that are ours.
type reason string

func (r reason) Error() string { return string(r) }

// ask returns how far it came, beside what net/http says or a reason.
func ask(ctx context.Context, url string) (*progress, error) {
	how := &progress{}
	req, err := http.NewRequestWithContext(how.trace(ctx), http.MethodGet, url, nil)
	if err != nil || req.URL.Host == "" || req.URL.Scheme != "http" && req.URL.Scheme != "https" {
		return how, reason("not an http or https URL")
	}
	req.Header.Set("User-Agent", "secrets")
	client := &http.Client{Transport: transport(ctx), CheckRedirect: checkRedirect}
	resp, err := client.Do(req)
	if err != nil {
		return how, err
	}
	// Nothing was to be read from it, so nothing is lost.
	_ = resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return how, reason(fmt.Sprintf("status %d", resp.StatusCode))
	}
	return how, nil
}

// transport returns one for a single request, every connection of which is
// closed when ctx ends: by itself it would go on dialing for later requests.
func transport(ctx context.Context) *http.Transport {
	only := new(http.Protocols)
	only.SetHTTP1(true)
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(_ context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			if err == nil {
				context.AfterFunc(ctx, func() { conn.Close() })
			}
			return conn, err
		},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaderBytes,
		Protocols:              only,
	}
}

// timedOut reports whether the dialer gave up, which it does by a clock of its
// own, perhaps just before the context ends.
func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	from, to := via[len(via)-1].URL, req.URL
	switch {
	case !strings.EqualFold(from.Hostname(), to.Hostname()):
		return reason("redirect to another host")
	case to.Scheme != "http" && to.Scheme != "https":
		return reason("redirect to another scheme")
	case from.Scheme == "https" && to.Scheme == "http":
		return reason("redirect from https to http")
	case port(from) != port(to) && !takesUpTLS(from, to):
		return reason("redirect to another port")
	case len(via) > maxRedirects:
		return reason(fmt.Sprintf("more than %d redirects", maxRedirects))
	}
	return nil
}

// takesUpTLS reports whether a redirect is the usual one from http to https.
func takesUpTLS(from, to *url.URL) bool {
	return from.Scheme == "http" && port(from) == "80" && to.Scheme == "https" && port(to) == "443"
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}

// progress is how far a request came. What net/http says about an answer that
// it cannot read has no type to tell it by.
type progress struct{ atomic.Value }

func (p *progress) trace(ctx context.Context) context.Context {
	p.Store(reason("no connection"))
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:              func(string) { p.Store(reason("no connection")) },
		TLSHandshakeStart:    func() { p.Store(reason("TLS handshake failed")) },
		GotConn:              func(httptrace.GotConnInfo) { p.Store(reason("connection closed without an answer")) },
		GotFirstResponseByte: func() { p.Store(reason("malformed or oversized answer")) },
	})
}

// explain puts what net/http says into words that hold nothing of the URL or
// of the answer.
func explain(err error, how *progress) reason {
	var known reason
	var dns *net.DNSError
	var untrusted *tls.CertificateVerificationError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &dns):
		return "name not resolved"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "certificate expired or not valid yet"
	case errors.As(err, &x509.HostnameError{}):
		return "certificate for another host"
	case errors.As(err, &untrusted):
		return "certificate not trusted"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "host not reachable"
	}
	return how.Load().(reason)
}

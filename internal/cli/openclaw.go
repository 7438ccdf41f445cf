package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"agent-secrets/internal/strictjson"
	"agent-secrets/lease"
	"agent-secrets/store"

	"github.com/urfave/cli/v2"
)

// What OpenClaw and its exec secret providers say to each other. OpenClaw starts
// the provider without a shell, writes one request to its standard input and
// reads one response. It takes any exit status but 0 for a failure of every id,
// and shows neither a message nor standard error, so that what a response says
// of an id is all that a person gets to see.
const (
	openclawVersion = 1
	// openclawNotFound is the one code for an id that OpenClaw shows and that
	// says what went wrong.
	openclawNotFound = "NOT_FOUND"
	// OpenClaw sends 256 KiB and 512 ids at most; some versions let that be set.
	maxOpenclawRequest = 1 << 20 // bytes
	maxOpenclawIDs     = 4096
)

// openclawRequest names the secrets that are wanted.
type openclawRequest struct {
	provider string // alias under which OpenClaw knows us
	ids      []string
}

// openclawResponse has each id in one of its two maps.
type openclawResponse struct {
	ProtocolVersion int                      `json:"protocolVersion"`
	Values          map[string]string        `json:"values"`
	Errors          map[string]openclawError `json:"errors,omitempty"`
}

type openclawError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func openclawResolveCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:   "openclaw-resolve",
		Usage:  "answer OpenClaw, as an exec secret provider: a JSON request on standard input, values on standard output",
		Hidden: true, // people and agents have lease and exec
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "ttl", Usage: "lease each secret for `DURATION` (default: of the settings)"},
		},
		Action: inv.action(func(c *cli.Context) (result, error) {
			return runOpenclawResolve(c.Context, inv, c.String("ttl"))
		}),
	}
}

func runOpenclawResolve(ctx context.Context, inv *invocation, ttl string) (result, error) {
	like := store.Request{Via: lease.ViaStdout}
	var err error
	if like.TTL, err = parseTTL(ttl); err != nil {
		return result{}, err
	}
	request, err := inv.readOpenclawRequest()
	if err != nil {
		return result{}, usageError{msg: "the request of OpenClaw: " + err.Error(), fix: "secrets help openclaw-resolve"}
	}
	like.ClientID = openclawClient(request.provider)
	return inv.withStore(ctx, func(s *store.Store) (result, error) {
		r := newResolution(inv, s, like, request.ids)
		if err := r.resolve(ctx); err != nil {
			return result{}, err
		}
		return openclawResult(s, r)
	})
}

func openclawClient(provider string) string { return "openclaw:" + provider }

func (inv *invocation) readOpenclawRequest() (openclawRequest, error) {
	if inv.env.StdinTerminal {
		return openclawRequest{}, errors.New("it comes on standard input, from a program")
	}
	data, err := io.ReadAll(io.LimitReader(inv.env.Stdin, maxOpenclawRequest+1))
	switch {
	case err != nil:
		return openclawRequest{}, fmt.Errorf("standard input: %w", err)
	case len(data) > maxOpenclawRequest:
		return openclawRequest{}, fmt.Errorf("more than %d bytes", maxOpenclawRequest)
	}
	return parseOpenclawRequest(data)
}

// parseOpenclawRequest passes over members that it does not know: OpenClaw may
// add some without another version.
func parseOpenclawRequest(data []byte) (openclawRequest, error) {
	var members map[string]json.RawMessage
	if err := strictjson.Decode(data, &members); err != nil {
		return openclawRequest{}, err
	}
	var version int
	var r openclawRequest
	for _, m := range []struct {
		key string
		to  any
	}{{"protocolVersion", &version}, {"provider", &r.provider}, {"ids", &r.ids}} {
		if err := strictjson.Decode(members[m.key], m.to); err != nil {
			return openclawRequest{}, fmt.Errorf("%s: %w", m.key, err)
		}
	}
	return r, r.check(version)
}

func (r openclawRequest) check(version int) error {
	switch {
	case version != openclawVersion:
		return fmt.Errorf("protocolVersion %d is not spoken here, only %d", version, openclawVersion)
	case r.provider == "" || !lease.ValidClientID(openclawClient(r.provider)):
		return errors.New("provider: it takes 1 to 119 printable ASCII characters")
	case r.ids == nil:
		return errors.New("ids: want an array, got null")
	case len(r.ids) > maxOpenclawIDs:
		return fmt.Errorf("ids: more than %d", maxOpenclawIDs)
	}
	return nil
}

// openclawResult is the response in one line. If it cannot be written, none of
// its leases is delivered.
func openclawResult(s *store.Store, r *resolution) (result, error) {
	response := openclawResponse{ProtocolVersion: openclawVersion, Values: map[string]string{}, Errors: map[string]openclawError{}}
	for _, g := range r.grants {
		response.Values[g.Secret] = string(g.Value.Reveal())
	}
	for id, err := range r.refused {
		response.Errors[id] = openclawError{openclawCode(err), oneLine(err)}
	}
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(response); err != nil {
		return result{}, err
	}
	answer := result{raw: line.Bytes(), secret: true}
	if len(r.grants) > 0 {
		answer.undelivered = func(ctx context.Context) error { return s.Undelivered(ctx, idsOf(r.grants)...) }
	}
	return answer, nil
}

// openclawCode is ours in capitals, but for a name that no secret has, or that
// none can have.
func openclawCode(err error) string {
	if errors.Is(err, store.ErrSecretNotFound) || errors.Is(err, store.ErrInvalidName) {
		return openclawNotFound
	}
	return strings.ToUpper(codeOf(err))
}

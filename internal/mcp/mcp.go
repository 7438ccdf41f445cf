// Package mcp is a server of the Model Context Protocol on two streams, by which
// an agent uses secrets without seeing them: it runs commands with them, and
// gets what they print with the values taken out.
//
// The server opens no store and holds no value. Every tool is a command of this
// program, run as a process of its own, and answers what the command answers,
// with the same codes and fixes, but without its next actions: those are for a
// shell, and would lead a model to ask for values. tools.json is what a model
// reads about the tools.
//
// The SDK has both lifecycles of the protocol: the handshake by initialize, up
// to version 2025-11-25, and requests that each carry their version and client,
// from 2026-07-28 on. The client may be another one in every request.
package mcp

import (
	"context"
	"io"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Server is one server, for one client.
type Server struct {
	Version string
	Allow   Allow

	// Call runs a command to its end, whatever becomes of the client, with
	// stdin as its input. It returns the JSON document that the command printed;
	// an error means that there is none.
	Call func(client string, args []string, stdin []byte) ([]byte, error)

	// Exec runs the command line exec in dir. When ctx ends, so does the command
	// with all that it has started, and its leases; Exec returns after that.
	Exec func(ctx context.Context, client, dir string, exec []string, streams Streams) (exit int, err error)
}

// Allow says which tools there are beside those that are always there. Each of
// them does what a person may not want an agent to do.
type Allow struct {
	Values     bool // secrets_lease, which shows a value to the model
	Add        bool // secrets_add, for which the model has to know the value
	Killswitch bool // secrets_killswitch, which ends the leases of everybody
}

// Streams take what a command run by Exec prints, values redacted, and what
// exec itself has to say: notes, and the JSON document of its failure.
type Streams struct {
	Stdout, Stderr, Notes io.Writer
}

// Serve answers the client until in ends or ctx does, ends what still runs, and
// returns when that is done and the calls that were made have been answered. It
// writes nothing to out but the protocol. An error means that out cannot be
// written.
func (s Server) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	present, hangUp := context.WithCancel(ctx)
	defer hangUp()
	w := newWire(in, out, hangUp)
	server := mcp.NewServer(&mcp.Implementation{Name: "secrets", Title: "Secrets on leases", Version: s.Version}, &mcp.ServerOptions{
		Instructions: instructions,
		Capabilities: &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}},
	})
	if err := s.addTools(present, server); err != nil {
		return err
	}
	_ = server.Run(ctx, w) // it ended by the client, by ctx, or by what w knows
	return w.failure()
}

const instructions = `This server lets you use credentials without seeing them. Secrets have names; their values stay in an encrypted store.

To do anything that needs a credential, call secrets_run: it runs a command with the secrets in environment variables, and returns its exit code and output with the values replaced by [redacted:NAME]. Refer to the variable in the command, for example {"argv": ["sh", "-c", "curl -H \"Authorization: Bearer $TOKEN\" https://api.example.com/user"], "secrets": {"TOKEN": "github_token"}}. In a project with a .secrets.json leave "secrets" out: the command gets what that file lists. secrets_list shows the names.

Never ask for a value, neither with a tool nor from the user, and never try to make a command reveal one, by encoding it or by writing it to a file. If a secret is missing, ask the user to run: secrets add <name>.

A lease ends with the command that it was for. Every use is in an audit log that people read (secrets_audit). If something looks wrong, or a value has shown up where it should not, call secrets_revoke and tell the user.`

package mcp

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"agent-secrets/internal/strictjson"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// definitions is what a model is told about the tools, in the protocol's form.
//
//go:embed tools.json
var definitions []byte

// handler does what a tool is for, with its arguments as JSON, and returns what
// it answers. ctx ends when nobody waits for that any more.
type handler func(ctx context.Context, client string, arguments []byte) (any, error)

// handlers are the tools that are allowed, by name.
func (s Server) handlers() map[string]handler {
	tools := map[string]handler{
		"secrets_list":   command(s, listArgs.args),
		"secrets_status": command(s, statusArgs.args),
		"secrets_run":    s.run,
		"secrets_revoke": command(s, revokeArgs.args),
		"secrets_audit":  command(s, auditArgs.args),
	}
	if s.Allow.Values {
		tools["secrets_lease"] = s.lease
	}
	if s.Allow.Add {
		tools["secrets_add"] = s.add
	}
	if s.Allow.Killswitch {
		tools["secrets_killswitch"] = command(s, killswitchArgs.args)
	}
	return tools
}

func (s Server) addTools(present context.Context, server *mcp.Server) error {
	var tools []*mcp.Tool
	if err := json.Unmarshal(definitions, &tools); err != nil {
		return fmt.Errorf("read tools.json: %w", err)
	}
	handlers := s.handlers()
	for _, tool := range tools {
		if handle, allowed := handlers[tool.Name]; allowed {
			server.AddTool(tool, serve(present, handle))
		}
	}
	return nil
}

// serve lets handle answer requests, until the client is gone.
func serve(present context.Context, handle handler) mcp.ToolHandler {
	return func(ctx context.Context, request *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(present, cancel)()
		result, err := handle(ctx, clientOf(request), request.Params.Arguments)
		if err == nil {
			return answer(result)
		}
		if f, known := err.(*failure); known {
			return refusal(f)
		}
		return refusal(&failure{Code: "internal", Message: err.Error()})
	}
}

// decode reads arguments, strictly, into what in points to. Its errors name a
// key and never hold a value.
func decode(arguments []byte, in any) error {
	if len(arguments) == 0 || string(arguments) == "null" {
		arguments = []byte("{}")
	}
	if err := strictjson.Decode(arguments, in); err != nil {
		return usage("arguments: %v", err)
	}
	return nil
}

// command makes a tool of a command that takes words and no input.
func command[In any](s Server, words func(In) ([]string, error)) handler {
	return func(_ context.Context, client string, arguments []byte) (any, error) {
		var in In
		if err := decode(arguments, &in); err != nil {
			return nil, err
		}
		args, err := words(in)
		if err != nil {
			return nil, err
		}
		return s.call(client, args, nil)
	}
}

func (s Server) call(client string, args []string, stdin []byte) (json.RawMessage, error) {
	if err := checkWords(args); err != nil {
		return nil, err
	}
	printed, err := s.Call(client, args, stdin)
	if err != nil {
		return nil, err
	}
	return readDocument(printed)
}

// checkWords refuses what no argument of a process can hold.
func checkWords(args []string) error {
	for _, arg := range args {
		if strings.ContainsRune(arg, 0) {
			return usage("arguments: a zero byte is in one of them")
		}
	}
	return nil
}

// flag adds --name=value, unless value is empty.
func flag(args []string, name, value string) []string {
	if value == "" {
		return args
	}
	return append(args, "--"+name+"="+value)
}

type listArgs struct{}

func (listArgs) args() ([]string, error) { return []string{"list"}, nil }

type statusArgs struct{}

func (statusArgs) args() ([]string, error) { return []string{"status"}, nil }

type revokeArgs struct {
	LeaseIDs []string `json:"lease_ids"`
	Secret   string   `json:"secret"`
	ClientID string   `json:"client_id"`
}

func (a revokeArgs) args() ([]string, error) {
	if len(a.LeaseIDs) == 0 && a.Secret == "" && a.ClientID == "" {
		return nil, usage("say which leases: lease_ids, secret or client_id")
	}
	args := flag(flag([]string{"revoke"}, "secret", a.Secret), "client-id", a.ClientID)
	return append(append(args, "--"), a.LeaseIDs...), nil
}

type auditArgs struct {
	Tail     *int   `json:"tail"`
	Secret   string `json:"secret"`
	ClientID string `json:"client_id"`
	Action   string `json:"action"`
	Since    string `json:"since"`
}

// maxEvents is how many events an answer has at most: more is not for a model.
const maxEvents = 500

func (a auditArgs) args() ([]string, error) {
	args := []string{"audit"}
	if a.Tail != nil {
		if *a.Tail < 1 || *a.Tail > maxEvents {
			return nil, usage("tail: it takes 1 to %d events", maxEvents)
		}
		args = flag(args, "tail", strconv.Itoa(*a.Tail))
	}
	args = flag(flag(args, "secret", a.Secret), "client-id", a.ClientID)
	return flag(flag(args, "action", a.Action), "since", a.Since), nil
}

type killswitchArgs struct {
	Freeze bool `json:"freeze"`
	Rotate bool `json:"rotate"`
}

// args never has --wipe: what cannot be undone is for a person.
func (a killswitchArgs) args() ([]string, error) {
	args := []string{"revoke", "--all"}
	if a.Freeze {
		args = append(args, "--freeze")
	}
	if a.Rotate {
		args = append(args, "--rotate")
	}
	return args, nil
}

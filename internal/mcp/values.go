package mcp

import (
	"context"
	"encoding/json"
)

type leaseArgs struct {
	Name string `json:"name"`
	TTL  string `json:"ttl"`
}

// lease hands a value to the model. --attended has the log say so.
func (s Server) lease(ctx context.Context, client string, arguments []byte) (any, error) {
	var in leaseArgs
	if err := decode(arguments, &in); err != nil {
		return nil, err
	}
	granted, err := s.call(client, append(flag([]string{"lease", "--attended"}, "ttl", in.TTL), "--", in.Name), nil)
	if err != nil || ctx.Err() == nil {
		return granted, err
	}
	return nil, s.takeBack(client, granted)
}

// takeBack ends a lease that nobody waits for any more.
func (s Server) takeBack(client string, granted json.RawMessage) error {
	var lease struct {
		ID string `json:"lease_id"`
	}
	if err := json.Unmarshal(granted, &lease); err != nil {
		return err
	}
	if _, err := s.call(client, []string{"revoke", "--", lease.ID}, nil); err != nil {
		return err
	}
	return &failure{Code: "cancelled", Message: "the call was cancelled, and its lease revoked"}
}

type addArgs struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Force bool   `json:"force"`
}

// add takes no rotation hook: that is a command which cron would run later, out
// of the agent's bounds and without its user having seen it.
func (s Server) add(_ context.Context, client string, arguments []byte) (any, error) {
	var in addArgs
	if err := decode(arguments, &in); err != nil {
		return nil, err
	}
	args := []string{"add", "--keep-newline", "--from-file=-"}
	if in.Force {
		args = append(args, "--force")
	}
	return s.call(client, append(args, "--", in.Name), []byte(in.Value))
}

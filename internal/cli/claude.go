package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"agent-secrets/internal/fsx"
	"agent-secrets/internal/guard"
	"agent-secrets/lease"
	"agent-secrets/store"

	"github.com/urfave/cli/v2"
)

// claudeCode names the agent in client ids.
const claudeCode = "claude-code"

// claudeHookCommand is what plugins/claude calls. Claude Code gives the event as
// JSON on standard input and reads an answer, if there is any, from standard
// output; see https://code.claude.com/docs/en/hooks. An exit status of 2 would
// stop the tool, so that the plugin turns every failure into another: a hook
// that does not work must not get in anybody's way.
func claudeHookCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:      "claude-hook",
		Usage:     "answer a hook of Claude Code, whose event is on standard input: session-start, pre-tool-use or session-end",
		ArgsUsage: "<event>",
		Hidden:    true,
		Action: inv.action(func(c *cli.Context) (result, error) {
			return runClaudeHook(c.Context, inv, c.Args().First())
		}),
	}
}

// claudeEvent is what the hooks read of an event; there is more in it.
type claudeEvent struct {
	SessionID string     `json:"session_id"`
	Cwd       string     `json:"cwd"`
	Tool      string     `json:"tool_name"`
	Input     claudeTool `json:"tool_input"`
}

// claudeTool is what the hooks read of the input of a tool.
type claudeTool struct {
	Command  string `json:"command"`   // Bash
	FilePath string `json:"file_path"` // Read, Edit, MultiEdit, Write
	Path     string `json:"path"`      // Grep
	Glob     string `json:"glob"`      // Grep
}

// errHookInput means that a hook was given something else than an event.
var errHookInput = errors.New("cannot read the event on standard input")

// maxEvent is the size, in bytes, of the largest event that is read: a tool's
// input may be a whole file.
const maxEvent = 64 << 20

func runClaudeHook(ctx context.Context, inv *invocation, name string) (result, error) {
	hooks := map[string]func(context.Context, *invocation, claudeEvent) (result, error){
		"session-start": claudeSessionStart, "pre-tool-use": claudePreToolUse, "session-end": claudeSessionEnd,
	}
	hook := hooks[name]
	if hook == nil {
		return result{}, usageError{msg: "claude-hook takes session-start, pre-tool-use or session-end", fix: "secrets help claude-hook"}
	}
	if inv.env.StdinTerminal {
		return result{}, usageError{msg: "the event is read from standard input", fix: "secrets help claude-hook"}
	}
	data, err := io.ReadAll(io.LimitReader(inv.env.Stdin, maxEvent))
	if err != nil {
		return result{}, fmt.Errorf("%w: %v", errHookInput, err)
	}
	var event claudeEvent
	if err := json.Unmarshal(data, &event); err != nil {
		// Of the event nothing is repeated: there may be a value in it.
		return result{}, fmt.Errorf("%w: it is not the JSON of an event", errHookInput)
	}
	return hook(ctx, inv, event)
}

// noAnswer lets things take their course.
func noAnswer() result { return result{raw: []byte{}} }

// claudeClientID is in whose name a session asks, or empty for a session without
// a usable id.
func claudeClientID(session string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
	}
	id := claudeCode + ":" + session
	if session == "" || strings.TrimLeftFunc(session, plain) != "" || !lease.ValidClientID(id) {
		return ""
	}
	return id
}

// claudeSessionStart has the session's shell commands ask in the session's name,
// so that its leases can be told from others. Somebody who has chosen a client id
// keeps it; one of an outer session does not count as chosen.
func claudeSessionStart(_ context.Context, inv *invocation, event claudeEvent) (result, error) {
	id, file := claudeClientID(event.SessionID), inv.getenv("CLAUDE_ENV_FILE")
	chosen := inv.getenv("SECRETS_CLIENT_ID")
	if id == "" || file == "" || chosen != "" && !strings.HasPrefix(chosen, claudeCode+":") {
		return noAnswer(), nil
	}
	line := "export SECRETS_CLIENT_ID=" + shellQuote(id) + "\n"
	return noAnswer(), fileError(fsx.AppendOrCreateExternal(file, []byte(line)))
}

// claudeSessionEnd ends the leases that were granted in the session's name.
func claudeSessionEnd(ctx context.Context, inv *invocation, event claudeEvent) (result, error) {
	id := claudeClientID(event.SessionID)
	if id == "" {
		return noAnswer(), nil
	}
	_, err := runRevoke(ctx, inv, store.Selector{ClientID: id})
	if errors.Is(err, store.ErrNotInitialized) {
		err = nil
	}
	return noAnswer(), err
}

// claudePreToolUse refuses a tool that would put values into the conversation.
func claudePreToolUse(_ context.Context, inv *invocation, event claudeEvent) (result, error) {
	found := inv.inspect(event)
	if found == guard.Nothing {
		return noAnswer(), nil
	}
	var answer claudeAnswer
	answer.Output.Event = "PreToolUse"
	answer.Output.Decision = "deny"
	answer.Output.Reason = refusal(found)
	text, err := encode(answer)
	return result{raw: text}, err
}

type claudeAnswer struct {
	Output struct {
		Event    string `json:"hookEventName"`
		Decision string `json:"permissionDecision"`
		Reason   string `json:"permissionDecisionReason"`
	} `json:"hookSpecificOutput"`
}

func (inv *invocation) inspect(event claudeEvent) guard.Finding {
	g := guard.Guard{Dir: event.Cwd, Home: inv.getenv("HOME")}
	if state, err := inv.directory(); err == nil {
		if !filepath.IsAbs(state) {
			state = filepath.Join(event.Cwd, state)
		}
		g.State = filepath.Clean(state)
	}
	switch event.Tool {
	case "Bash":
		return g.Command(event.Input.Command)
	case "Read", "Edit", "MultiEdit":
		return g.Read(event.Input.FilePath)
	case "Write":
		return g.Write(event.Input.FilePath)
	case "Grep":
		if found := g.Read(event.Input.Path); found != guard.Nothing {
			return found
		}
		return g.Pattern(event.Input.Glob)
	}
	return guard.Nothing
}

// refusal tells the model what to do instead.
func refusal(found guard.Finding) string {
	switch found {
	case guard.Environment:
		return "This would print the environment, and any credentials in it, into the conversation. " +
			"To run a command with the secrets that it needs, without seeing them: secrets exec -- <cmd>. To see one variable that is no secret: printenv NAME."
	case guard.State:
		return "The state directory of secrets holds the store and its key: neither is for you to read or to change. " +
			"What there is: secrets list. How it is: secrets status. To use a secret without seeing it: secrets exec --env VAR=<name> -- <cmd>."
	}
	return "This would read an env file, and the values in it, into the conversation. " +
		"To run a command with the secrets that it needs, without seeing them: secrets exec -- <cmd>. Which variables there are: .secrets.json, or secrets list. " +
		"If the file holds no secrets, ask the user."
}

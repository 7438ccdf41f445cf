package cli

// agentSign is a variable by which an agent's commands can tell who runs them.
type agentSign struct {
	variable string
	value    string // what it has to be; empty: anything
	name     string // of the agent, in client ids
}

// agentSigns lists what agents set for the commands that they run. What is also
// set in a person's own terminal, such as an editor's, is no sign. The first row
// that fits decides, so that who sets another's variable too stands above it.
func agentSigns() []agentSign {
	return []agentSign{
		{"AGENT", "amp", "amp"}, // sets CLAUDECODE, too
		{"CODEX_THREAD_ID", "", "codex"},
		{"CODEX_SANDBOX", "", "codex"},
		{"GEMINI_CLI", "", "gemini-cli"},
		{"COPILOT_CLI", "", "copilot-cli"},
		{"OPENCODE", "", "opencode"},
		{"OPENCLAW_SHELL", "exec", "openclaw"},
		{"ANTIGRAVITY_AGENT", "", "antigravity"},
		{"AUGMENT_AGENT", "", "augment"},
		{"CLAUDECODE", "", claudeCode},
		{"CURSOR_AGENT", "", "cursor"},
	}
}

// agent is the name of the agent that runs this command, or empty. It serves to
// name who asks, and nothing is ever allowed for it: anybody can set a variable.
// AI_AGENT names every other agent, and comes last because some put a version
// into it, with which the name would change.
func (inv *invocation) agent() string {
	for _, sign := range agentSigns() {
		value := inv.getenv(sign.variable)
		if value == "" || value == "0" || value == "false" {
			continue
		}
		if sign.value == "" || sign.value == value {
			return sign.name
		}
	}
	return inv.getenv("AI_AGENT")
}

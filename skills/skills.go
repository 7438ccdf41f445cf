// Package skills holds what agents are taught about this program, in the Agent
// Skills format: https://agentskills.io/specification.
package skills

import _ "embed"

// Name is the skill's name, and by the format that of its directory, too.
const Name = "secret-management"

//go:embed secret-management/SKILL.md
var secretManagement string

// SecretManagement is the text of the skill's SKILL.md.
func SecretManagement() string { return secretManagement }

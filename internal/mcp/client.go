package mcp

import (
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// maxClient bounds the name of a client, in bytes.
const maxClient = 64

// clientOf is who a request comes from, as a client id: what the client calls
// itself, made fit for a shell.
func clientOf(request *mcp.CallToolRequest) string {
	name := ""
	if info := request.ClientInfo(); info != nil {
		name = info.Name
	}
	return clientID(name)
}

func clientID(name string) string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("._/@+-", r):
			return r
		}
		return '-'
	}, name)
	plain = strings.Trim(plain[:min(len(plain), maxClient)], "-")
	if plain == "" {
		plain = "unknown"
	}
	return "mcp:" + plain
}

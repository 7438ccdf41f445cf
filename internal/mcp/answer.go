package mcp

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// failure is why a tool did not do what it was asked for, as a command says it.
type failure struct {
	Code, Message string
	Fix           string
	Result        any // what was done nevertheless
}

func (f *failure) Error() string { return f.Message }

// usage is a failure of the arguments. It never repeats one.
func usage(format string, a ...any) error {
	return &failure{Code: "usage", Message: fmt.Sprintf(format, a...)}
}

// document is what a command prints.
type document struct {
	OK     bool            `json:"ok"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
		Code    string `json:"code"`
	} `json:"error"`
	Fix string `json:"fix"`
}

// readDocument returns the result of a command that did its work.
func readDocument(data []byte) (json.RawMessage, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil || d.OK != (d.Error == nil) {
		return nil, &failure{Code: "internal", Message: "the command ended without saying how"}
	}
	if d.Error == nil {
		return d.Result, nil
	}
	f := &failure{Code: d.Error.Code, Message: d.Error.Message, Fix: d.Fix}
	if len(d.Result) > 0 {
		f.Result = d.Result
	}
	return nil, f
}

// answer is a tool's result: as data, and as text for clients that read only that.
func answer(result any) (*mcp.CallToolResult, error) {
	text, err := encode(result)
	if err != nil {
		return nil, err
	}
	return &mcp.CallToolResult{StructuredContent: json.RawMessage(text), Content: content(text)}, nil
}

// refusal is the result of a tool that failed: text alone, since the data would
// have to be that of a success.
func refusal(f *failure) (*mcp.CallToolResult, error) {
	type fault struct {
		Message string `json:"message"`
		Code    string `json:"code"`
	}
	text, err := encode(struct {
		Error  fault  `json:"error"`
		Fix    string `json:"fix,omitempty"`
		Result any    `json:"result,omitempty"`
	}{fault{f.Message, f.Code}, f.Fix, f.Result})
	if err != nil {
		return nil, err
	}
	return &mcp.CallToolResult{IsError: true, Content: content(text)}, nil
}

func content(text []byte) []mcp.Content { return []mcp.Content{&mcp.TextContent{Text: string(text)}} }

// encode leaves <name> as it is.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

package mcp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// wire is one JSON-RPC message a line on two streams: the transport that the
// SDK has, but for three things. A line that is no message is answered with an
// error, where the SDK's would end the session. So is a line that is too long,
// which is read without being kept. And when the input ends, the calls that are
// under way are answered before the session is closed.
type wire struct {
	in     <-chan line
	out    io.Writer
	hangUp func() // tells the calls under way that nobody waits for them

	closed    chan struct{}
	closeOnce sync.Once

	writing  sync.Mutex // also guards what follows
	failed   error      // of a write
	pending  map[jsonrpc.ID]bool
	answered chan struct{} // has room for one: pending has become empty
}

// line is one line of the input, or what is wrong with it.
type line struct {
	data []byte
	err  error
}

// maxLine bounds a message, in bytes: the largest value there can be, each byte
// of it escaped as six, and room for the rest.
const maxLine = 8 << 20

// patience is how long the calls under way may take to end when the client is
// gone: longer than it takes to kill what does not want to end.
const patience = 30 * time.Second

func newWire(in io.Reader, out io.Writer, hangUp func()) *wire {
	w := &wire{
		out: out, hangUp: hangUp, closed: make(chan struct{}),
		pending: map[jsonrpc.ID]bool{}, answered: make(chan struct{}, 1),
	}
	w.in = w.read(in)
	return w
}

// Connect makes wire a transport.
func (w *wire) Connect(context.Context) (mcp.Connection, error) { return w, nil }

func (w *wire) SessionID() string { return "" }

// Close unblocks Read. The streams are the caller's: who reads the input goes on
// until that ends or the process does.
func (w *wire) Close() error {
	w.closeOnce.Do(func() { close(w.closed) })
	return nil
}

// Read returns the next message, and io.EOF when there is none any more and the
// last call has been answered.
func (w *wire) Read(ctx context.Context) (jsonrpc.Message, error) {
	for {
		select {
		case l, more := <-w.in:
			if !more {
				return nil, w.drain()
			}
			if message := w.accept(l); message != nil {
				return message, nil
			}
		case <-w.closed:
			return nil, io.EOF
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// accept returns the message of a line, or answers what is none.
func (w *wire) accept(l line) jsonrpc.Message {
	if l.err != nil {
		w.refuse(nil, jsonrpc.CodeInvalidRequest, l.err.Error())
		return nil
	}
	if !utf8.Valid(l.data) || !json.Valid(l.data) {
		w.refuse(nil, jsonrpc.CodeParseError, "the line is not JSON")
		return nil
	}
	message, err := jsonrpc.DecodeMessage(l.data)
	if err != nil || empty(message) {
		w.refuse(idOf(l.data), jsonrpc.CodeInvalidRequest, "the line is not a JSON-RPC 2.0 message; batches are not taken")
		return nil
	}
	if request, ok := message.(*jsonrpc.Request); ok && request.IsCall() {
		w.writing.Lock()
		w.pending[request.ID] = true
		w.writing.Unlock()
	}
	return message
}

// empty reports whether a message is neither a request nor a response.
func empty(message jsonrpc.Message) bool {
	response, ok := message.(*jsonrpc.Response)
	return ok && response.Result == nil && response.Error == nil
}

// idOf is the id of what is otherwise no message, or null.
func idOf(data []byte) json.RawMessage {
	var message struct {
		ID json.RawMessage `json:"id"`
	}
	if json.Unmarshal(data, &message) != nil || len(message.ID) == 0 {
		return nil
	}
	if c := message.ID[0]; c == '"' || c == '-' || '0' <= c && c <= '9' {
		return message.ID
	}
	return nil
}

func (w *wire) refuse(id json.RawMessage, code int, why string) {
	type fault struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	data, err := json.Marshal(struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   fault           `json:"error"`
	}{"2.0", id, fault{code, why}})
	if err == nil {
		_ = w.send(data) // the next write by the SDK meets the error, too
	}
}

// Write sends a message.
func (w *wire) Write(_ context.Context, message jsonrpc.Message) error {
	data, err := jsonrpc.EncodeMessage(message)
	if err == nil {
		err = w.send(data)
	}
	if response, ok := message.(*jsonrpc.Response); ok {
		w.settle(response.ID)
	}
	return err
}

func (w *wire) send(data []byte) error {
	w.writing.Lock()
	defer w.writing.Unlock()
	if w.failed == nil {
		if _, w.failed = w.out.Write(append(data, '\n')); w.failed != nil {
			w.hangUp()
		}
	}
	return w.failed
}

// failure is what a write failed with.
func (w *wire) failure() error {
	w.writing.Lock()
	defer w.writing.Unlock()
	if w.failed != nil {
		return fmt.Errorf("write to the client: %w", w.failed)
	}
	return nil
}

func (w *wire) settle(id jsonrpc.ID) {
	w.writing.Lock()
	defer w.writing.Unlock()
	delete(w.pending, id)
	if len(w.pending) == 0 {
		select {
		case w.answered <- struct{}{}:
		default:
		}
	}
}

func (w *wire) idle() bool {
	w.writing.Lock()
	defer w.writing.Unlock()
	return len(w.pending) == 0
}

// drain ends what runs for a client that is gone, and waits for it.
func (w *wire) drain() error {
	w.hangUp()
	late := time.NewTimer(patience)
	defer late.Stop()
	for !w.idle() {
		select {
		case <-w.answered:
		case <-w.closed:
			return io.EOF
		case <-late.C:
			return io.EOF
		}
	}
	return io.EOF
}

// read hands over the lines of in as they come. An input that fails has ended.
func (w *wire) read(in io.Reader) <-chan line {
	lines := make(chan line)
	go func() {
		defer close(lines)
		for r := bufio.NewReader(in); ; {
			data, err := readLine(r)
			l := line{data: bytes.TrimSpace(data)}
			if errors.Is(err, errTooLong) {
				l, err = line{err: err}, nil
			}
			if len(l.data) > 0 || l.err != nil {
				select {
				case lines <- l:
				case <-w.closed:
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return lines
}

var errTooLong = fmt.Errorf("the line is longer than %d bytes", maxLine)

// readLine reads to the end of a line, also of one that it does not keep.
func readLine(r *bufio.Reader) ([]byte, error) {
	var data []byte
	tooLong := false
	for {
		part, err := r.ReadSlice('\n')
		if tooLong = tooLong || len(data)+len(part) > maxLine; tooLong {
			data = nil
		} else {
			data = append(data, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case tooLong:
			return nil, errTooLong
		default:
			return data, err
		}
	}
}

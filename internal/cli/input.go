package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"agent-secrets/internal/fsx"
	"agent-secrets/store"
)

// source says where a value comes from.
type source struct {
	file        string // a path, "-" for standard input, or empty
	keepNewline bool
}

// read returns the value: of the file, of standard input unless that is a
// terminal, or what a person types twice. One newline at the end is dropped,
// for it is an editor's or echo's and not the value's.
func (inv *invocation) read(from source, name string) (store.Value, error) {
	data, err := inv.readBytes(from, name)
	if err != nil {
		return store.Value{}, err
	}
	if !from.keepNewline {
		data = dropNewline(data)
	}
	value := store.NewValue(data)
	return value, store.CheckValue(value)
}

// maxInput leaves room for the newline that will be dropped.
const maxInput = store.MaxValue + 2

func (inv *invocation) readBytes(from source, name string) ([]byte, error) {
	switch {
	case from.file != "" && from.file != "-":
		data, err := fsx.ReadExternal(from.file, maxInput)
		if errors.Is(err, fsx.ErrTooLarge) {
			return nil, fmt.Errorf("%w: at most %d bytes", store.ErrValueTooLarge, store.MaxValue)
		}
		return data, fileError(err)
	case inv.env.StdinTerminal && from.file == "":
		return inv.ask(name)
	}
	data, err := io.ReadAll(io.LimitReader(inv.env.Stdin, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("%w: standard input: %v", errFile, err)
	}
	return data, nil
}

func dropNewline(data []byte) []byte {
	data, found := bytes.CutSuffix(data, []byte("\n"))
	if found {
		data = bytes.TrimSuffix(data, []byte("\r"))
	}
	return data
}

func (inv *invocation) ask(name string) ([]byte, error) {
	t, err := inv.terminal(inv.command() + " " + name + " --from-file <path> # or pipe the value in")
	if err != nil {
		return nil, err
	}
	defer t.Close()
	first, err := t.Ask("Value of "+name+": ", true)
	if err != nil {
		return nil, err
	}
	second, err := t.Ask("Once more: ", true)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, second) {
		return nil, usageError{msg: "the two values differ: nothing was changed", fix: "secrets help " + inv.commandName()}
	}
	return first, nil
}

// terminal opens the controlling terminal. Without one there is nobody to ask,
// and the error says what to do instead.
func (inv *invocation) terminal(instead string) (Terminal, error) {
	t, err := inv.env.Terminal()
	if err != nil {
		return nil, usageError{msg: "there is no terminal to ask on", fix: instead}
	}
	return t, nil
}

// confirm asks a person on the terminal to type yes.
func (inv *invocation) confirm(question, instead string) error {
	if !inv.env.StdinTerminal {
		return usageError{msg: "it takes a terminal to confirm this, or --yes", fix: instead}
	}
	t, err := inv.terminal(instead)
	if err != nil {
		return err
	}
	defer t.Close()
	answer, err := t.Ask(question+" [y/N] ", false)
	if err != nil {
		return err
	}
	if a := string(bytes.ToLower(bytes.TrimSpace(answer))); a != "y" && a != "yes" {
		return usageError{msg: "not confirmed: nothing was changed", fix: instead}
	}
	return nil
}

// fileError marks an error about a file that the user named.
func fileError(err error) error {
	var path *fs.PathError
	if !errors.As(err, &path) {
		return err
	}
	return fmt.Errorf("%w: %w", errFile, err)
}

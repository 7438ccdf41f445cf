package store

import "fmt"

// MaxValue is the largest value, in bytes.
const MaxValue = 1 << 20

// Value is a secret value. It prints and marshals as "[redacted]"; only Reveal
// opens it. It holds a function because fmt does not ask the formatter for %p
// and in unexported fields, and cannot look into one.
type Value struct{ reveal func() []byte }

const redacted = "[redacted]"

// NewValue takes bytes, which the caller must not change afterwards, as a value.
func NewValue(bytes []byte) Value { return Value{func() []byte { return bytes }} }

// Reveal returns the bytes of the value. Its callers are the places where a
// secret leaves; a test lists them.
func (v Value) Reveal() []byte {
	if v.reveal == nil {
		return nil
	}
	return v.reveal()
}

// Len returns the length of the value in bytes.
func (v Value) Len() int { return len(v.Reveal()) }

// Format implements fmt.Formatter.
func (v Value) Format(s fmt.State, _ rune) { fmt.Fprint(s, redacted) }

// MarshalText implements encoding.TextMarshaler.
func (v Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }

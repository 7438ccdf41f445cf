package store

import "fmt"

// MaxValue is the largest value, in bytes.
const MaxValue = 1 << 20

// Value is a secret value. It prints and marshals as "[redacted]", whatever the
// verb; only Reveal opens it.
type Value struct{ bytes []byte }

const redacted = "[redacted]"

// NewValue takes bytes, which the caller must not change afterwards, as a value.
func NewValue(bytes []byte) Value { return Value{bytes} }

// Reveal returns the bytes of the value. Its callers are the places where a
// secret leaves; a test lists them.
func (v Value) Reveal() []byte { return v.bytes }

// Len returns the length of the value in bytes.
func (v Value) Len() int { return len(v.bytes) }

// Format implements fmt.Formatter.
func (v Value) Format(s fmt.State, _ rune) { fmt.Fprint(s, redacted) }

// MarshalText implements encoding.TextMarshaler.
func (v Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }

package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"agent-secrets/internal/strictjson"
	"agent-secrets/lease"

	"filippo.io/age"
)

// The payload of secrets.age is JSON Lines: a header, then a record for each
// secret, sorted by name, whose first member is the name. One secret is found
// by looking at the beginnings of lines, and one record is decoded.
const payloadVersion = 1

type header struct {
	Version    int    `json:"version"`
	Generation uint64 `json:"generation"` // +1 with every write
	Count      int    `json:"count"`      // of records
}

// record is a secret as the store keeps it. Values are bytes, so that they are
// base64 in JSON: a JSON string would change what is not UTF-8.
type record struct {
	Name        string    `json:"name"`
	Value       []byte    `json:"value"`
	Previous    []byte    `json:"previous,omitempty"` // the value before
	RotateVia   string    `json:"rotate_via,omitempty"`
	RotateEvery Duration  `json:"rotate_every,omitzero"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	ValueAt     time.Time `json:"value_at"`            // since when it has the value
	RotatedAt   time.Time `json:"rotated_at,omitzero"` // by its hook
}

// setValue keeps the value that was there for a rollback.
func (r *record) setValue(value []byte, now time.Time) {
	if bytes.Equal(r.Value, value) {
		return
	}
	r.Previous, r.Value, r.ValueAt = r.Value, value, now
}

// dueAt is when the secret is to be rotated next, or zero.
func (r record) dueAt() time.Time {
	if r.RotateEvery == 0 {
		return time.Time{}
	}
	since := r.ValueAt
	if r.RotatedAt.After(since) {
		since = r.RotatedAt
	}
	return since.Add(r.RotateEvery.Duration())
}

// payload is the decrypted store.
type payload struct {
	header
	records []byte // the lines after the header
}

// maxStore bounds what is read: 256 MiB, encrypted.
const maxStore = 256 << 20

func decrypt(ciphertext []byte, id age.Identity) (payload, error) {
	if len(ciphertext) == 0 {
		return payload{}, fmt.Errorf("%w: the file is empty", ErrCorrupt)
	}
	r, err := age.Decrypt(bytes.NewReader(ciphertext), id)
	var mismatch *age.NoIdentityMatchError
	if errors.As(err, &mismatch) {
		return payload{}, ErrWrongIdentity
	}
	if err != nil {
		return payload{}, fmt.Errorf("%w: it is not a whole age file", ErrCorrupt)
	}
	plaintext := bytes.NewBuffer(make([]byte, 0, len(ciphertext)))
	if _, err := io.Copy(plaintext, r); err != nil {
		return payload{}, fmt.Errorf("%w: it is cut short or was changed", ErrCorrupt)
	}
	return decodePayload(plaintext.Bytes())
}

func encrypt(p payload, to age.Recipient) ([]byte, error) {
	head, err := json.Marshal(p.header)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		return nil, err
	}
	for _, part := range [][]byte{head, {'\n'}, p.records} {
		if _, err := w.Write(part); err != nil {
			return nil, err
		}
	}
	err = w.Close()
	return out.Bytes(), err
}

func decodePayload(plaintext []byte) (payload, error) {
	head, records, found := bytes.Cut(plaintext, []byte{'\n'})
	var p payload
	if err := strictjson.Decode(head, &p.header); err != nil || !found {
		return payload{}, fmt.Errorf("%w: it holds something else", ErrCorrupt)
	}
	if p.Version != payloadVersion {
		return payload{}, fmt.Errorf("%w: format version %d is not known to this program, which writes %d", ErrCorrupt, p.Version, payloadVersion)
	}
	if n := bytes.Count(records, []byte{'\n'}); n != p.Count {
		return payload{}, fmt.Errorf("%w: it holds %d records and should hold %d", ErrCorrupt, n, p.Count)
	}
	if len(records) > 0 && records[len(records)-1] != '\n' {
		return payload{}, fmt.Errorf("%w: there is more after its last record", ErrCorrupt)
	}
	p.records = records
	return p, nil
}

// find returns the record called name.
func (p payload) find(name string) (record, error) {
	// A valid name has no character that JSON escapes.
	prefix := []byte(`{"name":"` + name + `",`)
	for line := range bytes.Lines(p.records) {
		if bytes.HasPrefix(line, prefix) {
			return decodeRecord(line)
		}
	}
	return record{}, notFound(name)
}

// all returns every record, sorted by name.
func (p payload) all() ([]record, error) {
	records := make([]record, 0, p.Count)
	for line := range bytes.Lines(p.records) {
		r, err := decodeRecord(line)
		if err != nil {
			return nil, err
		}
		if n := len(records); n > 0 && records[n-1].Name >= r.Name {
			return nil, fmt.Errorf("%w: records are not in order", ErrCorrupt)
		}
		records = append(records, r)
	}
	return records, nil
}

// with returns the payload of the next generation, with these records.
func (p payload) with(records []record) (payload, error) {
	slices.SortFunc(records, func(a, b record) int { return strings.Compare(a.Name, b.Name) })
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	enc.SetEscapeHTML(false)
	for _, r := range records {
		if err := enc.Encode(r); err != nil {
			return payload{}, err
		}
	}
	next := header{Version: payloadVersion, Generation: p.Generation + 1, Count: len(records)}
	return payload{header: next, records: lines.Bytes()}, nil
}

// decodeRecord reports a bad record without its text.
func decodeRecord(line []byte) (record, error) {
	var r record
	if err := strictjson.Decode(bytes.TrimSuffix(line, []byte{'\n'}), &r); err != nil {
		return record{}, fmt.Errorf("%w: a record is not one: %v", ErrCorrupt, err)
	}
	if !lease.ValidName(r.Name) || len(r.Value) == 0 {
		return record{}, fmt.Errorf("%w: a record is not complete", ErrCorrupt)
	}
	return r, nil
}

// Package importer reads many secrets at once from what other tools keep or
// print: .env files, JSON, and the output of sops -d.
//
// It works on bytes alone. What is not a text under a name is refused, with the
// line where it stands, and no reason for it ever holds a value. What lies in
// objects in objects is named by all of their keys, joined by slashes.
package importer

import (
	"bytes"
	"fmt"

	"agent-secrets/envfile"
)

// MaxInput is how many bytes are read at once: 16 MiB.
const MaxInput = 16 << 20

// Entry is a value that was found.
type Entry struct {
	Key   string
	Line  int // from 1
	Value []byte
}

// Refusal says why something cannot be imported. Key is empty where the line
// has none, or none that is known not to be a value.
type Refusal struct {
	Key    string
	Line   int
	Reason string
}

// Found is what an input holds, in its order.
type Found struct {
	Entries []Entry
	Refused []Refusal
}

// Formats are the formats that Read knows.
func Formats() []string { return []string{"dotenv", "json", "sops"} }

// Read reads an input of one of the Formats. Keys that come twice are refused.
func Read(format string, data []byte) Found {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	var found Found
	switch format {
	case "json":
		found = readJSON(data)
	case "sops":
		found = readSops(data)
	default:
		found = readDotenv(data)
	}
	if locked := found.encrypted(); locked != nil {
		return Found{Refused: []Refusal{*locked}}
	}
	found.refuseTwice()
	return found
}

func readDotenv(data []byte) (found Found) {
	if first := bytes.TrimLeft(data, " \t\r\n"); len(first) > 0 && first[0] == '{' {
		return Found{Refused: []Refusal{{Line: 1, Reason: "this is not a .env file; for JSON: --format json"}}}
	}
	set, refused := envfile.Parse(data)
	for _, a := range set {
		found.Entries = append(found.Entries, Entry{a.Name, a.Line, a.Value})
	}
	for _, r := range refused {
		found.Refused = append(found.Refused, Refusal{r.Name, r.Line, r.Reason})
	}
	return found
}

// encrypted finds a value that sops has not decrypted: as a secret it would be
// of no use to anybody.
func (f *Found) encrypted() *Refusal {
	for _, e := range f.Entries {
		if bytes.HasPrefix(e.Value, []byte("ENC[AES256_GCM,")) {
			return &Refusal{e.Key, e.Line, "it is still encrypted: pipe what sops -d prints"}
		}
	}
	return nil
}

func (f *Found) refuseTwice() {
	first := make(map[string]int, len(f.Entries))
	kept := f.Entries[:0]
	for _, e := range f.Entries {
		if line, twice := first[e.Key]; twice {
			f.refuse(e.Key, e.Line, fmt.Sprintf("line %d has it already", line))
			continue
		}
		first[e.Key] = e.Line
		kept = append(kept, e)
	}
	f.Entries = kept
}

// maxRefusals bounds what is said about one input.
const maxRefusals = 200

func (f *Found) refuse(key string, line int, reason string) {
	if len(f.Refused) < maxRefusals {
		f.Refused = append(f.Refused, Refusal{key, line, reason})
	}
}

// join is the key of a member of what is called path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "/" + key
}

package envfile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"agent-secrets/internal/strictjson"
)

// ErrInvalidManifest is wrapped by every error of ParseManifest.
var ErrInvalidManifest = errors.New("invalid project file")

const maxManifestBytes = 1 << 20

// Manifest is what a project's .secrets.json asks for. schema.json describes
// the file for editors.
type Manifest struct {
	Secrets  []Entry // at least one, in the order of the file
	ClientID string  // empty where the file has none
}

// Entry asks for one secret in one environment variable.
type Entry struct {
	Name, EnvVar string
	TTL          string // a duration as it was written; empty where the file has none
}

// ParseManifest reads a .secrets.json. It is strict: unknown keys (but
// "$schema"), keys or variables given twice, a variable that CheckVar refuses,
// empty strings, null, an empty list, data after the object, a byte order mark
// and files over 1 MiB are errors, which wrap ErrInvalidManifest and give the
// line, the column in bytes and the entry.
//
// It does not check the grammar of secret names, client_id and ttl: their
// types live elsewhere, and so that is the caller's part.
func ParseManifest(data []byte) (Manifest, error) {
	if len(data) > maxManifestBytes {
		return Manifest{}, fmt.Errorf("%w: over 1 MiB", ErrInvalidManifest)
	}
	var file manifestFile
	if err := strictjson.Decode(data, &file); err != nil {
		return Manifest{}, decodeError(data, err)
	}
	check := manifestCheck{data, findPlaces(data)}
	if err := check.file(&file); err != nil {
		return Manifest{}, err
	}
	return file.manifest(), nil
}

type manifestFile struct {
	Schema   string      `json:"$schema"`
	Secrets  []entryFile `json:"secrets"`
	ClientID string      `json:"client_id"`
}

type entryFile struct {
	Name   string `json:"name"`
	EnvVar string `json:"env_var"`
	TTL    string `json:"ttl"`
}

func (f *manifestFile) manifest() Manifest {
	m := Manifest{ClientID: f.ClientID, Secrets: make([]Entry, 0, len(f.Secrets))}
	for _, e := range f.Secrets {
		m.Secrets = append(m.Secrets, Entry(e))
	}
	return m
}

// manifestCheck looks for what decoding alone lets pass.
type manifestCheck struct {
	data   []byte
	places places
}

func (c *manifestCheck) file(f *manifestFile) error {
	if len(f.Secrets) == 0 {
		return c.fail("secrets", "lists no secret")
	}
	if f.ClientID == "" && c.places.has("client_id") {
		return c.fail("client_id", "is empty")
	}
	seen := make(map[string]int, len(f.Secrets))
	for i, e := range f.Secrets {
		path := "secrets[" + strconv.Itoa(i) + "]"
		if err := c.entry(path, e); err != nil {
			return err
		}
		if first, ok := seen[e.EnvVar]; ok {
			return c.fail(path+".env_var", fmt.Sprintf("%s is set by secrets[%d] already", e.EnvVar, first))
		}
		seen[e.EnvVar] = i
	}
	return nil
}

func (c *manifestCheck) entry(path string, e entryFile) error {
	if e.Name == "" {
		return c.fail(path+".name", "is missing or empty")
	}
	if e.EnvVar == "" {
		return c.fail(path+".env_var", "is missing or empty")
	}
	if e.TTL == "" && c.places.has(path+".ttl") {
		return c.fail(path+".ttl", "is empty")
	}
	if err := CheckVar(e.EnvVar); err != nil {
		return c.fail(path+".env_var", err.Error())
	}
	return nil
}

// fail places a problem at a key, or where that is missing at what should hold
// it.
func (c *manifestCheck) fail(path, problem string) error {
	line, column := position(c.data, c.places.nearest(path))
	return manifestError(line, column, path, problem)
}

func manifestError(line, column int, path, problem string) error {
	if path != "" {
		problem = path + ": " + problem
	}
	return fmt.Errorf("%w: line %d, column %d: %s", ErrInvalidManifest, line, column, problem)
}

// decodeError adds to the place that the decoder gives the entry it is in.
func decodeError(data []byte, err error) error {
	var refused *strictjson.Error
	if !errors.As(err, &refused) {
		return fmt.Errorf("%w: %v", ErrInvalidManifest, err)
	}
	path := pathAt(data, offsetOf(data, refused.Line, refused.Column))
	problem := strings.TrimPrefix(refused.Problem, "key "+strconv.Quote(lastKey(path))+": ")
	return manifestError(refused.Line, refused.Column, path, problem)
}

// lastKey returns the key that the decoder repeats in its problem: the last
// one of a path.
func lastKey(path string) string {
	path, _, _ = strings.Cut(path[strings.LastIndexByte(path, '.')+1:], "[")
	return path
}

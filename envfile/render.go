// Package envfile reads .secrets.json, the list of what a project needs, and
// .env files, and renders environment variables for the programs that read them
// from a file.
//
// Everything here works on bytes: it opens no file and knows no state.
//
// Each format is exact for its reader: what the reader gets is the value, byte
// for byte, or Render refuses. Where a format has many readers that differ
// (dotenv), values that some of them change come with a warning. No error and
// no warning ever holds a value.
package envfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrUnrepresentable says that a format has no way to write a value so that
// its reader gets exactly that value.
var ErrUnrepresentable = errors.New("value cannot be written exactly")

// Var is an environment variable to render.
type Var struct {
	Name   string // of the environment variable
	Secret string // name of the secret, for error messages
	Value  []byte
}

// Header is what the comments at the top of a file say. JSON and github files
// have no comments.
type Header struct {
	// Expires is when the earliest lease ends. The zero time leaves the line
	// out.
	Expires time.Time
}

// Output is a rendered file and what goes with it.
type Output struct {
	File     []byte   // for the file or for standard output
	Masks    []byte   // github only: lines for standard output, to be written before File is
	Warnings []string // for standard error, one line each
}

// Render writes vars in a format, sorted by name: all of them or, on an error,
// none. Only github reads rand, for its delimiters. A value that the format
// cannot hold is an error that wraps ErrUnrepresentable; a name that CheckVar
// refuses, one that wraps *VarError.
func Render(format string, header Header, vars []Var, rand io.Reader) (Output, error) {
	write, ok := writers(rand)[format]
	if !ok {
		return Output{}, unknownFormat(format)
	}
	sorted, err := sortVars(vars)
	if err != nil {
		return Output{}, err
	}
	out := document{format: format}
	if err := write(&out, header, sorted); err != nil {
		return Output{}, err
	}
	return Output{out.file.Bytes(), out.masks.Bytes(), out.warnings}, nil
}

// KnownFormat reports whether Render knows the format.
func KnownFormat(format string) bool {
	_, ok := writers(nil)[format]
	return ok
}

// Formats returns the names of the formats, sorted.
func Formats() []string { return slices.Sorted(maps.Keys(writers(nil))) }

// writers is the one list of formats.
func writers(rand io.Reader) map[string]func(*document, Header, []Var) error {
	return map[string]func(*document, Header, []Var) error{
		"docker":  commented(writeDocker),
		"dotenv":  commented(writeDotenv),
		"fish":    commented(writeFish),
		"github":  func(d *document, _ Header, vars []Var) error { return writeGithub(d, vars, rand) },
		"json":    func(d *document, _ Header, vars []Var) error { return writeJSON(d, vars) },
		"sh":      commented(writeSh),
		"systemd": commented(writeSystemd),
	}
}

// commented puts the header on top and writes one variable after the other.
func commented(write func(*document, Var) error) func(*document, Header, []Var) error {
	return func(d *document, header Header, vars []Var) error {
		d.file.WriteString(header.comments())
		for _, v := range vars {
			if err := write(d, v); err != nil {
				return err
			}
		}
		return nil
	}
}

func unknownFormat(format string) error {
	var known []string
	for name := range writers(nil) {
		known = append(known, name)
	}
	slices.Sort(known)
	return fmt.Errorf("unknown format %.40q: use one of %s", format, strings.Join(known, ", "))
}

func sortVars(vars []Var) ([]Var, error) {
	sorted := slices.Clone(vars)
	slices.SortFunc(sorted, func(a, b Var) int { return strings.Compare(a.Name, b.Name) })
	for i, v := range sorted {
		if err := CheckVar(v.Name); err != nil {
			return nil, err
		}
		if i > 0 && sorted[i-1].Name == v.Name {
			return nil, fmt.Errorf("environment variable %s is set twice", v.Name)
		}
	}
	return sorted, nil
}

// document is a file that is being rendered.
type document struct {
	format      string
	file, masks bytes.Buffer
	warnings    []string
}

func (d *document) warn(v Var, what string) {
	d.warnings = append(d.warnings, v.Name+": "+what)
}

// refuse names the variable, the reason and the ways out. The reason completes
// a sentence that begins with "it".
func (d *document) refuse(v Var, reason string) error {
	return fmt.Errorf("%s (secret %q) as %s: %w: it %s; %s",
		v.Name, v.Secret, d.format, ErrUnrepresentable, reason, waysOut(v))
}

// waysOut does not offer what cannot work: a NUL ends every environment
// variable, in all formats and for exec too.
func waysOut(v Var) string {
	if bytes.IndexByte(v.Value, 0) >= 0 {
		return `read it with "secrets lease"`
	}
	return `use "secrets exec" or --format sh`
}

// Reasons that several formats share.
const (
	hasNUL  = "has a NUL byte, which no environment variable can hold"
	notUTF8 = "is not UTF-8 text"
)

// checkText refuses what a reader that decodes text would change or cut off.
func checkText(value []byte) (refusal string) {
	switch {
	case bytes.IndexByte(value, 0) >= 0:
		return hasNUL
	case !utf8.Valid(value):
		return notUTF8
	}
	return ""
}

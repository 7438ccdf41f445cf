package cli

import (
	"math"
	"strings"

	"github.com/urfave/cli/v2"
)

// option is a declared flag.
type option struct {
	name       string // the first of its names
	own        bool   // a command's, not the app's
	takesValue bool
	repeats    bool // a slice flag
	hidden     bool
	given      bool
	target     *bool // of help and version, which urfave never sees
}

// options lists the flags by the words that give them.
func options(flags []cli.Flag, own bool) map[string]*option {
	table := make(map[string]*option)
	for _, f := range flags {
		o := &option{name: f.Names()[0], own: own, hidden: hidden(f)}
		if d, ok := f.(cli.DocGenerationFlag); ok {
			o.takesValue = d.TakesValue()
		}
		if s, ok := f.(cli.DocGenerationSliceFlag); ok {
			o.repeats = s.IsSliceFlag()
		}
		for _, name := range f.Names() {
			table[dashed(name)] = o
		}
	}
	return table
}

func hidden(f cli.Flag) bool {
	v, ok := f.(cli.VisibleFlag)
	return ok && !v.IsVisible()
}

// dashed is how a flag of this name is given.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// arity is how many arguments a command takes.
type arity struct {
	required        []string // "<name>", in order
	max             int
	maxBeforeDashes int // differs from max where a command line follows
}

func readArity(usage string) arity {
	var a arity
	before := -1
	for _, word := range strings.Fields(usage) {
		name, optional := strings.CutPrefix(strings.TrimSuffix(word, "]"), "[")
		name, many := strings.CutSuffix(name, "...")
		switch {
		case word == "--":
			before = a.max
			continue
		case !strings.HasPrefix(name, "<"):
			continue
		case !optional:
			a.required = append(a.required, name)
		}
		if many {
			a.max = math.MaxInt
		} else if a.max < math.MaxInt {
			a.max++
		}
	}
	a.maxBeforeDashes = a.max
	if before >= 0 {
		a.maxBeforeDashes = before
	}
	return a
}

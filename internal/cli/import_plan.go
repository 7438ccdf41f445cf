package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"agent-secrets/internal/importer"
	"agent-secrets/lease"
	"agent-secrets/store"
)

// importPlan is what one run of import is going to do.
type importPlan struct {
	opts      importOptions
	keys      []string // of the secrets, as pass knows them
	values    []store.Value
	manifest  *manifestPlan // nil: none is written
	shortened []string      // names of which only the first line was taken
	value     importValue
}

// importValue says it. Nothing of it was done unless Done.
type importValue struct {
	From     string        `json:"from"`
	Format   string        `json:"format"`
	DryRun   bool          `json:"dry_run"`
	Done     bool          `json:"imported"`
	Secrets  []importedRow `json:"secrets"`
	Refused  []refusedRow  `json:"refused"`
	Skipped  []string      `json:"skipped"` // names without a value
	Added    int           `json:"added"`
	Updated  int           `json:"updated"`
	Manifest string        `json:"manifest,omitempty"` // path
}

type importedRow struct {
	Name   string `json:"name"`
	Line   int    `json:"line,omitempty"`
	EnvVar string `json:"env_var,omitempty"` // in the manifest
	Action string `json:"action"`            // add, update, or exists where that is not allowed
}

type refusedRow struct {
	Name   string `json:"name,omitempty"`
	Line   int    `json:"line,omitempty"`
	Reason string `json:"reason"`
}

// planImport reads the input and checks everything that can be checked before
// anything is written. A plan that cannot be carried out comes with the error
// that says why.
func (inv *invocation) planImport(s *store.Store, opts importOptions) (*importPlan, error) {
	p := &importPlan{opts: opts}
	p.value = importValue{From: opts.source(), Format: opts.format, DryRun: opts.dryRun,
		Secrets: []importedRow{}, Refused: []refusedRow{}, Skipped: []string{}}
	found, err := inv.readInput(opts)
	if err != nil {
		return nil, err
	}
	there, err := s.Secrets()
	if err != nil {
		return nil, err
	}
	for _, r := range found.Refused {
		p.refuse(r.Key, r.Line, r.Reason)
	}
	names := map[string]bool{}
	for _, one := range there {
		names[one.Name] = true
	}
	for _, e := range found.Entries {
		p.take(e, names)
	}
	if opts.manifest {
		if p.manifest, err = inv.planManifest(p); err != nil {
			return nil, err
		}
	}
	return p, p.verdict()
}

func (o importOptions) source() string {
	switch {
	case o.from != "":
		return o.from
	case o.format == formatPass:
		return "pass"
	}
	return "standard input"
}

// take plans for one entry of the input.
func (p *importPlan) take(e importer.Entry, there map[string]bool) {
	name := p.opts.prefix + e.Key
	value := store.NewValue(e.Value)
	switch {
	case !lease.ValidName(name):
		p.refuse(name, e.Line, "the store has no such names")
	case p.opts.format == formatPass: // its values are read last
		p.add(e, name, value, there)
	case value.Len() == 0:
		p.value.Skipped = append(p.value.Skipped, name)
	case store.CheckValue(value) != nil:
		p.refuse(name, e.Line, store.CheckValue(value).Error())
	default:
		p.add(e, name, value, there)
	}
}

func (p *importPlan) add(e importer.Entry, name string, value store.Value, there map[string]bool) {
	row := importedRow{Name: name, Line: e.Line, Action: "add"}
	switch {
	case !there[name]:
		p.value.Added++
	case p.opts.force:
		row.Action = "update"
		p.value.Updated++
	default:
		row.Action = "exists"
	}
	p.value.Secrets = append(p.value.Secrets, row)
	p.keys, p.values = append(p.keys, e.Key), append(p.values, value)
}

func (p *importPlan) refuse(name string, line int, reason string) {
	p.value.Refused = append(p.value.Refused, refusedRow{shorten(name), line, reason})
}

// verdict is why the plan cannot be carried out.
func (p *importPlan) verdict() error {
	var exist []string
	for _, row := range p.value.Secrets {
		if row.Action == "exists" {
			exist = append(exist, row.Name)
		}
	}
	switch {
	case len(p.value.Refused) > 0:
		return fmt.Errorf("%w, and nothing was imported: %s", errImport, refusals(p.value.Refused))
	case len(exist) > 0:
		err := fmt.Errorf("%w, and nothing was imported: %s", store.ErrSecretExists, listed(exist))
		return &fixError{err, p.command(true, p.opts.manifest) + " # gives them the new values"}
	case len(p.value.Secrets) == 0:
		return fmt.Errorf("%w: there is no value in it", errImport)
	}
	return nil
}

func refusals(rows []refusedRow) string {
	words := make([]string, len(rows))
	for i, r := range rows {
		if r.Line > 0 {
			words[i] = fmt.Sprintf("line %d: ", r.Line)
		}
		switch {
		case r.Name == "":
		case lease.ValidName(r.Name):
			words[i] += r.Name + ": "
		default:
			words[i] += fmt.Sprintf("%q: ", r.Name)
		}
		words[i] += r.Reason
	}
	if rest := len(words) - maxListed; rest > 0 {
		words = append(words[:maxListed], fmt.Sprintf("and %d more", rest))
	}
	return strings.Join(words, "; ")
}

// command is what to type to carry the plan out.
func (p *importPlan) command(force, manifest bool) string {
	words := []string{"secrets import"}
	for _, pair := range [][2]string{{"--from", p.opts.from}, {"--format", p.opts.format}, {"--prefix", p.opts.prefix}} {
		if pair[1] != "" {
			words = append(words, pair[0], shellQuote(pair[1]))
		}
	}
	if manifest {
		words = append(words, "--manifest")
	}
	if force {
		words = append(words, "--force")
	}
	return strings.Join(words, " ")
}

// reveal reads the values that the plan does not have yet.
func (p *importPlan) reveal(ctx context.Context, inv *invocation) error {
	if p.opts.format != formatPass {
		return nil
	}
	for i, key := range p.keys {
		name := p.value.Secrets[i].Name
		value, more, err := inv.showPass(ctx, p.opts.from, key)
		if errors.Is(err, store.ErrEmptyValue) || errors.Is(err, store.ErrValueTooLarge) {
			p.refuse(name, 0, err.Error())
			continue
		}
		if err != nil {
			return err
		}
		if more {
			p.shortened = append(p.shortened, name)
		}
		p.values[i] = value
	}
	if len(p.value.Refused) > 0 {
		return p.verdict()
	}
	return nil
}

func (p *importPlan) named() []store.Named {
	list := make([]store.Named, len(p.values))
	for i, value := range p.values {
		list[i] = store.Named{Name: p.value.Secrets[i].Name, Value: value}
	}
	return list
}

func (p *importPlan) describe() result {
	if p.manifest != nil {
		p.value.Manifest = p.manifest.path
	}
	next := []action{{"secrets list", "See every secret"}}
	if p.value.Done && p.manifest != nil {
		next = slices.Insert(next, 0, action{"secrets exec -- <cmd>", "Run a command with them"})
	}
	if p.opts.dryRun && (p.opts.from != "" || p.opts.format == formatPass) {
		next = []action{{p.command(p.opts.force, p.opts.manifest), "Import them"}}
	}
	return result{value: p.value, next: next}
}

func (v importValue) writeText(p *page) {
	verb := "nothing was imported"
	switch {
	case v.Done:
		verb = fmt.Sprintf("imported %s: %d added, %d updated", count(len(v.Secrets), "secret"), v.Added, v.Updated)
	case v.DryRun:
		verb = fmt.Sprintf("would import %s: %d added, %d updated", count(len(v.Secrets), "secret"), v.Added, v.Updated)
	}
	p.say("%s", verb)
	rows := make([][]cell, len(v.Secrets))
	for i, row := range v.Secrets {
		rows[i] = []cell{hued(actionStyle(row.Action), row.Action), word(row.Name), word(dash(row.EnvVar)), word(lineText(row.Line))}
	}
	if len(rows) > 0 {
		p.table([]string{"", "SECRET", "VARIABLE", "LINE"}, rows, 1, 2)
	}
	for _, row := range v.Refused {
		p.say("%s %s", p.styled(bad, "refused"), clean(refusals([]refusedRow{row})))
	}
	for _, name := range v.Skipped {
		p.say("%s %s: it has no value", p.styled(faint, "left out"), clean(name))
	}
	if v.Manifest != "" && (v.Done || v.DryRun) {
		p.say("in %s", clean(v.Manifest))
	}
}

func actionStyle(action string) style {
	switch action {
	case "add":
		return good
	case "update":
		return warned
	}
	return bad
}

func lineText(line int) string {
	if line == 0 {
		return "-"
	}
	return fmt.Sprint(line)
}

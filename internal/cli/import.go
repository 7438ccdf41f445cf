package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"agent-secrets/internal/fsx"
	"agent-secrets/internal/importer"
	"agent-secrets/lease"
	"agent-secrets/store"

	"github.com/urfave/cli/v2"
)

// errImport means that something of what was to be imported cannot be a secret,
// so that nothing was imported.
var errImport = errors.New("it cannot be imported")

type importOptions struct {
	from     string // a path, or empty or "-" for standard input
	format   string
	prefix   string
	dryRun   bool
	force    bool
	manifest bool
}

func importCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:  "import",
		Usage: "put many secrets into the store at once: from a .env file, JSON, sops or pass",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "read `PATH` (default: standard input; for pass, its directory)"},
			&cli.StringFlag{Name: "format", Usage: "read `FORMAT`: dotenv, json, sops (what sops -d prints) or pass (default: by the path's name)"},
			&cli.StringFlag{Name: "prefix", Usage: "put `PREFIX` before each name, as in work/"},
			&cli.BoolFlag{Name: "dry-run", Usage: "say what would be done, and change nothing"},
			&cli.BoolFlag{Name: "force", Usage: "give secrets that are there the new values, and replace .secrets.json"},
			&cli.BoolFlag{Name: "manifest", Usage: "write a .secrets.json that has them, in the current directory"},
		},
		Action: inv.action(func(c *cli.Context) (result, error) {
			opts := importOptions{
				from: c.String("from"), format: c.String("format"), prefix: c.String("prefix"),
				dryRun: c.Bool("dry-run"), force: c.Bool("force"), manifest: c.Bool("manifest"),
			}
			if err := opts.complete(c.IsSet("from"), c.IsSet("format")); err != nil {
				return result{}, err
			}
			return runImport(c.Context, inv, opts)
		}),
	}
}

// complete checks the options, and goes by the path for a format that was not
// given.
func (o *importOptions) complete(from, format bool) error {
	const fix = "secrets help import"
	if from && o.from == "" {
		return usageError{msg: "--from takes a path, or - for standard input", fix: fix}
	}
	if !format {
		o.format = formatOf(o.from)
	}
	if o.format != formatPass && !slices.Contains(importer.Formats(), o.format) {
		return usageError{msg: "--format takes dotenv, json, sops or pass", fix: fix}
	}
	if o.format == formatPass && o.from == "-" {
		return usageError{msg: "pass has a directory, which --from names", fix: fix}
	}
	if o.prefix != "" && !lease.ValidName(o.prefix+"x") {
		return usageError{msg: "--prefix: no name of a secret begins so", fix: fix}
	}
	if o.from == "-" {
		o.from = ""
	}
	return nil
}

const formatPass = "pass"

func formatOf(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return formatPass
	}
	switch filepath.Ext(path) {
	case ".json":
		return "json"
	case ".yaml", ".yml":
		return "sops"
	}
	return "dotenv"
}

func runImport(ctx context.Context, inv *invocation, opts importOptions) (result, error) {
	return inv.withStore(ctx, func(s *store.Store) (result, error) {
		plan, err := inv.planImport(s, opts)
		if plan == nil {
			return result{}, err
		}
		if err != nil || opts.dryRun {
			return plan.describe(), err
		}
		if err := plan.reveal(ctx, inv); err != nil {
			return plan.describe(), err
		}
		if err := s.Import(ctx, plan.named(), opts.force); err != nil {
			return result{}, err
		}
		plan.value.Done = true
		if err := plan.writeManifest(inv); err != nil {
			return plan.describe(), fmt.Errorf("the secrets are in the store: %w", err)
		}
		plan.remind(inv)
		return plan.describe(), nil
	})
}

// readInput reads a file or standard input. Nobody types many secrets.
func (inv *invocation) readInput(opts importOptions) (found importer.Found, err error) {
	var data []byte
	switch {
	case opts.format == formatPass:
		return inv.listPass(opts.from)
	case opts.from != "":
		data, err = fsx.ReadExternal(opts.from, importer.MaxInput)
	case inv.env.StdinTerminal:
		return found, usageError{msg: "there is nothing to read: pipe it in, or name a file", fix: "secrets import --from .env"}
	default:
		data, err = io.ReadAll(io.LimitReader(inv.env.Stdin, importer.MaxInput+1))
		if err != nil {
			return found, fmt.Errorf("%w: standard input: %v", errFile, err)
		}
	}
	if len(data) > importer.MaxInput || errors.Is(err, fsx.ErrTooLarge) {
		return found, fmt.Errorf("%w: the input has more than %d bytes", store.ErrValueTooLarge, importer.MaxInput)
	}
	if err != nil {
		return found, fileError(err)
	}
	return importer.Read(opts.format, data), nil
}

// remind says what a person has to do now.
func (p *importPlan) remind(inv *invocation) {
	if n := len(p.value.Skipped); n > 0 {
		inv.warn("left out, as there is no value: %s", listed(p.value.Skipped))
	}
	if len(p.shortened) > 0 {
		inv.warn("of these the first line was imported, and there are more: %s", listed(p.shortened))
	}
	if info, err := os.Stat(p.opts.from); err == nil && info.Mode().IsRegular() {
		inv.warn("%s still has the values in plain text: remove it once they are no longer read from there", clean(p.opts.from))
	}
}

// maxListed is how many names a message has.
const maxListed = 10

func listed(names []string) string {
	if rest := len(names) - maxListed; rest > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxListed], ", "), rest)
	}
	return strings.Join(names, ", ")
}

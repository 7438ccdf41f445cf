package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"agent-secrets/internal/mcp"

	"github.com/urfave/cli/v2"
)

func mcpCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:  "mcp",
		Usage: "serve an agent over the Model Context Protocol, on standard input and output",
		Description: "An agent starts it and asks it to run commands with secrets, which it does without showing the values. " +
			"Its tools are secrets_list, secrets_status, secrets_run, secrets_revoke and secrets_audit. " +
			"--allow adds to them: values is secrets_lease, which shows a value to the model; add is secrets_add, for a value that " +
			"the model knows; killswitch is secrets_killswitch, which ends every lease. " +
			"To use it: claude mcp add secrets -- secrets mcp; or, in a client's settings: " +
			`{"mcpServers": {"secrets": {"command": "secrets", "args": ["mcp"]}}}. ` +
			"When the client closes standard input, what still runs is stopped, and its leases end.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "allow", KeepSpace: true, Usage: "also offer `TOOLS`: values, add, killswitch, or several with commas"},
		},
		Action: inv.action(func(c *cli.Context) (result, error) {
			allow, err := parseAllow(c.StringSlice("allow"))
			if err != nil {
				return result{}, err
			}
			return runMCP(c.Context, inv, allow)
		}),
	}
}

func parseAllow(lists []string) (mcp.Allow, error) {
	var allow mcp.Allow
	for _, list := range lists {
		for word := range strings.SplitSeq(list, ",") {
			switch word {
			case "values":
				allow.Values = true
			case "add":
				allow.Add = true
			case "killswitch":
				allow.Killswitch = true
			default:
				return allow, usageError{msg: "--allow takes values, add and killswitch", fix: "secrets help mcp"}
			}
		}
	}
	return allow, nil
}

func runMCP(ctx context.Context, inv *invocation, allow mcp.Allow) (result, error) {
	p, err := inv.ownProgram()
	if err != nil {
		return result{}, err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	server := mcp.Server{Version: version, Allow: allow, Call: p.call, Exec: p.exec}
	if err := server.Serve(ctx, inv.env.Stdin, inv.env.Stdout); err != nil {
		return result{}, fmt.Errorf("%w: %w", errOutput, err)
	}
	return result{raw: []byte{}}, nil
}

// program is this program, to be run as a process of its own. What a tool needs
// of it is nothing that one process could do twice at once: exec waits for every
// child that there is, a rotation hook is supervised likewise, and what crashes
// or holds a value is gone soon.
type program struct {
	path    string
	global  []string // flags before the command
	environ []string
	notes   io.Writer
}

// ownProgram is this very program with the same state directory, also from
// another working directory.
func (inv *invocation) ownProgram() (*program, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	if runtime.GOOS == "linux" {
		path = "/proc/self/exe" // an update may replace the file meanwhile
	}
	p := &program{path: path, global: []string{"--json"}, notes: inv.env.Stderr}
	if inv.dir != "" {
		dir, err := filepath.Abs(inv.dir)
		if err != nil {
			return nil, err
		}
		p.global = append(p.global, "--dir="+dir)
	}
	p.environ, err = absolute(os.Environ(), "SECRETS_HOME", "SECRETS_IDENTITY_FILE")
	return p, err
}

// absolute makes the paths in these variables absolute.
func absolute(environ []string, names ...string) ([]string, error) {
	for i, pair := range environ {
		name, path, _ := strings.Cut(pair, "=")
		if path = strings.TrimSpace(path); path == "" || !slices.Contains(names, name) {
			continue
		}
		path, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		environ[i] = name + "=" + path
	}
	return environ, nil
}

// command is not run yet. It leads a session of its own: it cannot ask on the
// terminal that the client may have, and a signal to the client's group leaves
// it to end in good order.
func (p *program) command(ctx context.Context, client string, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.path, append(slices.Clone(p.global), args...)...)
	cmd.Args[0] = "secrets"
	cmd.Env = append(slices.Clone(p.environ), "SECRETS_CLIENT_ID="+client)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// call lets the command come to its end, also if the client goes away: half a
// killswitch would help nobody, and no command takes long.
func (p *program) call(client string, args []string, stdin []byte) ([]byte, error) {
	cmd := p.command(context.Background(), client, args)
	var printed bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &printed, p.notes
	err := ended(cmd, cmd.Run())
	return printed.Bytes(), err
}

// ended is nil for a command that ran, however it ended.
func ended(cmd *exec.Cmd, err error) error {
	if cmd.ProcessState != nil {
		return nil
	}
	return fmt.Errorf("run secrets: %w", err)
}

// killAfter is longer than exec takes to end a tree that does not want to.
const killAfter = 20 * time.Second

// exec runs an exec that is attended: see attended.go.
func (p *program) exec(ctx context.Context, client, dir string, args []string, streams mcp.Streams) (int, error) {
	cmd := p.command(ctx, client, args)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, streams.Stdout, streams.Stderr
	tether, err := cmd.StdinPipe()
	if err != nil {
		return 0, fmt.Errorf("run secrets: %w", err)
	}
	cmd.WaitDelay = killAfter
	cmd.Cancel = func() error {
		_ = tether.Close()                         // no more than a descriptor to give back
		return cmd.Process.Signal(syscall.SIGCONT) // it may be stopped
	}
	if err := runWithNotes(cmd, streams.Notes); err != nil {
		return 0, err
	}
	status := cmd.ProcessState.ExitCode()
	if status < 0 {
		// The next command sees that it is gone, and ends its leases.
		return 0, fmt.Errorf("secrets exec did not end by itself: %v", cmd.ProcessState)
	}
	return status, nil
}

// runWithNotes runs cmd with a pipe to notes as its descriptor notesFD.
func runWithNotes(cmd *exec.Cmd, notes io.Writer) error {
	from, to, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("run secrets: %w", err)
	}
	cmd.ExtraFiles = []*os.File{to} // the first of them is 3
	err = cmd.Start()
	closed := to.Close()
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(notes, from)
		done <- errors.Join(err, from.Close())
	}()
	if err == nil {
		err = cmd.Wait()
	}
	return errors.Join(ended(cmd, err), closed, <-done)
}

package cli

import (
	"runtime"

	"github.com/urfave/cli/v2"
)

// version is set by the linker.
var version = "dev"

func versionCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:   "version",
		Usage:  "print the version",
		Action: inv.action(func(*cli.Context) (result, error) { return runVersion() }),
	}
}

func runVersion() (result, error) {
	return result{value: struct {
		Version string `json:"version"`
		Go      string `json:"go"`
		OS      string `json:"os"`
		Arch    string `json:"arch"`
	}{version, runtime.Version(), runtime.GOOS, runtime.GOARCH}}, nil
}

func serveCommand(inv *invocation) *cli.Command {
	return &cli.Command{
		Name:   "serve",
		Usage:  "nothing: there is no daemon",
		Hidden: true,
		Action: inv.action(func(*cli.Context) (result, error) {
			inv.warn("no daemon is needed: every command works by itself")
			return result{value: struct{}{}, next: []action{{"secrets status", "See how the store is"}}}, nil
		}),
	}
}

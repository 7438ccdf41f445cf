// Secrets hands out credentials on short, audited, revocable leases from an
// age-encrypted store, without a daemon.
package main

import (
	"os"

	"agent-secrets/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args, cli.System()))
}

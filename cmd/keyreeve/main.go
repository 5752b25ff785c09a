// Command keyreeve keeps a fleet's secrets in the fleet's own git repository.
package main

import (
	"os"
	"path/filepath"

	"keyreeve/internal/cli"
)

func main() {
	run := cli.Run
	if filepath.Base(os.Args[0]) == "sops" {
		run = cli.RunSops
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

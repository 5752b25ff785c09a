// Command keyreeve keeps a fleet's secrets in the fleet's own git repository.
package main

import (
	"os"

	"keyreeve/internal/cli"
)

func main() { os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

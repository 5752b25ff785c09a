// Package manual turns the command tree into man pages and into the reference in
// docs/reference, so that neither can say what a command does not.
package manual

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// ExitAnnotation is where a command keeps the text of its exit status section.
const ExitAnnotation = "exit"

// Commands returns the commands below c that a person sees, families before
// their members, each set in the order of its names.
func Commands(c *cobra.Command) []*cobra.Command {
	var all []*cobra.Command
	for _, below := range c.Commands() {
		if below.IsAvailableCommand() {
			all = append(append(all, below), Commands(below)...)
		}
	}
	return all
}

// A flag is one flag as the pages show it.
type flag struct{ name, usage string }

func flags(set *pflag.FlagSet) []flag {
	var all []flag
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if value != "" {
			name += " " + value
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0" {
			usage += " (default " + f.DefValue + ")"
		}
		all = append(all, flag{name, usage})
	})
	return all
}

// synopsis is the command line of a command.
func synopsis(c *cobra.Command) string {
	line := c.UseLine()
	if !c.Runnable() || c.Example == "" {
		line = c.CommandPath() + " COMMAND"
	}
	return strings.TrimSuffix(line, " [flags]")
}

// description is what a command says of itself.
func description(c *cobra.Command) string {
	if c.Long != "" {
		return c.Long
	}
	return c.Short + "."
}

func lines(text string) []string { return strings.Split(strings.Trim(text, "\n"), "\n") }

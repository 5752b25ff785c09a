package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// helpWidth is the width of help pages: they are read on any terminal.
const helpWidth = 80

// groups are the headings of the root's help, and the commands under each.
var groups = []struct{ title, commands string }{
	{"Start:", "init demo status doctor"},
	{"Principals:", "user host group recovery key"},
	{"Secrets:", "get set ls edit rm cp mv diff render exec"},
	{"Lockstep:", "access check rekey verify undo"},
	{"Delivery:", "install"},
	{"Compatible:", "sops"},
	{"About keyreeve:", "completion help man schema version"},
}

// arrange puts the root's commands under their headings and sets how help looks.
func arrange(root *cobra.Command) {
	of := map[string]string{}
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
		for name := range strings.FieldsSeq(g.commands) {
			of[name] = g.title
		}
	}
	for _, c := range root.Commands() {
		c.GroupID = of[c.Name()]
	}
	root.SetHelpCommandGroupID(of["help"])
	root.SetUsageFunc(usage)
}

// usage prints how a command is used. It is what cobra prints, at a fixed width
// and with an exit status, without the weight of text/template.
func usage(c *cobra.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage:\n")
	if c.Runnable() && (c.Example != "" || !c.HasAvailableSubCommands()) {
		fmt.Fprintf(&b, "  %s\n", c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s COMMAND\n", c.CommandPath())
	}
	part := func(heading, text string) {
		if text = strings.Trim(text, "\n"); text != "" {
			fmt.Fprintf(&b, "\n%s\n%s\n", heading, text)
		}
	}
	part("Examples:", c.Example)
	for _, g := range c.Groups() {
		part(g.Title, below(c, g.ID))
	}
	part("Commands:", below(c, ""))
	part("Flags:", c.LocalFlags().FlagUsagesWrapped(helpWidth))
	part("Global flags:", c.InheritedFlags().FlagUsagesWrapped(helpWidth))
	if c.Example != "" {
		part("Exit status:", exitStatus(c))
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\nMore on one command: %s COMMAND --help\n", c.CommandPath())
	}
	_, err := fmt.Fprint(c.OutOrStdout(), b.String())
	return err
}

// below lists the commands of a group.
func below(c *cobra.Command, group string) string {
	var b strings.Builder
	width := 0
	for _, one := range c.Commands() {
		if !one.Hidden {
			width = max(width, len(one.Name()))
		}
	}
	for _, one := range c.Commands() {
		if one.GroupID == group && (one.IsAvailableCommand() || one.Name() == "help") {
			fmt.Fprintf(&b, "  %-*s  %s\n", width, one.Name(), one.Short)
		}
	}
	return b.String()
}

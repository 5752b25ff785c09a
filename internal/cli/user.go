package cli

import (
	"github.com/spf13/cobra"

	"keyreeve/fleet"
)

func (a *app) userSetCommand() *cobra.Command {
	var admin bool
	c := command("set NAME --admin[=false]", "Make a user an admin, or no longer one", "  keyreeve user set anna --admin\n  keyreeve user set anna --admin=false --yes", cobra.ExactArgs(1), nil)
	c.Flags().BoolVar(&admin, "admin", false, "reads everything but other users' own documents")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if !cmd.Flags().Changed("admin") {
			return &usageError{"nothing to set", "say --admin or --admin=false"}
		}
		asks := ""
		if !admin {
			asks = "Take admin from user/" + args[0] + "?"
		}
		return a.edit("user set", asks, func(inv *fleet.Inventory) error { return inv.SetAdmin(args[0], admin) })
	}
	return a.writes(c)
}

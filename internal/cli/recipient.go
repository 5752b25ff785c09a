package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"keyreeve/fleet"
)

func (a *app) recipientCommand(kind fleet.PrincipalKind) *cobra.Command {
	c := family("recipient", "Its public keys")
	who := func(name string) fleet.Principal { return fleet.Principal{Kind: kind, Name: name} }
	example := func(verb, rest string) string {
		return fmt.Sprintf("  keyreeve %s recipient %s potato %s\n  keyreeve %s recipient %s potato %s --dry-run", kind, verb, rest, kind, verb, rest)
	}
	c.AddCommand(
		a.writes(command("add PRINCIPAL NAME RECIPIENT", "Add a key", example("add", "second age1…"), cobra.ExactArgs(3), func(args []string) error {
			return a.edit(string(kind)+" recipient add", "", func(inv *fleet.Inventory) error {
				return inv.AddRecipient(who(args[0]), fleet.NamedRecipient{Name: args[1], Recipient: args[2]})
			})
		})),
		a.writes(command("rm PRINCIPAL NAME", "Remove a key", example("rm", "second"), cobra.ExactArgs(2), func(args []string) error {
			return a.edit(string(kind)+" recipient rm", "Remove the recipient "+args[1]+" of "+args[0]+"?", func(inv *fleet.Inventory) error {
				return inv.RemoveRecipient(who(args[0]), args[1], today(), "")
			})
		})),
		a.writes(command("replace PRINCIPAL NAME RECIPIENT", "Put another key in its place", example("replace", "host age1…"), cobra.ExactArgs(3), func(args []string) error {
			return a.edit(string(kind)+" recipient replace", "Replace the recipient "+args[1]+" of "+args[0]+"?", func(inv *fleet.Inventory) error {
				return inv.ReplaceRecipient(who(args[0]), fleet.NamedRecipient{Name: args[1], Recipient: args[2]}, today(), "replaced")
			})
		})))
	return c
}

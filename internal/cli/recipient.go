package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"keyreeve/fleet"
	"keyreeve/internal/lockstep"
)

func (a *app) recipientCommand(kind fleet.PrincipalKind) *cobra.Command {
	c := family("recipient", "Its public keys")
	remove := command("rm PRINCIPAL NAME", "Remove a key and replace the data keys of what it could read",
		fmt.Sprintf("  keyreeve %s recipient rm potato second\n  keyreeve %s recipient rm potato second --yes", kind, kind), cobra.ExactArgs(2), func(args []string) error {
			p := fleet.Principal{Kind: kind, Name: args[0]}
			return a.edit(string(kind)+" recipient rm", "Remove the recipient "+args[1]+" of "+p.String()+"?", func(inv *fleet.Inventory) error {
				return inv.RemoveRecipient(p, args[1], today(), "")
			})
		})
	c.AddCommand(
		a.newRecipientCommand(kind, "add", "Add a key", "", func(inv *fleet.Inventory, p fleet.Principal, r fleet.NamedRecipient) error {
			return inv.AddRecipient(p, r)
		}),
		a.writes(remove),
		a.newRecipientCommand(kind, "replace", "Put another key in its place, as after a new installation", "Replace the recipient %s of %s?", func(inv *fleet.Inventory, p fleet.Principal, r fleet.NamedRecipient) error {
			return inv.ReplaceRecipient(p, r, today(), "replaced")
		}))
	return c
}

// newRecipientCommand is recipient add, or replace.
func (a *app) newRecipientCommand(kind fleet.PrincipalKind, verb, short, asks string, apply func(*fleet.Inventory, fleet.Principal, fleet.NamedRecipient) error) *cobra.Command {
	var source keySource
	use, most := verb+" PRINCIPAL NAME RECIPIENT", 3
	example := fmt.Sprintf("  keyreeve %s recipient %s tim laptop age1…\n  keyreeve %s recipient %s tim laptop age1… --dry-run", kind, verb, kind, verb)
	if kind == fleet.HostKind {
		use = verb + " PRINCIPAL NAME [RECIPIENT]"
		example = fmt.Sprintf("  keyreeve host recipient %s potato host age1…\n  keyreeve host recipient %s potato host --scan potato.lan", verb, verb)
	}
	c := command(use, short, example, cobra.RangeArgs(2, most), func(args []string) error {
		p := fleet.Principal{Kind: kind, Name: args[0]}
		if len(args) == most {
			source.recipient = args[2]
		}
		if err := source.check(p.String()); err != nil {
			return err
		}
		if err := a.resolve(&source, p.Name); err != nil {
			return err
		}
		question := asks
		if asks != "" {
			question = fmt.Sprintf(asks, args[1], p)
		}
		return a.write(string(kind)+" recipient "+verb, func(s *lockstep.Session) (*change, error) {
			c, err := a.planned(s, question, lockstep.PlanOptions{}, func(inv *fleet.Inventory) error {
				return apply(inv, p, fleet.NamedRecipient{Name: args[1], Recipient: source.recipient})
			})
			if err == nil {
				source.joins(c, p.String())
			}
			return c, err
		})
	})
	if kind == fleet.HostKind {
		source.flags(c)
	}
	return a.writes(c)
}

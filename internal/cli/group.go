package cli

import (
	"github.com/spf13/cobra"

	"keyreeve/fleet"
)

func (a *app) groupCommand() *cobra.Command {
	c := family("group", "Sets of hosts and users with documents of their own")
	var hosts, users []string
	add := command("add NAME", "Add a group", "  keyreeve group add servers --hosts potato,mbp\n  keyreeve group add ops --users anna", cobra.ExactArgs(1), func(args []string) error {
		return a.edit("group add", "", func(inv *fleet.Inventory) error {
			return inv.AddGroup(fleet.Group{Name: args[0], Hosts: hosts, Users: users})
		})
	})
	add.Flags().StringSliceVar(&hosts, "hosts", nil, "member `HOSTS`")
	add.Flags().StringSliceVar(&users, "users", nil, "member `USERS`")
	member := func(verb, short, asks string, change func(*fleet.Inventory, string, fleet.Principal) error) *cobra.Command {
		return a.writes(command(verb+" GROUP PRINCIPAL…", short, "  keyreeve group "+verb+" servers host/potato\n  keyreeve group "+verb+" servers potato anna", cobra.MinimumNArgs(2), func(args []string) error {
			return a.edit("group "+verb, asks, func(inv *fleet.Inventory) error {
				for _, name := range args[1:] {
					p, err := inv.Find(name)
					if err != nil {
						return err
					}
					if err := change(inv, args[0], p); err != nil {
						return err
					}
				}
				return nil
			})
		}))
	}
	c.AddCommand(a.writes(add), a.removeCommand(fleet.GroupKind), a.listCommand(fleet.GroupKind), a.showCommand(fleet.GroupKind), a.renameCommand(fleet.GroupKind),
		member("add-member", "Add members", "", (*fleet.Inventory).AddMember),
		member("rm-member", "Remove members", "Remove these members?", (*fleet.Inventory).RemoveMember))
	return c
}

package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"keyreeve/fleet"
	"keyreeve/internal/lockstep"
)

func (a *app) addCommand(kind fleet.PrincipalKind) *cobra.Command {
	var source keySource
	var platform string
	var users []string
	var admin, unretire bool
	example := fmt.Sprintf("  keyreeve %s add NAME --recipient age1…\n  keyreeve %s add NAME --recipient age1… --dry-run", kind, kind)
	if kind == fleet.HostKind {
		example = "  keyreeve host add potato --ssh-host-key /etc/ssh/ssh_host_ed25519_key.pub\n  keyreeve host add potato --scan potato.lan --fingerprint SHA256:…\n  keyreeve host add potato --generate /dev/shm/potato"
	}
	c := command("add NAME", "Add a "+string(kind)+" and encrypt to it what it may read", example, cobra.ExactArgs(1), func(args []string) error {
		p := fleet.Principal{Kind: kind, Name: args[0]}
		if err := fleet.CheckName(kind, p.Name); err != nil {
			return err
		}
		if err := source.check("a " + string(kind)); err != nil {
			return err
		}
		if err := a.resolve(&source, p.Name); err != nil {
			return err
		}
		return a.write(string(kind)+" add", func(s *lockstep.Session) (*change, error) {
			c, err := a.planned(s, "", lockstep.PlanOptions{}, func(inv *fleet.Inventory) error {
				if unretire {
					if err := inv.Unretire(source.recipient); err != nil {
						return err
					}
				}
				named := []fleet.NamedRecipient{{Name: "key", Recipient: source.recipient}}
				switch kind {
				case fleet.UserKind:
					return inv.AddUser(fleet.User{Name: p.Name, Admin: admin, Recipients: named})
				case fleet.HostKind:
					named[0].Name = "host"
					return inv.AddHost(fleet.Host{Name: p.Name, Recipients: named, Platform: platform, Users: users})
				}
				return inv.AddRecovery(p.Name, source.recipient)
			})
			if err != nil {
				return nil, err
			}
			source.joins(c, p.String())
			return c, nil
		})
	})
	c.Flags().StringVar(&source.recipient, "recipient", "", "its public `KEY`: age1…")
	c.Flags().BoolVar(&unretire, "unretire", false, "bring back a retired recipient")
	switch kind {
	case fleet.UserKind:
		c.Flags().BoolVar(&admin, "admin", false, "reads everything but other users' own documents")
	case fleet.HostKind:
		source.flags(c)
		c.Flags().StringVar(&platform, "platform", "", "nixos, darwin, linux or wsl")
		c.Flags().StringSliceVar(&users, "users", nil, "`USERS` whose own documents it may read")
	}
	return a.writes(c)
}

package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"keyreeve/fleet"
	"keyreeve/keys"
)

func (a *app) addCommand(kind fleet.PrincipalKind) *cobra.Command {
	var recipient, sshKey, platform string
	var users []string
	var admin, unretire bool
	example := fmt.Sprintf("  keyreeve %s add NAME --recipient age1…\n  keyreeve %s add NAME --recipient age1… --dry-run", kind, kind)
	c := command("add NAME", "Add a "+string(kind)+" and encrypt to it what it may read", example, cobra.ExactArgs(1), func(args []string) error {
		if sshKey != "" {
			data, err := readInput(a.in, sshKey)
			if err != nil {
				return err
			}
			if recipient, err = keys.RecipientFromSSH(strings.TrimSpace(string(data)), false); err != nil {
				return err
			}
		}
		if recipient == "" {
			return &usageError{"a " + string(kind) + " needs a recipient", "say --recipient age1…"}
		}
		return a.edit(string(kind)+" add", "", func(inv *fleet.Inventory) error {
			if unretire {
				if err := inv.Unretire(recipient); err != nil {
					return err
				}
			}
			named := []fleet.NamedRecipient{{Name: "key", Recipient: recipient}}
			switch kind {
			case fleet.UserKind:
				return inv.AddUser(fleet.User{Name: args[0], Admin: admin, Recipients: named})
			case fleet.HostKind:
				named[0].Name = "host"
				return inv.AddHost(fleet.Host{Name: args[0], Recipients: named, Platform: platform, Users: users})
			}
			return inv.AddRecovery(args[0], recipient)
		})
	})
	c.Flags().StringVar(&recipient, "recipient", "", "its public `KEY`: age1…")
	c.Flags().BoolVar(&unretire, "unretire", false, "bring back a retired recipient")
	switch kind {
	case fleet.UserKind:
		c.Flags().BoolVar(&admin, "admin", false, "reads everything but other users' own documents")
	case fleet.HostKind:
		c.Flags().StringVar(&sshKey, "ssh-host-key", "", "take the recipient from an ed25519 public key `FILE`, - for stdin")
		c.Flags().StringVar(&platform, "platform", "", "nixos, darwin, linux or wsl")
		c.Flags().StringSliceVar(&users, "users", nil, "`USERS` whose own documents it may read")
	}
	return a.writes(c)
}

func readInput(in *os.File, name string) ([]byte, error) {
	if name == "-" {
		return readAll(in)
	}
	return os.ReadFile(name)
}

package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"keyreeve/fleet"
	"keyreeve/internal/lockstep"
)

func (a *app) renameCommand(kind fleet.PrincipalKind) *cobra.Command {
	return a.writes(command("rename NAME NEW", "Give it another name; its own documents move along",
		fmt.Sprintf("  keyreeve %s rename NAME NEW\n  keyreeve %s rename NAME NEW --dry-run", kind, kind), cobra.ExactArgs(2), func(args []string) error {
			p := fleet.Principal{Kind: kind, Name: args[0]}
			return a.write(string(kind)+" rename", func(s *lockstep.Session) (*change, error) {
				own, err := ownDocuments(s, p)
				if err != nil {
					return nil, err
				}
				moves := map[string]string{}
				for _, path := range own {
					moves[path] = strings.Replace(path, "/"+args[0]+"/", "/"+args[1]+"/", 1)
				}
				c, err := a.planned(s, "", lockstep.PlanOptions{Moves: moves}, func(inv *fleet.Inventory) error { return inv.Rename(p, args[1]) })
				if err != nil {
					return nil, err
				}
				for _, path := range own {
					c.preview = append(c.preview, "  "+path+"  moves to "+moves[path])
				}
				return c, nil
			})
		}))
}

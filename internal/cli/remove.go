package cli

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"keyreeve/fleet"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
)

func (a *app) removeCommand(kind fleet.PrincipalKind) *cobra.Command {
	var reason string
	var keep, remove bool
	c := command("rm NAME", "Remove a "+string(kind)+" and replace the data keys of what it could read",
		fmt.Sprintf("  keyreeve %s rm NAME\n  keyreeve %s rm NAME --yes --reason sold", kind, kind), cobra.ExactArgs(1), func(args []string) error {
			p := fleet.Principal{Kind: kind, Name: args[0]}
			return a.write(string(kind)+" rm", func(s *lockstep.Session) (*change, error) {
				own, err := ownDocuments(s, p)
				if err != nil {
					return nil, err
				}
				if kind == fleet.UserKind && len(own) > 0 && !keep && !remove {
					return nil, &conflictError{fmt.Sprintf("%s has %s of its own", p, count(len(own), "document", "documents")), "say --keep-documents or --delete-documents"}
				}
				c, err := a.planned(s, "Remove "+p.String()+"?", lockstep.PlanOptions{}, func(inv *fleet.Inventory) error { return inv.Remove(p, today(), reason) })
				if err != nil {
					return nil, err
				}
				c.preview = slices.Concat([]string{leaves(p)}, c.preview)
				if remove {
					return c, deleteFiles(s, c, own)
				}
				if len(own) > 0 {
					c.preview = append(c.preview, "", count(len(own), "document of its own stays; nothing covers it now: move or remove it", "documents of its own stay; nothing covers them now: move or remove them"))
				}
				return c, nil
			})
		})
	if kind == fleet.UserKind {
		c.Flags().BoolVar(&keep, "keep-documents", false, "keep the user's own documents")
		c.Flags().BoolVar(&remove, "delete-documents", false, "delete the user's own documents")
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the record")
	return a.writes(c)
}

// leaves is the headline of a removal.
func leaves(p fleet.Principal) string {
	if p.Kind == fleet.GroupKind {
		return p.String() + " is dissolved:"
	}
	return p.String() + " leaves the fleet:"
}

// deleteFiles makes a change delete documents instead of what it did to them.
func deleteFiles(s *lockstep.Session, c *change, paths []string) error {
	c.files = slices.DeleteFunc(c.files, func(f repo.Change) bool { return slices.Contains(paths, f.Path) })
	c.pending = slices.DeleteFunc(c.pending, func(path string) bool { return slices.Contains(paths, path) })
	for _, path := range paths {
		old, err := s.Repo.Read(path)
		if err != nil {
			return err
		}
		c.files = append(c.files, repo.Change{Path: path, Old: old})
		c.preview = append(c.preview, "  "+path+"  deleted")
	}
	return nil
}

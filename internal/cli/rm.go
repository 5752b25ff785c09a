package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"keyreeve/internal/edit"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
)

func (a *app) rmCommand() *cobra.Command {
	return a.writes(command("rm REF", "Remove an entry, or a whole document", "  keyreeve rm common/services#postgres/password\n  keyreeve rm potato/old --yes", cobra.ExactArgs(1), func(args []string) error {
		ref, err := repo.ParseRef(args[0])
		if err != nil {
			return err
		}
		return a.write("rm", func(s *lockstep.Session) (*change, error) {
			files, err := edit.Remove(s, ref)
			if err != nil {
				return nil, err
			}
			preview := []string{"removes " + args[0] + ", which was for " + readers(s, files[0].Path)}
			if len(ref.Path) == 0 {
				entries, err := edit.List(s, files[0].Path)
				if err != nil {
					return nil, err
				}
				preview = []string{fmt.Sprintf("removes %s with %s, which was for %s", files[0].Path, count(len(entries), "value", "values"), readers(s, files[0].Path))}
			}
			preview = append(preview, "what was committed stays in git's history, for those who could read it")
			return &change{files: files, preview: preview, asks: "Remove " + args[0] + "?"}, nil
		})
	}))
}

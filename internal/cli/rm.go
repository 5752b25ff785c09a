package cli

import (
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
			return &change{files: files, asks: "Remove " + args[0] + "?"}, err
		})
	}))
}

package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"keyreeve/internal/edit"
	"keyreeve/internal/repo"
)

func (a *app) getCommand() *cobra.Command {
	return command("get REF", "Print a value, or a whole document", "  keyreeve get common/services#postgres/password\n  keyreeve get common/services", cobra.ExactArgs(1), func(args []string) error {
		ref, err := repo.ParseRef(args[0])
		if err != nil {
			return err
		}
		s, err := a.session()
		if err != nil {
			return err
		}
		data, err := edit.Get(s, ref)
		if err != nil {
			return err
		}
		if a.outTerm.IsTerminal() && !strings.HasSuffix(string(data), "\n") {
			data = append(data, '\n')
		}
		_, err = a.out.Write(data)
		return err
	})
}

package cli

import (
	"os"

	"github.com/spf13/cobra"

	"keyreeve/internal/demo"
)

func (a *app) demoCommand() *cobra.Command {
	return command("demo", "Show the main job in a throw-away directory", "  keyreeve demo\n  NO_COLOR=1 keyreeve demo", cobra.NoArgs, func([]string) error {
		program, err := os.Executable()
		if err != nil {
			return err
		}
		return demo.Run(a.ctx, program, a.out)
	})
}

package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"keyreeve/fleet"
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

func (a *app) versionCommand() *cobra.Command {
	return command("version", "Print the version", "  keyreeve version\n  keyreeve version --json", cobra.NoArgs, func([]string) error {
		if a.json {
			return a.printJSON(map[string]any{"version": version})
		}
		_, err := fmt.Fprintln(a.out, "keyreeve", version)
		return err
	})
}

func (a *app) schemaCommand() *cobra.Command {
	c := family("schema", "Print a schema")
	c.AddCommand(command("inventory", "Print the JSON Schema of keyreeve.yaml", "  keyreeve schema inventory\n  keyreeve schema inventory >keyreeve.schema.json", cobra.NoArgs, func([]string) error {
		_, err := a.out.Write(fleet.Schema())
		return err
	}))
	return c
}

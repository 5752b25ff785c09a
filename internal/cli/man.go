package cli

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"keyreeve/internal/manual"
)

func (a *app) manCommand() *cobra.Command {
	c := command("man [DIR]", "Print the man page, or write all of them into a folder", "  keyreeve man | man -l -\n  keyreeve man ~/.local/share/man/man1", cobra.MaximumNArgs(1), nil)
	c.RunE = func(c *cobra.Command, args []string) error {
		addExitStatus(c.Root())
		if len(args) == 0 {
			_, err := a.out.Write(manual.Man(c.Root(), version()))
			return err
		}
		if err := os.MkdirAll(args[0], 0o755); err != nil {
			return err
		}
		for _, page := range append(manual.Commands(c.Root()), c.Root()) {
			if err := os.WriteFile(filepath.Join(args[0], manual.PageName(page)), manual.Man(page, version()), 0o644); err != nil {
				return err
			}
		}
		return nil
	}
	return c
}

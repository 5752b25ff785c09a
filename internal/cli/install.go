package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"keyreeve/internal/install"
	"keyreeve/keys"
)

func (a *app) installCommand() *cobra.Command {
	return command("install MANIFEST", "Activate a host's secrets as a new generation", "  keyreeve install hosts/potato.yaml\n  SOPS_AGE_KEY_FILE=host.key keyreeve install manifest.json", cobra.ExactArgs(1), func(args []string) error {
		data, err := os.ReadFile(args[0])
		if err != nil {
			return err
		}
		manifest, err := install.ParseManifest(data)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		for _, file := range append([]string{manifest.AgeKeyFile}, manifest.AgeSSHKeyPaths...) {
			if file == "" {
				continue
			}
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			ids, err := keys.ParseIdentities(data, file, nil)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			a.ring().Add(ids...)
		}
		result, err := install.Activate(manifest, a.ring().Unwrap)
		if err != nil {
			return err
		}
		if !a.quiet {
			fmt.Fprintf(a.out, "generation %d: %d secrets in %s\n", result.Generation, result.Secrets, manifest.SymlinkPath)
		}
		return nil
	})
}

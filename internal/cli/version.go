package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"keyreeve/sops"
)

// release is set by the linker.
var release string

// version is that of a release, else of the module that go install built.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

func (a *app) versionCommand() *cobra.Command {
	return command("version", "Print the version", "  keyreeve version\n  keyreeve version --json", cobra.NoArgs, func([]string) error {
		if a.json {
			return a.printJSON(map[string]any{"version": version(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH, "sops_format": sops.FormatVersion})
		}
		_, err := fmt.Fprintf(a.out, "keyreeve %s (%s, %s/%s), writes SOPS documents of version %s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, sops.FormatVersion)
		return err
	})
}

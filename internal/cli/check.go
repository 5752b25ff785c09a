package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"keyreeve/fleet"
	"keyreeve/internal/check"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
)

func (a *app) checkCommand() *cobra.Command {
	return command("check", "Find drift and mistakes; needs no key", "  keyreeve check\n  keyreeve check --json", cobra.NoArgs, func([]string) error {
		start := time.Now()
		findings, documents, err := a.findings()
		if err != nil {
			return err
		}
		check.Sort(findings)
		if a.json {
			err = a.printJSON(map[string]any{"findings": append([]check.Finding{}, findings...)})
		} else {
			a.printFindings(findings, documents, time.Since(start))
		}
		if err == nil && len(findings) > 0 {
			return &findingsError{}
		}
		return err
	})
}

func (a *app) findings() ([]check.Finding, int, error) {
	r, err := repo.Open(a.dir)
	if err != nil {
		return nil, 0, err
	}
	data, err := r.Read(repo.InventoryName)
	if err != nil {
		return nil, 0, err
	}
	_, problems := fleet.Parse(repo.InventoryName, data)
	findings := check.Inventory(problems)
	s, err := lockstep.OpenRepo(r, nil)
	var broken *lockstep.InventoryError
	if errors.As(err, &broken) {
		return findings, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	files, documents, err := check.Files(s)
	return append(findings, files...), documents, err
}

func (a *app) printFindings(findings []check.Finding, documents int, took time.Duration) {
	file, counts, files := "", map[string]int{}, map[string]bool{}
	for _, f := range findings {
		if f.File != file {
			file = f.File
			fmt.Fprintln(a.out, file)
		}
		place := ""
		if f.Line > 0 {
			place = fmt.Sprintf(" (line %d)", f.Line)
		}
		fmt.Fprintf(a.out, "  %s%s\n", f.Text(), place)
		if f.Fix != "" {
			fmt.Fprintf(a.out, "                fix: %s\n", f.Fix)
		}
		counts[f.Severity]++
		files[f.File] = true
	}
	if a.quiet {
		return
	}
	if len(findings) == 0 {
		fmt.Fprintf(a.out, "%s checked, nothing to report, in %.2f s\n", count(documents, "document", "documents"), took.Seconds())
		return
	}
	fmt.Fprintf(a.out, "\n%s checked; findings in %s (%s, %s) in %.2f s\n", count(documents, "document", "documents"), count(len(files), "file", "files"),
		count(counts["error"], "error", "errors"), count(counts["warning"], "warning", "warnings"), took.Seconds())
}

package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyreeve/fleet"
	"keyreeve/internal/check"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/internal/term"
)

func (a *app) checkCommand() *cobra.Command {
	failOn := "warning"
	c := command("check [PATH…]", "Find drift and mistakes; needs no key",
		"  keyreeve check\n  keyreeve check secrets/common --fail-on error --json", cobra.ArbitraryArgs, func(args []string) error {
			if failOn != "error" && failOn != "warning" {
				return &usageError{"--fail-on is error or warning", ""}
			}
			start := time.Now()
			findings, documents, err := a.findings(args)
			if err != nil {
				return err
			}
			check.Sort(findings)
			if a.json {
				err = a.printJSON(map[string]any{"findings": append([]check.Finding{}, findings...)})
			} else {
				a.printFindings(findings, documents, time.Since(start))
			}
			if err == nil && slices.ContainsFunc(findings, func(f check.Finding) bool { return failOn == "warning" || f.Severity == "error" }) {
				return &findingsError{}
			}
			return err
		})
	c.Flags().StringVar(&failOn, "fail-on", failOn, "exit 3 from this `SEVERITY` on: error or warning")
	return c
}

// relative turns arguments into paths of the repository.
func (a *app) relative(r *repo.Repo, args []string) ([]string, error) {
	dir, err := filepath.Abs(a.dir)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, name := range args {
		if full, err := filepath.Abs(filepath.Join(dir, name)); err == nil && full == r.Root {
			return nil, nil
		}
		path, err := r.Rel(dir, name)
		if err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func (a *app) findings(args []string) ([]check.Finding, int, error) {
	r, err := repo.Open(a.dir)
	if err != nil {
		return nil, 0, err
	}
	paths, err := a.relative(r, args)
	if err != nil {
		return nil, 0, err
	}
	data, err := r.Read(repo.InventoryName)
	if err != nil {
		return nil, 0, err
	}
	_, problems := fleet.Parse(repo.InventoryName, data)
	s, err := lockstep.OpenRepo(r, nil)
	var broken *lockstep.InventoryError
	if errors.As(err, &broken) {
		return check.Inventory(problems), 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	findings, documents, err := check.Files(a.ctx, s, paths)
	if len(paths) == 0 || slices.Contains(paths, repo.InventoryName) {
		findings = append(findings, check.Inventory(problems)...)
	}
	return findings, documents, err
}

func (a *app) printFindings(findings []check.Finding, documents int, took time.Duration) {
	file, counts, files := "", map[string]int{}, map[string]bool{}
	for _, f := range findings {
		if f.File != file {
			if file != "" {
				fmt.Fprintln(a.out)
			}
			file = f.File
			fmt.Fprintln(a.out, a.outTerm.Paint(term.Bold, term.Printable(file)))
		}
		a.printFinding(f)
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

// findingIndent is where the text of a finding begins.
const findingIndent = 16

func (a *app) printFinding(f check.Finding) {
	what, style := f.Message, term.Red
	if f.Line > 0 {
		what = fmt.Sprintf("line %d: %s", f.Line, what)
	}
	if f.Severity != "error" {
		style = term.Yellow
	}
	head := fmt.Sprintf("  %s %s ", f.Code, a.outTerm.Paint(style, term.Pad(f.Severity, 7)))
	for _, text := range []string{what, f.Why, prefixed("fix: ", f.Fix)} {
		for _, line := range wrapped(term.Printable(text), min(a.outTerm.Width(), 100)-findingIndent) {
			fmt.Fprintln(a.out, head+line)
			head = strings.Repeat(" ", findingIndent)
		}
	}
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// wrapped breaks text at blanks into lines of at most width columns, where that
// can be; "" has no line.
func wrapped(text string, width int) []string {
	var lines []string
	for _, word := range strings.Fields(text) {
		last := len(lines) - 1
		if last >= 0 && term.Columns(lines[last])+1+term.Columns(word) <= width {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

package cli

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"keyreeve/fleet"
	"keyreeve/internal/check"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/sops"
)

func (a *app) rekeyCommand() *cobra.Command {
	var only bool
	var opts lockstep.PlanOptions
	c := command("rekey [PATH…]", "Bring the documents' recipients and .sops.yaml to policy", "  keyreeve rekey\n  keyreeve rekey --check secrets/common", cobra.ArbitraryArgs, func(args []string) error {
		if only {
			a.dryRun = true
		}
		drifted := false
		err := a.write("rekey", func(s *lockstep.Session) (*change, error) {
			dir, err := filepath.Abs(a.dir)
			if err != nil {
				return nil, err
			}
			for _, name := range args {
				path, err := s.Repo.Rel(dir, name)
				if err != nil {
					return nil, err
				}
				opts.Paths = append(opts.Paths, path)
			}
			progress := a.progress("rekey")
			opts.Progress = progress.Update
			plan, err := s.Plan(a.ctx, nil, opts)
			progress.Stop()
			if err != nil {
				return nil, err
			}
			drifted = len(plan.Changes)+len(plan.Pending) > 0
			if a.json {
				return &change{files: plan.Changes, pending: plan.Pending}, a.printJSON(map[string]any{"changes": changesJSON(s, plan)})
			}
			lines := preview(plan)
			if len(plan.Changes) == 0 {
				lines = append(lines, "everything is as policy says")
			}
			return &change{files: plan.Changes, pending: plan.Pending, preview: lines}, nil
		})
		if err == nil && only && drifted {
			return &findingsError{}
		}
		return err
	})
	c.Flags().BoolVar(&opts.NewDataKey, "new-data-key", false, "replace the data keys even without a removal")
	c.Flags().BoolVar(&opts.Rewrap, "rewrap", false, "wrap the data keys afresh even without drift")
	c.Flags().BoolVar(&only, "check", false, "write nothing; exit 3 if there is drift")
	return a.writes(c)
}

func changesJSON(s *lockstep.Session, plan *lockstep.Plan) []map[string]any {
	all := []map[string]any{}
	for _, d := range plan.Drift {
		all = append(all, map[string]any{"document": s.Repo.Name(d.Document), "add": append([]string{}, d.Add...), "remove": append([]string{}, d.Remove...),
			"recipients": d.Recipients, "new_data_key": d.NewDataKey})
	}
	return all
}

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

// A cell compares policy and file for one principal and document.
func mark(policy, listed bool) string {
	switch {
	case policy && listed:
		return "●"
	case policy:
		return "○"
	case listed:
		return "✗"
	}
	return ""
}

func (a *app) accessCommand() *cobra.Command {
	c := command("access [DOC|PRINCIPAL]", "Show who can read what: policy against the files", "  keyreeve access\n  keyreeve access host/potato --json", cobra.MaximumNArgs(1), func(args []string) error {
		s, err := a.session()
		if err != nil {
			return err
		}
		rows, err := accessRows(s)
		if err != nil {
			return err
		}
		if len(args) == 1 {
			if rows, err = selectRows(s, rows, args[0]); err != nil {
				return err
			}
		}
		if a.json {
			return a.printJSON(map[string]any{"documents": rows})
		}
		return a.matrix(s, rows)
	})
	c.AddCommand(command("explain PRINCIPAL DOC", "Say why a principal may read a document, or may not", "  keyreeve access explain host/potato common/services\n  keyreeve access explain tim common/services", cobra.ExactArgs(2), func(args []string) error {
		s, err := a.session()
		if err != nil {
			return err
		}
		p, err := s.Inventory.Find(args[0])
		if err != nil {
			return err
		}
		path, err := s.Repo.Resolve(args[1])
		if err != nil {
			return err
		}
		d, ok := s.Policy.For(path)
		reader, reads := d.Reader(p)
		if a.json && ok {
			reasons := []map[string]string{}
			for _, r := range reader.Reasons {
				reasons = append(reasons, map[string]string{"rule": r.Rule, "reason": r.Text})
			}
			return a.printJSON(map[string]any{"principal": p.String(), "document": s.Repo.Name(path), "reads": reads, "reasons": reasons})
		}
		switch {
		case !ok:
			return &lockstep.UncoveredError{Path: path}
		case !reads:
			fmt.Fprintf(a.out, "%s may not read %s: no rule that covers it names %s\n", p, path, p)
		default:
			fmt.Fprintf(a.out, "%s may read %s:\n", p, path)
			for _, reason := range reader.Reasons {
				fmt.Fprintf(a.out, "  %s  %s\n", reason.Rule, reason.Text)
			}
		}
		return nil
	}))
	return c
}

type accessRow struct {
	Document string   `json:"document"`
	Readers  []string `json:"readers"` // as listed in the file
	Policy   []string `json:"policy"`
	path     string
	document *sops.Document
}

func accessRows(s *lockstep.Session) ([]accessRow, error) {
	paths, err := s.Repo.Documents()
	if err != nil {
		return nil, err
	}
	rows := []accessRow{}
	for _, path := range paths {
		d, _, err := s.Read(path)
		if err != nil {
			return nil, err
		}
		row := accessRow{Document: s.Repo.Name(path), Readers: []string{}, Policy: []string{}, path: path, document: d}
		for _, recipient := range d.Metadata.Recipients() {
			if who := s.Name(recipient); !slices.Contains(row.Readers, who) {
				row.Readers = append(row.Readers, who)
			}
		}
		if decision, ok := s.Policy.For(path); ok {
			for _, r := range decision.Readers {
				row.Policy = append(row.Policy, r.Principal.String())
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func selectRows(s *lockstep.Session, rows []accessRow, what string) ([]accessRow, error) {
	if p, err := s.Inventory.Find(what); err == nil {
		return slices.DeleteFunc(rows, func(r accessRow) bool {
			return !slices.Contains(r.Readers, p.String()) && !slices.Contains(r.Policy, p.String())
		}), nil
	}
	doc, _, _ := strings.Cut(what, "#")
	path, err := s.Repo.Resolve(doc)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(rows, func(r accessRow) bool { return r.path != path }), nil
}

// matrix prints folders against principals.
func (a *app) matrix(s *lockstep.Session, rows []accessRow) error {
	var columns []string
	for _, p := range s.Inventory.Principals() {
		if p.Kind != fleet.GroupKind {
			columns = append(columns, p.String())
		}
	}
	for _, r := range rows {
		for _, who := range r.Readers {
			if !slices.Contains(columns, who) {
				columns = append(columns, who)
			}
		}
	}
	type line struct {
		cells []string
		count int
	}
	lines, order := map[string]*line{}, []string{}
	for _, r := range rows {
		cells := make([]string, len(columns))
		for i, who := range columns {
			cells[i] = mark(slices.Contains(r.Policy, who), slices.Contains(r.Readers, who))
		}
		key := path.Dir(r.Document) + "/*\t" + strings.Join(cells, "\t")
		if lines[key] == nil {
			lines[key] = &line{cells: cells}
			order = append(order, key)
		}
		lines[key].count++
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	short := make([]string, len(columns))
	for i, who := range columns {
		_, short[i], _ = strings.Cut(who, "/")
		if runes := []rune(short[i]); len(runes) > 14 {
			short[i] = string(runes[:13]) + "…"
		}
	}
	fmt.Fprintf(w, "\t\t%s\n", strings.Join(short, "\t"))
	for _, key := range order {
		folder, _, _ := strings.Cut(key, "\t")
		fmt.Fprintf(w, "%s\t(%d)\t%s\n", folder, lines[key].count, strings.Join(lines[key].cells, "\t"))
	}
	fmt.Fprintln(w, "\n● policy and file   ○ policy only   ✗ file only, policy says no")
	return w.Flush()
}

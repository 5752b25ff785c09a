package cli

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"keyreeve/fleet"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/term"
	"keyreeve/sops"
)

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
		_, short[i], _ = strings.Cut(term.Printable(who), "/")
		if runes := []rune(short[i]); len(runes) > 14 {
			short[i] = string(runes[:13]) + "…"
		}
	}
	fmt.Fprintf(w, "\t\t%s\n", strings.Join(short, "\t"))
	for _, key := range order {
		folder, _, _ := strings.Cut(key, "\t")
		fmt.Fprintf(w, "%s\t(%d)\t%s\n", term.Printable(folder), lines[key].count, strings.Join(lines[key].cells, "\t"))
	}
	fmt.Fprintln(w, "\n● policy and file   ○ policy only   ✗ file only, policy says no")
	return w.Flush()
}

package cli

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keyreeve/fleet"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/matrix"
	"keyreeve/internal/term"
	"keyreeve/sops"
)

func (a *app) accessCommand() *cobra.Command {
	var all bool
	c := command("access [REF|PRINCIPAL]", "Show who can read what: policy against the files",
		"  keyreeve access\n  keyreeve access host/potato\n  keyreeve access common/services#postgres/password", cobra.MaximumNArgs(1), func(args []string) error {
			s, err := a.session()
			if err != nil {
				return err
			}
			rows, failed, err := accessRows(s)
			if err != nil {
				return err
			}
			var asked accessChoice
			if len(args) == 1 {
				if asked, err = chooseAccess(s, rows, args[0]); err != nil {
					return err
				}
				rows = asked.rows
			}
			switch {
			case a.json:
				err = a.printJSON(map[string]any{"documents": append([]accessRow{}, rows...)})
			case asked.document:
				return a.printReaders(s, rows[0])
			default:
				err = a.printMatrix(s, rows, asked.principals, all)
			}
			if err == nil && len(failed) > 0 {
				err = &partialError{failed: failed}
			}
			return err
		})
	c.Long = `Show who can read what: policy against the files. It needs no key.

  ●  policy and file agree
  ○  policy says yes, the file no
  ✗  the file says yes, policy no

Principals that are equal share a column where all do not fit the width; --all shows
each, below each other if need be. Readers are those that the files list.`
	c.Flags().BoolVar(&all, "all", false, "a column for each principal")
	c.AddCommand(a.explainCommand())
	return c
}

func (a *app) explainCommand() *cobra.Command {
	return command("explain PRINCIPAL DOC", "Say why a principal may read a document, or may not", "  keyreeve access explain host/potato common/services\n  keyreeve access explain tim common/services", cobra.ExactArgs(2), func(args []string) error {
		s, err := a.session()
		if err != nil {
			return err
		}
		p, err := s.Inventory.Find(args[0])
		if err != nil {
			return err
		}
		doc, _, _ := strings.Cut(args[1], "#")
		path, err := s.Repo.Resolve(doc)
		if err != nil {
			return err
		}
		row, err := accessOf(s, path)
		if err != nil {
			return err
		}
		d, ok := s.Policy.For(path)
		if !ok {
			return &lockstep.UncoveredError{Path: path}
		}
		reader, reads := d.Reader(p)
		listed := slices.Contains(row.Readers, p.String())
		if a.json {
			reasons := []map[string]string{}
			for _, r := range reader.Reasons {
				reasons = append(reasons, map[string]string{"rule": r.Rule, "reason": r.Text})
			}
			return a.printJSON(map[string]any{"principal": p.String(), "document": s.Repo.Name(path), "reads": reads, "listed": listed, "reasons": reasons})
		}
		if reads {
			fmt.Fprintf(a.out, "%s may read %s:\n", p, path)
			for _, reason := range reader.Reasons {
				fmt.Fprintf(a.out, "  %s  %s\n", reason.Rule, reason.Text)
			}
		} else {
			fmt.Fprintf(a.out, "%s may not read %s: no rule that covers it names %s\n", p, path, p)
		}
		_, err = fmt.Fprintln(a.out, listedFact(reads, listed, p.Kind == fleet.GroupKind, path))
		return err
	})
}

// listedFact says what the file has, against what policy says.
func listedFact(reads, listed, group bool, path string) string {
	switch {
	case group:
		return "A group has no key of its own: its members are listed in the file."
	case reads && listed:
		return "It is listed in the file."
	case reads:
		return "It is not listed in the file, so it cannot read it yet: keyreeve rekey " + path
	case listed:
		return "It is listed in the file all the same, and can read it: keyreeve rekey " + path
	}
	return "It is not listed in the file."
}

type accessRow struct {
	Document string   `json:"document"`
	Readers  []string `json:"readers"` // as listed in the file
	Policy   []string `json:"policy"`
	path     string
	document *sops.Document
}

// accessRows returns all documents but those in plaintext, which check reports,
// and what is wrong with those that cannot be read.
func accessRows(s *lockstep.Session) (rows []accessRow, failed []error, err error) {
	paths, err := s.Repo.Documents()
	if err != nil {
		return nil, nil, err
	}
	for _, path := range paths {
		row, err := accessOf(s, path)
		if errors.Is(err, sops.ErrNotEncrypted) {
			continue
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		rows = append(rows, row)
	}
	return rows, failed, nil
}

func accessOf(s *lockstep.Session, path string) (accessRow, error) {
	d, _, err := s.Read(path)
	if err != nil {
		return accessRow{}, err
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
	return row, nil
}

// An accessChoice is what a person asked about.
type accessChoice struct {
	rows       []accessRow
	principals []string // whose columns to show; none: all
	document   bool     // one document
}

func chooseAccess(s *lockstep.Session, rows []accessRow, what string) (accessChoice, error) {
	principals := []string{what}
	p, err := s.Inventory.Find(what)
	if err == nil {
		principals[0] = p.String()
	}
	for _, g := range s.Inventory.Groups() {
		if err == nil && p == (fleet.Principal{Kind: fleet.GroupKind, Name: g.Name}) {
			principals = nil
			for _, member := range g.Members() {
				principals = append(principals, member.String())
			}
		}
	}
	reads := func(r accessRow) bool {
		return slices.ContainsFunc(principals, func(who string) bool { return slices.Contains(r.Readers, who) || slices.Contains(r.Policy, who) })
	}
	// A retired or unknown reader is no principal of the inventory, but listed.
	if err == nil || slices.ContainsFunc(rows, reads) {
		return accessChoice{rows: slices.DeleteFunc(rows, func(r accessRow) bool { return !reads(r) }), principals: principals}, nil
	}
	if ambiguous, ok := as[*fleet.AmbiguousError](err); ok {
		return accessChoice{}, ambiguous
	}
	doc, _, _ := strings.Cut(what, "#")
	path, err := s.Repo.Resolve(doc)
	if err != nil {
		return accessChoice{}, err
	}
	row, err := accessOf(s, path)
	return accessChoice{rows: []accessRow{row}, document: true}, err
}

// printReaders shows one document, a reader on each line.
func (a *app) printReaders(s *lockstep.Session, row accessRow) error {
	var t term.Table
	styles := map[string]term.Style{matrix.Agree: term.Green, matrix.Missing: term.Yellow, matrix.Extra: term.Red}
	decision, _ := s.Policy.For(row.path)
	for _, r := range decision.Readers {
		who := r.Principal.String()
		mark := matrix.Mark(true, slices.Contains(row.Readers, who))
		text := r.Reasons[0].Text
		if mark == matrix.Missing {
			text += "; not in the file yet: keyreeve rekey " + row.path
		}
		t.Styled([]term.Style{styles[mark]}, mark, who, text)
	}
	for _, who := range row.Readers {
		if !slices.Contains(row.Policy, who) {
			t.Styled([]term.Style{term.Red}, matrix.Extra, who, columnKind(s, who)+"; policy says no: keyreeve rekey "+row.path)
		}
	}
	return t.Write(a.outTerm)
}

// columnKind returns the kind of a reader: a principal's, else retired or
// unknown.
func columnKind(s *lockstep.Session, who string) string {
	if p, ok := fleet.ParsePrincipal(who); ok {
		if s.Inventory.Has(p) {
			return string(p.Kind)
		}
		return "retired"
	}
	return "unknown"
}

// printMatrix shows folders against principals.
func (a *app) printMatrix(s *lockstep.Session, rows []accessRow, names []string, all bool) error {
	if len(names) == 0 {
		names = columnNames(s, rows)
	}
	columns := make([]matrix.Column, len(names))
	for i, who := range names {
		_, short, _ := strings.Cut(who, "/")
		if kind := columnKind(s, who); kind == "unknown" && len(short) > 12 {
			short = short[:7] + "…" + short[len(short)-4:]
		}
		columns[i] = matrix.Column{Kind: columnKind(s, who), Name: term.Printable(short)}
	}
	documents := make([]matrix.Row, len(rows))
	for i, r := range rows {
		cells := make([]string, len(names))
		for c, who := range names {
			cells[c] = matrix.Mark(slices.Contains(r.Policy, who), slices.Contains(r.Readers, who))
		}
		documents[i] = matrix.Row{Label: path.Dir(r.Document) + "/*", Owner: ownerOf(s, r.Document), Cells: cells}
	}
	if err := matrix.New(columns, documents).Write(a.outTerm, all); err != nil {
		return err
	}
	_, err := fmt.Fprintln(a.out, "● policy and file   ○ policy only   ✗ file only, policy says no")
	return err
}

// columnNames returns the principals of the inventory with hosts first, then
// readers that are none of them.
func columnNames(s *lockstep.Session, rows []accessRow) []string {
	var names []string
	for _, kind := range []fleet.PrincipalKind{fleet.HostKind, fleet.UserKind, fleet.RecoveryKind} {
		for _, p := range s.Inventory.Principals() {
			if p.Kind == kind {
				names = append(names, p.String())
			}
		}
	}
	var others []string
	for _, r := range rows {
		for _, who := range r.Readers {
			if !slices.Contains(names, who) && !slices.Contains(others, who) {
				others = append(others, who)
			}
		}
	}
	slices.SortStableFunc(others, func(x, y string) int { return strings.Compare(columnKind(s, x), columnKind(s, y)) })
	return append(names, others...)
}

// ownerOf returns the principal whose own folder a document lies in.
func ownerOf(s *lockstep.Session, document string) matrix.Column {
	parts := strings.Split(document, "/")
	if s.Inventory.Layout() != fleet.LayoutStandard || len(parts) < 2 {
		return matrix.Column{}
	}
	if parts[0] == "users" && len(parts) > 2 {
		return matrix.Column{Kind: string(fleet.UserKind), Name: parts[1]}
	}
	if s.Inventory.Has(fleet.Principal{Kind: fleet.HostKind, Name: parts[0]}) {
		return matrix.Column{Kind: string(fleet.HostKind), Name: parts[0]}
	}
	return matrix.Column{}
}

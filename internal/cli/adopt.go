package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"keyreeve/fleet"
	"keyreeve/internal/adopt"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/internal/term"
	"keyreeve/sops"
)

// adopt derives the inventory from the .sops.yaml in this folder.
func (a *app) adopt() error {
	if _, err := os.Stat(filepath.Join(a.dir, repo.InventoryName)); err == nil {
		return &conflictError{"there is a " + repo.InventoryName + " here already", "keyreeve check; keyreeve init --tidy makes adopted rules simpler"}
	}
	r, err := repo.OpenFolder(a.dir)
	if err != nil {
		return err
	}
	config, err := r.Read(lockstep.SopsConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return a.nothingToAdopt()
	}
	if err != nil {
		return err
	}
	documents, err := foreignDocuments(r)
	if err != nil {
		return err
	}
	plan, err := adopt.New(config, documents)
	if err != nil {
		return err
	}
	if err := a.showAdoption(plan, len(documents)); err != nil || a.dryRun {
		return err
	}
	if err := a.confirm("Adopt this fleet?"); err != nil {
		return err
	}
	return a.applyAdoption(config, plan)
}

func (a *app) applyAdoption(config []byte, plan *adopt.Plan) error {
	err := a.found("init --adopt", func(*repo.Repo) ([]repo.Change, error) {
		return []repo.Change{
			{Path: repo.InventoryName, New: plan.Inventory},
			{Path: lockstep.SopsConfig, Old: config, New: plan.SopsYAML},
		}, nil
	})
	if err == nil && !a.quiet && !a.json {
		fmt.Fprintf(a.out, "wrote %s and %s; no document was touched\nnext: keyreeve check\n", repo.InventoryName, lockstep.SopsConfig)
	}
	return err
}

// foreignDocuments finds what sops encrypted below the folder.
func foreignDocuments(r *repo.Repo) ([]adopt.Document, error) {
	all := r.Covering(func(string) bool { return true })
	paths, err := all.Documents()
	if err != nil {
		return nil, err
	}
	var documents []adopt.Document
	for _, path := range paths {
		data, err := all.Read(path)
		if err != nil {
			return nil, err
		}
		if !lockstep.Encrypted(data) {
			continue
		}
		if d, err := sops.Parse(data, sops.FormatOf(path)); err == nil {
			documents = append(documents, adopt.Document{Path: path, Recipients: d.Metadata.Recipients(), Foreign: d.Metadata.ForeignKeys()})
		}
	}
	return documents, nil
}

// nothingToAdopt says where a .sops.yaml is, if not here.
func (a *app) nothingToAdopt() error {
	if below := configsBelow(a.dir); len(below) > 0 {
		return &conflictError{fmt.Sprintf("there is no %s here; it lies in %s", lockstep.SopsConfig, strings.Join(below, ", ")),
			"keyreeve init --adopt -C " + filepath.Join(a.dir, below[0])}
	}
	return &conflictError{"there is no " + lockstep.SopsConfig + " here to adopt", "keyreeve init begins a fleet"}
}

// configsBelow returns the folders below dir that have a .sops.yaml.
func configsBelow(dir string) []string {
	var found []string
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		switch {
		case err != nil:
			return nil
		case entry.IsDir() && (entry.Name() == ".git" || strings.Count(rel, string(filepath.Separator)) > 4):
			return fs.SkipDir
		case entry.Name() == lockstep.SopsConfig && rel != lockstep.SopsConfig:
			found = append(found, filepath.Dir(rel))
		}
		return nil
	})
	return found
}

// What a person is shown of a large fleet: so many principals of a kind, and members
// of a group.
const shownPrincipals, shownMembers = 20, 4

// showAdoption prints the plan.
func (a *app) showAdoption(p *adopt.Plan, documents int) error {
	if a.json {
		return a.printJSON(adoptionJSON(p, documents))
	}
	if a.quiet {
		return nil
	}
	fmt.Fprintf(a.out, "%s becomes %s:\n\n", lockstep.SopsConfig, repo.InventoryName)
	t := term.Table{}
	rows := map[fleet.PrincipalKind]int{}
	for _, k := range p.Principals {
		if rows[k.Principal.Kind]++; rows[k.Principal.Kind] > shownPrincipals {
			continue
		}
		recipient, role := abbreviated(k.Recipient), ""
		if k.Recipient == "" {
			recipient = "no recipient"
		}
		if k.Admin {
			role = "admin"
		}
		t.Row("  "+k.Principal.String(), recipient, k.From, role)
	}
	for _, g := range p.Groups {
		var members []string
		for _, m := range g.Members() {
			members = append(members, m.Name)
		}
		size := len(members)
		if size > shownMembers {
			members = append(members[:shownMembers], "…")
		}
		t.Row("  group/"+g.Name, count(size, "member", "members"), strings.Join(members, " "))
	}
	if err := t.Write(a.outTerm); err != nil {
		return err
	}
	for _, kind := range []fleet.PrincipalKind{fleet.UserKind, fleet.HostKind} {
		if n := rows[kind] - shownPrincipals; n > 0 {
			fmt.Fprintf(a.out, "  and %s (--dry-run --json has all)\n", count(n, "more "+string(kind), "more "+string(kind)+"s"))
		}
	}
	fmt.Fprintf(a.out, "\nform: %s\n", formText(p))
	for _, n := range p.Notes {
		place := ""
		if n.Line > 0 {
			place = fmt.Sprintf("%s:%d: ", lockstep.SopsConfig, n.Line)
		}
		fmt.Fprintf(a.out, "%s: %s%s\n", n.Kind, place, n.Text)
	}
	a.list("no rule matches these documents; they stay as they are:", p.Unmatched)
	var drift []string
	for _, d := range p.Drift {
		drift = append(drift, d.Document+"  "+driftText(d))
	}
	a.list("these documents have other recipients than the rules, and keep them until keyreeve rekey:", drift)
	fmt.Fprintf(a.out, "checked: %s and %d random paths keep their recipients\n\n", count(documents, "document", "documents"), p.Paths)
	return nil
}

// list prints at most ten lines under a heading.
func (a *app) list(heading string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintln(a.out, heading)
	for i, line := range lines {
		if i == 10 {
			fmt.Fprintf(a.out, "  and %d more\n", len(lines)-10)
			break
		}
		fmt.Fprintln(a.out, "  "+line)
	}
}

func driftText(d adopt.Drift) string {
	var parts []string
	for _, who := range d.Remove {
		parts = append(parts, "+"+abbreviated(who))
	}
	for _, who := range d.Add {
		parts = append(parts, "-"+abbreviated(who))
	}
	return strings.Join(parts, " ")
}

func formText(p *adopt.Plan) string {
	switch p.Form {
	case adopt.Standard:
		return "the standard layout"
	case adopt.Scopes:
		return "scopes (not the standard layout: " + p.Why + ")"
	}
	return "rules, the expressions as they are\n      (not scopes: " + p.Why + ")"
}

// abbreviated shortens a recipient.
func abbreviated(s string) string {
	if len(s) > 30 {
		return s[:14] + "…" + s[len(s)-4:]
	}
	return s
}

func adoptionJSON(p *adopt.Plan, documents int) map[string]any {
	principals, groups, notes, drift := []any{}, []any{}, []any{}, []any{}
	for _, k := range p.Principals {
		principals = append(principals, map[string]any{"principal": k.Principal.String(), "recipient": k.Recipient, "name_from": k.From, "admin": k.Admin})
	}
	for _, g := range p.Groups {
		members := []string{}
		for _, m := range g.Members() {
			members = append(members, m.String())
		}
		groups = append(groups, map[string]any{"group": "group/" + g.Name, "members": members})
	}
	for _, n := range p.Notes {
		notes = append(notes, map[string]any{"kind": n.Kind, "line": n.Line, "text": n.Text})
	}
	for _, d := range p.Drift {
		drift = append(drift, map[string]any{"document": d.Document, "missing": append([]string{}, d.Add...), "extra": append([]string{}, d.Remove...)})
	}
	return map[string]any{"form": p.Form, "why": p.Why, "principals": principals, "groups": groups, "notes": notes,
		"unmatched": append([]string{}, p.Unmatched...), "drift": drift, "documents": documents, "paths": p.Paths,
		"inventory": string(p.Inventory), "sops_yaml": string(p.SopsYAML)}
}

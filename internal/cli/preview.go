package cli

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"keyreeve/internal/lockstep"
)

// lineWidth is what a preview keeps to, whatever the terminal.
const lineWidth = 80

// maxListed is how many values are listed one by one, and how many folders or
// documents else.
const maxListed = 10

// preview says what a plan does to the readers of documents.
func preview(s *lockstep.Session, plan *lockstep.Plan) []string {
	all := slices.Concat(plan.Drift, plan.Closed)
	var lines []string
	for _, g := range parties(s, plan, all, true) {
		lines = append(lines, fmt.Sprintf("%s will read %s, %s:", strings.Join(g.names, ", "), count(len(g.documents), "document", "documents"), count(g.values, "value", "values")))
		lines = append(lines, wrap("  ", folders(g.documents))...)
	}
	for _, g := range parties(s, plan, all, false) {
		lines = append(lines, fmt.Sprintf("%s can no longer read %s:", strings.Join(g.names, ", "), count(len(g.documents), "document", "documents")))
		lines = append(lines, wrap("  ", folders(g.documents))...)
	}
	if same := unchanged(plan.Drift); len(same) > 0 {
		lines = append(lines, count(len(same), "document is", "documents are")+" wrapped afresh, with the same readers:")
		lines = append(lines, wrap("  ", folders(same))...)
	}
	renewed := 0
	for _, d := range plan.Drift {
		if d.NewDataKey {
			renewed++
		}
	}
	if renewed > 0 {
		lines = append(lines, count(renewed, "document gets a new data key", "documents get a new data key"))
	}
	lines = append(lines, pendingLines(plan.Pending)...)
	if refs := exposed(plan); len(refs) > 0 {
		lines = append(lines, "", fmt.Sprintf("Until it is rotated, %s readable in old clones and backups:", count(len(refs), "value stays", "values stay")))
		lines = append(lines, valueLines(refs)...)
	}
	if len(lines) == 0 {
		return []string{"no document changes readers"}
	}
	return lines
}

func pendingLines(paths []string) []string {
	if len(paths) == 0 {
		return nil
	}
	return append([]string{count(len(paths), "document stays", "documents stay") + " as before, since none of your keys opens it:"}, wrap("  ", folders(paths))...)
}

// A party is principals that gain or lose the same documents.
type party struct {
	names     []string
	documents []string
	values    int
}

// parties groups who gains documents, or who loses them.
func parties(s *lockstep.Session, plan *lockstep.Plan, drift []lockstep.Drift, gain bool) []*party {
	var order []string
	each := map[string]*party{}
	for _, d := range drift {
		recipients := d.Removed
		if gain {
			recipients = d.Added
		}
		for _, who := range s.Principals(plan.Inventory, recipients) {
			if each[who] == nil {
				each[who] = &party{names: []string{who}}
				order = append(order, who)
			}
			each[who].documents = append(each[who].documents, d.Document)
			each[who].values += len(d.Entries)
		}
	}
	var all []*party
	for _, who := range order {
		p := each[who]
		at := slices.IndexFunc(all, func(o *party) bool { return slices.Equal(o.documents, p.documents) })
		if at < 0 {
			all = append(all, p)
			continue
		}
		all[at].names = append(all[at].names, who)
	}
	return all
}

func unchanged(drift []lockstep.Drift) []string {
	var paths []string
	for _, d := range drift {
		if len(d.Add)+len(d.Remove) == 0 {
			paths = append(paths, d.Document)
		}
	}
	return paths
}

// exposed returns the refs of what those who are removed could read.
func exposed(plan *lockstep.Plan) []string {
	var refs []string
	for _, d := range slices.Concat(plan.Drift, plan.Closed) {
		if len(d.Remove) > 0 {
			refs = append(refs, d.Entries...)
		}
	}
	return refs
}

// valueLines lists values, or where there are many how many each document has.
func valueLines(refs []string) []string {
	if len(refs) <= maxListed {
		lines := []string{}
		for _, ref := range refs {
			lines = append(lines, "  "+ref)
		}
		return lines
	}
	var documents []string
	for _, ref := range refs {
		name, _, _ := strings.Cut(ref, "#")
		documents = append(documents, name)
	}
	if tally := counted(documents); len(tally) <= maxListed {
		return append(wrap("  ", tally), "  --json lists each")
	}
	return append(wrap("  ", folders(documents)), "  --json lists each")
}

// folders counts documents by their folder: secrets/common/* (9).
func folders(paths []string) []string {
	if len(paths) == 1 {
		return paths
	}
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = path.Dir(p) + "/*"
	}
	tally := counted(names)
	if more := len(tally) - maxListed; more > 0 {
		tally = append(tally[:maxListed], "and "+count(more, "folder more", "folders more"))
	}
	return tally
}

// counted counts equal names, in the order in which they first come.
func counted(names []string) []string {
	numbers, order := map[string]int{}, []string{}
	for _, name := range names {
		if numbers[name] == 0 {
			order = append(order, name)
		}
		numbers[name]++
	}
	for i, name := range order {
		order[i] = fmt.Sprintf("%s (%d)", name, numbers[name])
	}
	return order
}

// wrap joins items by commas into lines that begin with a label, or with as
// many blanks.
func wrap(label string, items []string) []string {
	lines, line := []string{}, label
	for i, item := range items {
		if i < len(items)-1 {
			item += ","
		}
		switch {
		case line == label:
			line += item
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(item) > lineWidth-10:
			lines = append(lines, line)
			line = strings.Repeat(" ", len(label)) + item
			label = strings.Repeat(" ", len(label))
		default:
			line += " " + item
		}
	}
	return append(lines, line)
}

// tilde writes the home directory as people do.
func tilde(text string) string {
	home, err := os.UserHomeDir()
	if err != nil || len(home) < 2 {
		return text
	}
	return strings.ReplaceAll(text, home+"/", "~/")
}

// planJSON is what a change did, or would do: the documents whose readers
// change, all files written, what stays pending, who reads more, and the values
// that those who were removed could read.
func (a *app) planJSON(s *lockstep.Session, c *change) map[string]any {
	drift, closed := s.Readers(c.files), []lockstep.Drift{}
	plan := &lockstep.Plan{Drift: drift, Inventory: s.Inventory}
	if c.plan != nil {
		plan, drift, closed = c.plan, c.plan.Drift, c.plan.Closed
	}
	changes := []map[string]any{}
	for _, d := range drift {
		changes = append(changes, map[string]any{"document": s.Repo.Name(d.Document), "add": list(d.Add), "remove": list(d.Remove),
			"recipients": list(d.Recipients), "new_data_key": d.NewDataKey, "values": len(d.Entries)})
	}
	files := []string{}
	for _, f := range c.files {
		files = append(files, f.Path)
	}
	gains := []map[string]any{}
	for _, p := range parties(s, plan, slices.Concat(drift, closed), true) {
		gains = append(gains, map[string]any{"readers": p.names, "documents": len(p.documents), "values": p.values})
	}
	return map[string]any{"dry_run": a.dryRun, "changes": changes, "files": files, "pending": list(c.pending), "failed": texts(c.failed), "gains": gains, "exposed": list(exposed(plan))}
}

func texts(faults []error) []string {
	all := []string{}
	for _, err := range faults {
		all = append(all, err.Error())
	}
	return all
}

// list is never null in JSON.
func list(items []string) []string { return append([]string{}, items...) }

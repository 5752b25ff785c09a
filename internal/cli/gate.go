package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/internal/term"
)

// gate refuses to encrypt to readers that others added, until they are accepted.
func (a *app) gate(s *lockstep.Session, c *change) (*lockstep.Acceptance, error) {
	acceptance, err := s.Acceptance(a.ctx, a.pinDir(), c.next, c.files, c.plan)
	if err != nil {
		return nil, err
	}
	if a.acceptGrants && c.plan != nil && c.next == nil {
		acceptance.TakeAll()
	}
	if acceptance.First && len(c.files) > 0 {
		a.note("first write to this repository on this machine: its readers are accepted as they are")
	}
	if len(acceptance.Fresh)+len(acceptance.Moved) == 0 {
		return acceptance, nil
	}
	origins, err := s.Origins(a.ctx, acceptance.Fresh)
	if err != nil {
		return nil, err
	}
	refusal := &grantsError{}
	refusal.lines = append(grantLines(origins), movedLines(acceptance.Moved)...)
	refusal.count = len(origins) + len(acceptance.Moved)
	if a.acceptGrants {
		for _, line := range refusal.lines {
			a.note("accepted: %s", strings.TrimSpace(line))
		}
		return acceptance, nil
	}
	if !term.IsTerminal(a.in) || a.dryRun || a.json || a.yes {
		return nil, refusal
	}
	fmt.Fprintf(a.err, "%s:\n  %s\n", refusal, printableLines(strings.Join(refusal.lines, "\n  ")))
	if a.confirm("Accept these readers?") != nil {
		return nil, refusal
	}
	return acceptance, nil
}

// maxGranted is how many readers a message lists one by one.
const maxGranted = 20

// grantLines says what grants allow, by who is allowed, and which commit brought
// them.
func grantLines(origins []lockstep.Origin) []string {
	var order []string
	rules, by := map[string][]string{}, map[string]lockstep.Origin{}
	for _, o := range origins {
		who := fmt.Sprintf("%s may read %%s with %s", o.Grant.Principal, lockstep.Short(o.Grant.Recipient))
		if o.Grant.Settings != "" {
			who = "%s has " + strings.ReplaceAll(term.Printable(term.Shorten(o.Grant.Settings, 60)), "%", "%%")
		}
		key := o.Commit + who
		if rules[key] == nil {
			order = append(order, key)
			by[key] = o
		}
		rules[key] = append(rules[key], o.Grant.Rule)
	}
	slices.SortStableFunc(order, func(a, b string) int { return strings.Compare(by[a].Commit, by[b].Commit) })
	var lines []string
	for i, key := range order {
		if i == maxGranted {
			return append(lines, "  "+broughtBy(by[order[i-1]]), fmt.Sprintf("and %d more: see git log -p %s, and keyreeve access", len(order)-i, repo.InventoryName))
		}
		who := strings.TrimPrefix(key, by[key].Commit)
		lines = append(lines, fmt.Sprintf(who, fewOf(rules[key], 3)))
		if i+1 == len(order) || by[order[i+1]].Commit != by[key].Commit {
			lines = append(lines, "  "+broughtBy(by[key]))
		}
	}
	return lines
}

func broughtBy(o lockstep.Origin) string {
	if o.Commit == "" {
		return "by a change of " + repo.InventoryName + " that is not committed"
	}
	return fmt.Sprintf("by commit %.8s of %s, %s: %s", o.Commit, term.Printable(term.Shorten(o.Author, 30)), o.Time.Format(time.DateOnly), term.Printable(term.Shorten(o.Summary, 40)))
}

func movedLines(moved []lockstep.Drift) []string {
	var lines []string
	for i, d := range moved {
		if i == maxGranted {
			return append(lines, fmt.Sprintf("and %s that are new at their paths", count(len(moved)-i, "document more", "documents more")))
		}
		lines = append(lines, fmt.Sprintf("%s would be for %s too; the document is new at this path, see git log %s", d.Document, fewOf(d.Add, 3), d.Document))
	}
	return lines
}

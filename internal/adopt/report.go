package adopt

import (
	"fmt"
	"slices"

	"keyreeve/fleet"
)

// report adds to a plan what there is to say about it.
func (a *adoption) report(p *Plan, inv *fleet.Inventory) {
	for _, k := range a.keys {
		named := Principal{Principal: k.principal, From: k.from}
		if k.usable {
			named.Recipient = k.recipient
		}
		for _, u := range inv.Users() {
			named.Admin = named.Admin || k.principal == fleet.Principal{Kind: fleet.UserKind, Name: u.Name} && u.Admin
		}
		p.Principals = append(p.Principals, named)
	}
	for _, r := range a.old.Rules {
		var kinds []string
		for _, g := range r.Groups {
			for _, k := range g.Foreign {
				if !slices.Contains(kinds, k.Kind) {
					kinds = append(kinds, k.Kind)
				}
			}
		}
		for _, kind := range kinds {
			a.note("foreign", r.Line, kind+" is kept; only sops can encrypt to it")
		}
	}
	policy := inv.Policy()
	unknown := map[string]int{}
	name := func(recipient string) string {
		if owner, _, _, ok := inv.Owner(recipient); ok {
			return owner.String()
		}
		unknown[recipient]++
		return "unknown/" + recipient
	}
	for _, d := range a.documents {
		decision, ok := policy.For(d.Path)
		if !ok {
			p.Unmatched = append(p.Unmatched, d.Path)
			continue
		}
		drift := Drift{Document: d.Path}
		want, listed := sorted(decision.Recipients()), sorted(d.Recipients)
		for _, r := range want {
			if !slices.Contains(listed, r) {
				drift.Add = append(drift.Add, name(r))
			}
		}
		for _, r := range listed {
			if !slices.Contains(want, r) {
				drift.Remove = append(drift.Remove, name(r))
			}
		}
		if len(drift.Add)+len(drift.Remove) > 0 {
			p.Drift = append(p.Drift, drift)
		}
	}
	for _, recipient := range sortedKeys(unknown) {
		a.note("unknown", 0, fmt.Sprintf("%s is in %d documents and in no rule", recipient, unknown[recipient]))
	}
	p.Notes = a.notes
}

func sortedKeys(m map[string]int) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

package fleet

import "slices"

// A Grant allows a recipient to read what one line of the policy covers.
type Grant struct {
	Principal Principal
	Recipient string
	Rule      string // layout folder, scope or rule
	Kind      string // "layout", "scope", "rule"
}

// Grants returns every grant of the policy, whether or not there are documents
// under its rule.
func (p *Policy) Grants() []Grant {
	var covers []coverage
	w := ruleWriter{policy: p}
	for _, r := range w.regions() {
		covers = append(covers, p.cover(r.sample()))
	}
	for i := range p.rules {
		covers = append(covers, coverage{rule: i})
	}
	seen := map[Grant]bool{}
	var all []Grant
	for _, c := range covers {
		for _, r := range p.decide(c).Readers {
			for _, reason := range r.Reasons {
				for _, n := range r.Recipients {
					g := Grant{r.Principal, n.Recipient, reason.Rule, reason.Kind}
					if !seen[g] {
						seen[g] = true
						all = append(all, g)
					}
				}
			}
		}
	}
	return slices.Clip(all)
}

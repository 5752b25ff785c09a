package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// A Grant is one thing that a line of the policy allows: a recipient to read what
// the line covers, or sops to treat it otherwise than by default.
type Grant struct {
	Principal Principal // the zero Principal, where Settings are granted
	Recipient string    // likewise empty
	Rule      string    // layout folder, scope or rule
	Kind      string    // "layout", "scope", "rule"
	Settings  string    // what the line passes to sops: selection, key groups, foreign keys
	after     string    // of a rule: a digest of those before it, which take paths from it
}

// Key identifies the line that grants, however other lines are written: a scope is
// never taken for a folder of the layout, and a rule whose predecessors change
// is another one.
func (g Grant) Key() string {
	key := g.Kind + " " + g.Rule
	if g.after != "" {
		key += " after " + g.after
	}
	return key
}

// Everywhere reports whether the standard layout grants whatever the folder: to an
// admin or a recovery recipient.
func (g Grant) Everywhere() bool { return g.Kind == "layout" && g.Rule == secretsFolder+"/**" }

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
		for _, g := range p.decide(c).Grants() {
			if !seen[g] {
				seen[g] = true
				all = append(all, g)
			}
		}
	}
	return slices.Clip(all)
}

// Grants returns the grants that the decision rests on. A recipient may have
// several, of which one is enough.
func (d Decision) Grants() []Grant {
	var all []Grant
	seen := map[Grant]bool{}
	add := func(g Grant) {
		if !seen[g] {
			seen[g] = true
			all = append(all, g)
		}
	}
	for _, r := range d.Readers {
		for _, reason := range r.Reasons {
			for _, n := range r.Recipients {
				add(Grant{Principal: r.Principal, Recipient: n.Recipient, Rule: reason.Rule, Kind: reason.Kind, after: reason.after})
			}
		}
	}
	if !d.Settings.IsZero() {
		add(Grant{Rule: d.source.Rule, Kind: d.source.Kind, Settings: d.settingsText(), after: d.source.after})
	}
	return all
}

// settingsText writes what is passed to sops on one line, key groups with the
// recipients in them.
func (d Decision) settingsText() string {
	var parts []string
	s := d.Settings
	if s.Selection.Key != "" {
		parts = append(parts, s.Selection.Key+": "+s.Selection.Value)
	}
	if s.MACOnlyEncrypted {
		parts = append(parts, "mac_only_encrypted")
	}
	for _, k := range s.Foreign {
		parts = append(parts, k.Kind+": "+k.YAML)
	}
	if len(s.Groups) > 0 {
		parts = append(parts, fmt.Sprintf("shamir_threshold: %d", s.Threshold))
	}
	for i, g := range s.Groups {
		text := fmt.Sprintf("key group %d: %s", i+1, strings.Join(d.groups[i], " "))
		for _, k := range g.Foreign {
			text += " " + k.Kind + ": " + k.YAML
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// digest names the rules before one.
func digest(rules []resolvedRule) string {
	if len(rules) == 0 {
		return ""
	}
	h := sha256.New()
	for _, r := range rules {
		fmt.Fprintf(h, "%q\n", r.rule.Match)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

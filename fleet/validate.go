package fleet

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// validate reports what no single field shows: names that point nowhere,
// recipients under two principals, scopes that do not go with the layout. It
// fills in the owners.
func (d *decoder) validate(m *model) {
	d.validateOwners(m)
	d.validateMembers(m)
	d.validateScopes(m)
	d.validateRules(m)
	d.validateSecrets(m)
	d.validateHosts(m)
	d.warn(m)
}

func (d *decoder) validateOwners(m *model) {
	m.owners = map[string]owner{}
	claim := func(p Principal, r NamedRecipient) {
		key := canonical(r.Recipient)
		if key == "" {
			return
		}
		if o, taken := m.owners[key]; taken {
			d.report(CodeSharedRecipient, d.at[p.String()+"#"+r.Name],
				fmt.Sprintf("%s: this recipient already belongs to %s", named(p, r.Name), named(o.principal, o.name)),
				"give each principal a key of its own")
			return
		}
		m.owners[key] = owner{principal: p, name: r.Name}
	}
	for _, u := range m.users {
		for _, r := range u.Recipients {
			claim(Principal{UserKind, u.Name}, r)
		}
	}
	for _, h := range m.hosts {
		for _, r := range h.Recipients {
			claim(Principal{HostKind, h.Name}, r)
		}
	}
	for _, r := range m.recovery {
		claim(Principal{RecoveryKind, r.Name}, NamedRecipient{Recipient: r.Recipient})
	}
	for i, r := range m.retired {
		key := canonical(r.Recipient)
		if o, active := m.owners[key]; active && !o.retired {
			d.report(CodeStillActive, d.at[fmt.Sprintf("retired/%d", i)],
				fmt.Sprintf("this recipient is retired, and %s still has it", named(o.principal, o.name)), "remove one of the two")
			continue
		}
		m.owners[key] = owner{principal: r.Principal, retired: true}
	}
}

func (m *model) names(kind PrincipalKind) []string {
	var names []string
	switch kind {
	case UserKind:
		for _, u := range m.users {
			names = append(names, u.Name)
		}
	case HostKind:
		for _, h := range m.hosts {
			names = append(names, h.Name)
		}
	case GroupKind:
		for _, g := range m.groups {
			names = append(names, g.Name)
		}
	case RecoveryKind:
		for _, r := range m.recovery {
			names = append(names, r.Name)
		}
	}
	return names
}

// member reports a name that is no principal of this kind.
func (d *decoder) member(m *model, where string, p Principal) {
	known := m.names(p.Kind)
	if slices.Contains(known, p.Name) {
		return
	}
	fix := fmt.Sprintf("add it: keyreeve %s add %s", p.Kind, p.Name)
	if best := nearest(p.Name, known); best != "" {
		fix = "nearest: " + best
	}
	d.report(CodeUnknownMember, d.at[where], fmt.Sprintf("there is no %s", p), fix)
}

func (d *decoder) validateMembers(m *model) {
	for _, h := range m.hosts {
		for _, name := range h.Users {
			d.member(m, fmt.Sprintf("host/%s/users/%s", h.Name, name), Principal{UserKind, name})
		}
	}
	for _, g := range m.groups {
		for _, name := range g.Hosts {
			d.member(m, fmt.Sprintf("group/%s/hosts/%s", g.Name, name), Principal{HostKind, name})
		}
		for _, name := range g.Users {
			d.member(m, fmt.Sprintf("group/%s/users/%s", g.Name, name), Principal{UserKind, name})
		}
	}
	readers := func(where string, list []Principal) {
		for _, p := range list {
			d.member(m, where+"/"+p.String(), p)
		}
	}
	settings := func(where string, s Settings) {
		for i, g := range s.Groups {
			readers(fmt.Sprintf("%s/group/%d", where, i), g.Readers)
		}
	}
	for i, s := range m.scopes {
		readers(fmt.Sprintf("scope/%d", i), s.Readers)
		settings(fmt.Sprintf("scope/%d", i), s.Sops)
	}
	for i, r := range m.rules {
		readers(fmt.Sprintf("rule/%d", i), r.Readers)
		settings(fmt.Sprintf("rule/%d", i), r.Sops)
	}
}

func (d *decoder) validateScopes(m *model) {
	seen := map[region]int{}
	for i, s := range m.scopes {
		n := d.at[fmt.Sprintf("scope/%d", i)]
		r, ok := parseRegion(s.Path)
		if !ok {
			d.report(CodeScopePath, n, fmt.Sprintf("%s is neither a folder such as secrets/ci/** nor the path of one document", quote(s.Path)), "")
			continue
		}
		if m.layout == LayoutStandard && r.path != secretsFolder && !strings.HasPrefix(r.path, secretsFolder+"/") {
			d.report(CodeScopePath, n, fmt.Sprintf("%s is outside %s/, where the standard layout keeps documents", quote(s.Path), secretsFolder), "set layout: none, or move the documents")
		}
		if first, again := seen[r]; again {
			d.report(CodeDuplicate, n, fmt.Sprintf("a scope for %s is here twice, first as number %d", quote(s.Path), first+1), "put all its readers into one")
			continue
		}
		seen[r] = i
	}
}

func (d *decoder) validateRules(m *model) {
	if d.at["rules"] != nil && d.at["scopes"] != nil {
		d.report(CodeLayout, d.at["rules"], "an inventory has scopes or rules, not both", "say the rules as scopes, or the scopes as rules")
	}
	if d.at["rules"] != nil && m.layout == LayoutStandard {
		d.report(CodeLayout, d.at["rules"], "rules need layout: none", "set layout: none, or use scopes")
	}
	always := -1
	for i, r := range m.rules {
		n := d.at[fmt.Sprintf("rule/%d", i)]
		if _, err := regexp.Compile(r.Match); err != nil {
			d.report(CodeRegex, n, fmt.Sprintf("%s is no regular expression: %s", quote(r.Match), strings.TrimPrefix(err.Error(), "error parsing regexp: ")), "")
			continue
		}
		if always >= 0 {
			d.report(CodeShadowed, n, fmt.Sprintf("rule %d never applies: rule %d matches everything before it", i+1, always+1), "move the catch-all rule to the end")
			continue
		}
		if before := slices.IndexFunc(m.rules[:i], func(b Rule) bool { return b.Match == r.Match }); before >= 0 {
			d.report(CodeShadowed, n, fmt.Sprintf("rule %d never applies: rule %d has the same expression", i+1, before+1), "remove one of the two")
			continue
		}
		if before := slices.IndexFunc(m.rules[:i], func(b Rule) bool { return shadows(b.Match, r.Match) }); before >= 0 {
			d.report(CodeShadowed, n, fmt.Sprintf("rule %d never applies: rule %d matches all that it does", i+1, before+1), "put it before the other, or remove it")
			continue
		}
		switch {
		case r.Match == "" || r.Match == ".*":
			always = i
		case !strings.HasPrefix(r.Match, "^"):
			d.report(CodeUnanchored, n, fmt.Sprintf("%s matches anywhere in a path", quote(r.Match)), "begin it with ^, if no document needs it otherwise")
		}
	}
}

func (d *decoder) validateSecrets(m *model) {
	for i, s := range m.secrets {
		if !validPattern(s.Pattern) {
			d.report(CodeRef, d.at[fmt.Sprintf("secret/%d", i)], quote(s.Pattern)+" is no ref", "such as common/services#postgres/password; * and ** are allowed")
		}
		if s.Category == "" || s.Rotate > 0 {
			continue
		}
		if !slices.ContainsFunc(m.intervals, func(v Interval) bool { return v.Category == s.Category }) {
			d.report(CodeNoInterval, d.at[fmt.Sprintf("secret/%d/category", i)], "no interval for the category "+quote(s.Category), "add it under intervals, such as "+s.Category+": 90d")
		}
	}
}

// validPattern reports whether s can be a ref or a pattern of refs.
func validPattern(s string) bool {
	document, keyPath, hasKeyPath := strings.Cut(s, "#")
	return cleanPath(strings.TrimPrefix(document, "./")) && (!hasKeyPath || keyPath != "")
}

func (d *decoder) validateHosts(m *model) {
	if m.layout != LayoutStandard {
		return
	}
	taken := map[string]string{}
	for _, name := range reservedHosts {
		taken[name] = "a folder of the layout"
	}
	for _, s := range m.scopes {
		if r, ok := parseRegion(s.Path); ok && r.folder && r.path != secretsFolder {
			top, _, _ := strings.Cut(strings.TrimPrefix(r.path, secretsFolder+"/"), "/")
			taken[top] = "the folder of a scope"
		}
	}
	for _, h := range m.hosts {
		if what := taken[h.Name]; what != "" {
			d.report(CodeHostFolder, d.at["host/"+h.Name], fmt.Sprintf("no host can be called %s: %s/%s is %s", h.Name, secretsFolder, h.Name, what), "rename the host or the folder")
		}
	}
}

func (d *decoder) warn(m *model) {
	root := d.at["root"]
	if len(m.users) > 0 && len(m.recovery) == 0 {
		d.report(CodeNoRecovery, root, "there is no recovery recipient: who loses every key loses every secret", "keyreeve recovery add NAME --recipient age1…")
	}
	readers := 0
	for _, u := range m.users {
		if u.Admin {
			readers += len(u.Recipients)
		}
		if len(u.Recipients) == 0 {
			d.report(CodeNoRecipient, d.at["user/"+u.Name], "user/"+u.Name+" has no recipient and reads nothing", "keyreeve user recipient add "+u.Name+" NAME age1…")
		}
	}
	for _, r := range m.recovery {
		if r.Recipient != "" {
			readers++
		}
	}
	for _, h := range m.hosts {
		if len(h.Recipients) == 0 {
			d.report(CodeNoRecipient, d.at["host/"+h.Name], "host/"+h.Name+" has no recipient and reads nothing", "keyreeve host recipient add "+h.Name+" NAME age1…")
		}
	}
	if readers == 1 && m.layout == LayoutStandard {
		d.report(CodeLoneReader, root, "one recipient alone opens every document", "add a second admin key or a recovery recipient")
	}
}

package fleet

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A Policy is an inventory's scopes resolved to recipients. It is immutable and
// safe for use by several goroutines.
type Policy struct {
	m       *model
	scopes  []resolvedScope
	rules   []resolvedRule
	hosts   map[string]Host
	groups  map[string]Group
	users   map[string]User
	members map[Principal][]NamedRecipient
	decided *sync.Map // coverage → Decision, for paths that the same lines cover
}

type resolvedScope struct {
	region region
	scope  Scope
}

type resolvedRule struct {
	match *regexp.Regexp
	rule  Rule
}

// Policy resolves the inventory. Parts that have problems are left out, so that
// nobody reads by a line that could not be understood.
func (inv *Inventory) Policy() *Policy {
	m := inv.model
	p := &Policy{m: &m, hosts: map[string]Host{}, groups: map[string]Group{}, users: map[string]User{}, members: map[Principal][]NamedRecipient{}, decided: &sync.Map{}}
	for _, u := range m.users {
		p.users[u.Name] = u
		p.members[Principal{UserKind, u.Name}] = u.Recipients
	}
	for _, h := range m.hosts {
		p.hosts[h.Name] = h
		p.members[Principal{HostKind, h.Name}] = h.Recipients
	}
	for _, r := range m.recovery {
		if r.Recipient != "" {
			p.members[Principal{RecoveryKind, r.Name}] = []NamedRecipient{{Recipient: r.Recipient}}
		}
	}
	for _, g := range m.groups {
		p.groups[g.Name] = g
	}
	for _, s := range m.scopes {
		if r, ok := parseRegion(s.Path); ok {
			p.scopes = append(p.scopes, resolvedScope{r, s})
		}
	}
	for _, r := range m.rules {
		if re, err := regexp.Compile(r.Match); err == nil {
			p.rules = append(p.rules, resolvedRule{re, r})
		}
	}
	return p
}

// A Reader is a principal that may read a document, and why.
type Reader struct {
	Principal  Principal
	Recipients []NamedRecipient
	Reasons    []Reason
}

// A Reason says by which rule a principal may read, and through which group if
// any.
type Reason struct {
	Rule string    // layout folder, scope or rule, such as "secrets/common/**"
	Kind string    // "layout", "scope", "rule"
	Via  Principal // the group, or the zero Principal
	Text string    // for a person

	after string // see [Grant.Key]
}

// A Decision is what policy says of one document.
type Decision struct {
	Path     string
	Readers  []Reader // in the inventory's order; none is without a reason
	Settings Settings
	groups   [][]string
	source   Reason // of the settings
}

// Recipients returns the public keys to encrypt to, each once: users first, then
// hosts, then recovery recipients, each in the inventory's order.
func (d Decision) Recipients() []string {
	var all []string
	seen := map[string]bool{}
	for _, r := range d.Readers {
		for _, named := range r.Recipients {
			if !seen[named.Recipient] {
				seen[named.Recipient] = true
				all = append(all, named.Recipient)
			}
		}
	}
	return all
}

// Groups returns the recipients per key group: one group unless the document's
// scope or rule splits the data key.
func (d Decision) Groups() [][]string {
	if len(d.groups) > 0 {
		return d.groups
	}
	return [][]string{d.Recipients()}
}

// Reader returns a principal's entry.
func (d Decision) Reader(p Principal) (Reader, bool) {
	for _, r := range d.Readers {
		if r.Principal == p {
			return r, true
		}
	}
	return Reader{}, false
}

// For returns the decision for a document; path is relative to the inventory,
// with slashes. It is false where nothing in the inventory covers the path.
func (p *Policy) For(path string) (Decision, bool) {
	if !cleanPath(path) {
		return Decision{}, false
	}
	cover := p.cover(path)
	if cover.folder == "" && len(cover.scopes) == 0 && cover.rule < 0 {
		return Decision{}, false
	}
	key := fmt.Sprint(cover)
	d, ok := p.decided.Load(key)
	if !ok {
		d, _ = p.decided.LoadOrStore(key, p.decide(cover))
	}
	decision := d.(Decision)
	decision.Path = path
	return decision, true
}

// A coverage is the lines of the inventory that cover a path; paths of the same
// coverage have the same readers.
type coverage struct {
	folder string // of the layout, such as secrets/common, or ""
	own    bool   // below secrets/users, where admins do not read
	scopes []int
	rule   int // -1 without
}

func (p *Policy) cover(path string) coverage {
	c := coverage{rule: -1, own: strings.HasPrefix(path, secretsFolder+"/users/")}
	if p.m.layout == LayoutStandard {
		c.folder = p.layoutFolder(path)
	}
	for i, s := range p.scopes {
		if s.region.has(path) {
			c.scopes = append(c.scopes, i)
		}
	}
	c.rule = slices.IndexFunc(p.rules, func(r resolvedRule) bool { return r.match.MatchString(path) })
	return c
}

// layoutFolder returns the folder of the standard layout that a document lies
// in, or "".
func (p *Policy) layoutFolder(path string) string {
	parts := strings.Split(path, "/")
	if len(parts) < 3 || parts[0] != secretsFolder {
		return ""
	}
	switch top := parts[1]; top {
	case "common":
		return secretsFolder + "/common"
	case "groups", "users":
		if len(parts) < 4 {
			return ""
		}
		_, isGroup := p.groups[parts[2]]
		_, isUser := p.users[parts[2]]
		if top == "groups" && isGroup || top == "users" && isUser {
			return strings.Join(parts[:3], "/")
		}
	default:
		if _, ok := p.hosts[top]; ok {
			return secretsFolder + "/" + top
		}
	}
	return ""
}

func (p *Policy) decide(cover coverage) Decision {
	c := collector{policy: p, reasons: map[Principal][]Reason{}}
	var d Decision
	if cover.folder != "" {
		c.layout(cover.folder)
	}
	if p.m.layout == LayoutStandard {
		c.everywhere(cover.own)
	}
	source, deepest := Reason{}, -1
	for _, i := range cover.scopes {
		s := p.scopes[i]
		reason := Reason{Rule: s.scope.Path, Kind: "scope", Text: "the scope " + s.scope.Path + " names it"}
		c.addAll(s.scope.Readers, reason)
		if !s.scope.Sops.IsZero() && s.region.depth() > deepest {
			deepest, d.Settings, source = s.region.depth(), s.scope.Sops, reason
		}
	}
	if cover.rule >= 0 {
		r := p.rules[cover.rule].rule
		source = Reason{Rule: r.Match, Kind: "rule", Text: fmt.Sprintf("the rule %q names it", r.Match), after: digest(p.rules[:cover.rule])}
		c.addAll(r.Readers, source)
		d.Settings = r.Sops
	}
	if len(d.Settings.Groups) > 0 { // whoever is in no group gets no share of the key
		c.reasons = map[Principal][]Reason{}
	}
	for _, g := range d.Settings.Groups {
		c.addAll(g.Readers, source)
		d.groups = append(d.groups, Decision{Readers: p.readersOf(g.Readers)}.Recipients())
	}
	d.Readers, d.source = c.readers(), source
	return d
}

// readersOf returns principals as readers, groups resolved.
func (p *Policy) readersOf(list []Principal) []Reader {
	c := collector{policy: p, reasons: map[Principal][]Reason{}}
	c.addAll(list, Reason{})
	return c.readers()
}

// A collector gathers readers and their reasons.
type collector struct {
	policy  *Policy
	reasons map[Principal][]Reason
}

func (c *collector) add(p Principal, r Reason) {
	if !slices.Contains(c.reasons[p], r) {
		c.reasons[p] = append(c.reasons[p], r)
	}
}

// addAll adds principals; a group stands for its members.
func (c *collector) addAll(list []Principal, r Reason) {
	for _, p := range list {
		if p.Kind != GroupKind {
			c.add(p, r)
			continue
		}
		via := r
		via.Via = p
		via.Text = "member of " + p.String() + "; " + strings.TrimSuffix(r.Text, " it") + " the group"
		for _, member := range c.policy.groups[p.Name].Members() {
			c.add(member, via)
		}
	}
}

// layout adds the readers of a folder of the standard layout.
func (c *collector) layout(folder string) {
	parts := strings.Split(folder, "/")
	r := Reason{Rule: folder + "/**", Kind: "layout"}
	switch parts[1] {
	case "common":
		r.Text = "every host reads common"
		for _, h := range c.policy.m.hosts {
			c.add(Principal{HostKind, h.Name}, r)
		}
	case "groups":
		r.Via = Principal{GroupKind, parts[2]}
		r.Text = "member of " + r.Via.String()
		for _, member := range c.policy.groups[parts[2]].Members() {
			c.add(member, r)
		}
	case "users":
		r.Text = "its own documents"
		c.add(Principal{UserKind, parts[2]}, r)
		r.Text = "it may read the documents of user/" + parts[2]
		for _, h := range c.policy.m.hosts {
			if slices.Contains(h.Users, parts[2]) {
				c.add(Principal{HostKind, h.Name}, r)
			}
		}
	default:
		r.Text = "its own documents"
		c.add(Principal{HostKind, parts[1]}, r)
	}
}

// everywhere adds those who read by the standard layout whatever the folder:
// recovery recipients, and admins except in other users' own documents.
func (c *collector) everywhere(own bool) {
	rule := secretsFolder + "/**"
	for _, u := range c.policy.m.users {
		if u.Admin && !own {
			c.add(Principal{UserKind, u.Name}, Reason{Rule: rule, Kind: "layout", Text: "an admin"})
		}
	}
	for _, r := range c.policy.m.recovery {
		c.add(Principal{RecoveryKind, r.Name}, Reason{Rule: rule, Kind: "layout", Text: "a recovery recipient"})
	}
}

// readers returns what was gathered in the inventory's order.
func (c *collector) readers() []Reader {
	var all []Reader
	visit := func(p Principal) {
		if reasons, ok := c.reasons[p]; ok {
			all = append(all, Reader{Principal: p, Recipients: c.policy.members[p], Reasons: reasons})
		}
	}
	for _, u := range c.policy.m.users {
		visit(Principal{UserKind, u.Name})
	}
	for _, h := range c.policy.m.hosts {
		visit(Principal{HostKind, h.Name})
	}
	for _, r := range c.policy.m.recovery {
		visit(Principal{RecoveryKind, r.Name})
	}
	return all
}

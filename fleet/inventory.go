package fleet

import (
	"slices"
	"strings"
	"time"
)

// A Layout says which rules apply without any scope.
type Layout string

// The layouts.
const (
	LayoutStandard Layout = "standard" // common, a folder per host, groups, users
	LayoutNone     Layout = "none"     // scopes, or rules, alone decide
)

// A NamedRecipient is one of a principal's recipients.
type NamedRecipient struct {
	Name      string
	Recipient string
}

// A User is a person, or a robot.
type User struct {
	Name       string
	Admin      bool
	Recipients []NamedRecipient
}

// A Host is a machine.
type Host struct {
	Name       string
	Recipients []NamedRecipient
	Platform   string   // nixos, darwin, linux, wsl, or ""
	Users      []string // whose own documents this host may also read
}

// A Group is a set of hosts and users with documents of its own.
type Group struct {
	Name  string
	Hosts []string
	Users []string
}

// Members returns the group's users and hosts.
func (g Group) Members() []Principal {
	var members []Principal
	for _, name := range g.Users {
		members = append(members, Principal{UserKind, name})
	}
	for _, name := range g.Hosts {
		members = append(members, Principal{HostKind, name})
	}
	return members
}

// A Retired recipient belonged to a principal once, which may be gone.
type Retired struct {
	Principal Principal
	Recipient string
	Since     string // YYYY-MM-DD
	Reason    string
}

// A Scope adds readers to a folder or one document.
type Scope struct {
	Path    string // folder/** or the path of a document
	Readers []Principal
	Sops    Settings
}

// A Rule names the readers of all paths that a regular expression matches
// anywhere. Of several rules the first that matches decides.
type Rule struct {
	Match   string // "" matches everything
	Readers []Principal
	Sops    Settings
}

// A Selection is the rule by which sops decides what to encrypt in a document.
// The zero value is sops' own default.
type Selection struct {
	Key   string // such as encrypted_regex
	Value string
}

// A ForeignKey is a key that is no age recipient: pgp, kms and so on. It is
// passed through.
type ForeignKey struct {
	Kind string // the field in .sops.yaml, such as pgp
	YAML string // its value there, in flow style
}

// A KeyGroup is one of the groups between which sops splits the data key.
type KeyGroup struct {
	Readers []Principal
	Foreign []ForeignKey
}

// Settings are what a scope or rule passes to sops.
type Settings struct {
	Selection        Selection
	MACOnlyEncrypted bool
	Threshold        int // of Groups
	Groups           []KeyGroup
	Foreign          []ForeignKey
}

// IsZero reports whether there are no settings.
func (s Settings) IsZero() bool {
	return s.Selection == Selection{} && !s.MACOnlyEncrypted && s.Threshold == 0 && len(s.Groups) == 0 && len(s.Foreign) == 0
}

// Generate says how a secret's value is made.
type Generate struct {
	Kind     string
	Length   int
	Words    int
	Bits     int
	Alphabet string
	Command  string
}

// Secret is the metadata of the secrets that a ref or pattern names.
type Secret struct {
	Pattern  string
	Category string
	Rotate   time.Duration // 0: the category's interval
	Generate *Generate
}

// An Interval says how often secrets of a category are due.
type Interval struct {
	Category string
	Every    time.Duration
}

// An Inventory is a parsed keyreeve.yaml. Accessors return copies in the order
// of the file. It is not safe for use while another goroutine edits it.
type Inventory struct {
	file string
	data []byte
	model
	problems []Problem
	known    recipientCache
}

// model is what the text of an inventory says.
type model struct {
	layout    Layout
	users     []User
	hosts     []Host
	groups    []Group
	recovery  []NamedRecipient
	retired   []Retired
	scopes    []Scope
	rules     []Rule
	secrets   []Secret
	intervals []Interval
	stores    string // YAML of the stores passed through, or ""
	owners    map[string]owner
}

// An owner is whose a recipient is, by the recipient's canonical text.
type owner struct {
	principal Principal
	name      string
	retired   bool
}

const emptyInventory = `# Who is in this fleet and who may read what; see keyreeve schema inventory.
version: 1
layout: standard
`

// New returns an inventory of the standard layout without principals.
func New() *Inventory {
	inv, _ := Parse("keyreeve.yaml", []byte(emptyInventory))
	return inv
}

// Bytes returns the text of the inventory. Without an edit it is exactly what
// was parsed.
func (inv *Inventory) Bytes() []byte { return slices.Clone(inv.data) }

// Clone returns an inventory that can be edited apart.
func (inv *Inventory) Clone() *Inventory {
	c := *inv
	return &c
}

// Problems returns the faults of the inventory as it is now.
func (inv *Inventory) Problems() []Problem { return slices.Clone(inv.problems) }

// Layout returns the layout.
func (inv *Inventory) Layout() Layout { return inv.layout }

// Users returns the users.
func (inv *Inventory) Users() []User { return slices.Clone(inv.users) }

// Hosts returns the hosts.
func (inv *Inventory) Hosts() []Host { return slices.Clone(inv.hosts) }

// Groups returns the groups.
func (inv *Inventory) Groups() []Group { return slices.Clone(inv.groups) }

// Recovery returns the recovery recipients by name.
func (inv *Inventory) Recovery() []NamedRecipient { return slices.Clone(inv.recovery) }

// Retired returns the recipients that principals once had.
func (inv *Inventory) Retired() []Retired { return slices.Clone(inv.retired) }

// Scopes returns the scopes.
func (inv *Inventory) Scopes() []Scope { return slices.Clone(inv.scopes) }

// Rules returns the adopted rules.
func (inv *Inventory) Rules() []Rule { return slices.Clone(inv.rules) }

// Secrets returns the metadata of secrets.
func (inv *Inventory) Secrets() []Secret { return slices.Clone(inv.secrets) }

// Intervals returns the intervals by category.
func (inv *Inventory) Intervals() []Interval { return slices.Clone(inv.intervals) }

// Interval returns the interval of a category, or 0.
func (inv *Inventory) Interval(category string) time.Duration {
	for _, i := range inv.intervals {
		if i.Category == category {
			return i.Every
		}
	}
	return 0
}

// Principals returns every principal: users, hosts, groups, recovery recipients,
// each in the order of the file.
func (inv *Inventory) Principals() []Principal {
	var all []Principal
	for _, u := range inv.users {
		all = append(all, Principal{UserKind, u.Name})
	}
	for _, h := range inv.hosts {
		all = append(all, Principal{HostKind, h.Name})
	}
	for _, g := range inv.groups {
		all = append(all, Principal{GroupKind, g.Name})
	}
	for _, r := range inv.recovery {
		all = append(all, Principal{RecoveryKind, r.Name})
	}
	return all
}

// Has reports whether the inventory has this principal.
func (inv *Inventory) Has(p Principal) bool { return slices.Contains(inv.Principals(), p) }

// Find returns the principal that kind/name, or a bare name that is unique,
// means. The error is a *[NotFoundError] or an *[AmbiguousError].
func (inv *Inventory) Find(name string) (Principal, error) {
	folded := strings.ToLower(name)
	var found []Principal
	var candidates []string
	for _, p := range inv.Principals() {
		if p.String() == folded {
			return p, nil
		}
		if p.Name == folded {
			found = append(found, p)
		}
		candidates = append(candidates, p.String())
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return Principal{}, &NotFoundError{What: "principal", Name: name, Nearest: nearestPrincipal(folded, candidates)}
	}
	return Principal{}, &AmbiguousError{Name: name, Candidates: found}
}

// nearestPrincipal compares by the whole where s has a kind, else by the name.
func nearestPrincipal(s string, candidates []string) string {
	if strings.Contains(s, "/") {
		return nearest(s, candidates)
	}
	var names []string
	for _, c := range candidates {
		_, name, _ := strings.Cut(c, "/")
		names = append(names, name)
	}
	if best := nearest(s, names); best != "" {
		return candidates[slices.Index(names, best)]
	}
	return ""
}

// Recipients returns the recipients that a principal itself owns; a group has
// none.
func (inv *Inventory) Recipients(p Principal) []NamedRecipient {
	switch p.Kind {
	case UserKind:
		for _, u := range inv.users {
			if u.Name == p.Name {
				return slices.Clone(u.Recipients)
			}
		}
	case HostKind:
		for _, h := range inv.hosts {
			if h.Name == p.Name {
				return slices.Clone(h.Recipients)
			}
		}
	case RecoveryKind:
		for _, r := range inv.recovery {
			if r.Name == p.Name {
				return []NamedRecipient{{Recipient: r.Recipient}}
			}
		}
	}
	return nil
}

// Owner returns whose a recipient is, and under which name; retired reports that
// it no longer is. SSH keys are compared without their comments.
func (inv *Inventory) Owner(recipient string) (p Principal, name string, retired, ok bool) {
	o, ok := inv.owners[canonical(recipient)]
	return o.principal, o.name, o.retired, ok
}

package fleet

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// change applies edits to the text of the inventory. If that leaves faults that
// were not there before, the inventory stays as it was and the error is an
// *[InvalidError].
func (inv *Inventory) change(edits ...func(*splicer) error) error {
	s, err := newSplicer(inv.data)
	if err != nil {
		return err
	}
	for _, edit := range edits {
		if err := edit(s); err != nil {
			return err
		}
	}
	next, problems := parse(inv.file, s.data, inv.known)
	var fresh []Problem
	for _, p := range problems {
		known := slices.ContainsFunc(inv.problems, func(old Problem) bool { return old.Code == p.Code && old.Message == p.Message })
		if p.Severity == Error && !known {
			fresh = append(fresh, p)
		}
	}
	if len(fresh) > 0 {
		return &InvalidError{fresh}
	}
	*inv = *next
	return nil
}

// section is the map of the inventory that holds principals of a kind.
func (k PrincipalKind) section() string {
	if k == RecoveryKind {
		return "recovery"
	}
	return string(k) + "s"
}

// checkNew refuses a principal that cannot be added.
func (inv *Inventory) checkNew(p Principal, recipients ...NamedRecipient) error {
	if err := CheckName(p.Kind, p.Name); err != nil {
		return err
	}
	if inv.Has(p) {
		return &ExistsError{Principal: p}
	}
	for _, r := range recipients {
		if err := inv.checkRecipient(r); err != nil {
			return err
		}
	}
	return nil
}

func (inv *Inventory) checkRecipient(r NamedRecipient) error {
	if r.Name != "" && !isName(r.Name) {
		return &NameError{Name: r.Name, Suggestion: suggestName(r.Name),
			Reason: "a name has 1 to 63 of a-z 0-9 . _ - and begins with a letter or digit"}
	}
	if err := CheckRecipient(r.Recipient); err != nil {
		return err
	}
	if p, name, retired, ok := inv.Owner(r.Recipient); ok {
		return &RecipientInUseError{Recipient: r.Recipient, Owner: p, Name: name, Retired: retired}
	}
	return nil
}

// flowRecipients returns recipients as a map on one line.
func flowRecipients(list []NamedRecipient) string {
	var parts []string
	for _, r := range list {
		parts = append(parts, r.Name+": "+scalarYAML(r.Recipient))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func flowNames(names []string) string { return "[" + strings.Join(names, ", ") + "]" }

// AddUser adds a user. The error may be a *[NameError], *[ExistsError],
// *[RecipientInUseError], a *[keyreeve/keys.RecipientError] or an
// *[InvalidError]; so with every method that adds.
func (inv *Inventory) AddUser(u User) error {
	if err := inv.checkNew(Principal{UserKind, u.Name}, u.Recipients...); err != nil {
		return err
	}
	var lines []string
	if u.Admin {
		lines = append(lines, "admin: true")
	}
	return inv.addOwner(UserKind, u.Name, lines, u.Recipients)
}

// AddHost adds a host.
func (inv *Inventory) AddHost(h Host) error {
	if err := inv.checkNew(Principal{HostKind, h.Name}, h.Recipients...); err != nil {
		return err
	}
	var lines []string
	if h.Platform != "" {
		lines = append(lines, "platform: "+h.Platform)
	}
	if len(h.Users) > 0 {
		lines = append(lines, "users: "+flowNames(h.Users))
	}
	return inv.addOwner(HostKind, h.Name, lines, h.Recipients)
}

func (inv *Inventory) addOwner(kind PrincipalKind, name string, lines []string, recipients []NamedRecipient) error {
	lines = append(lines, "recipients: "+flowRecipients(recipients))
	return inv.change(func(s *splicer) error { return s.put([]string{kind.section()}, name, "", lines...) })
}

// AddGroup adds a group.
func (inv *Inventory) AddGroup(g Group) error {
	if err := inv.checkNew(Principal{GroupKind, g.Name}); err != nil {
		return err
	}
	value := fmt.Sprintf("{hosts: %s, users: %s}", flowNames(g.Hosts), flowNames(g.Users))
	return inv.change(func(s *splicer) error { return s.put([]string{"groups"}, g.Name, value) })
}

// AddRecovery adds a recovery recipient.
func (inv *Inventory) AddRecovery(name, recipient string) error {
	if err := inv.checkNew(Principal{RecoveryKind, name}, NamedRecipient{Recipient: recipient}); err != nil {
		return err
	}
	return inv.change(func(s *splicer) error { return s.put([]string{"recovery"}, name, scalarYAML(recipient)) })
}

// AddScope adds a scope.
func (inv *Inventory) AddScope(path string, readers []Principal) error {
	var names []string
	for _, p := range readers {
		names = append(names, p.String())
	}
	item := fmt.Sprintf("{path: %q, readers: %s}", path, flowNames(names))
	return inv.change(func(s *splicer) error { return s.push([]string{"scopes"}, item, false) })
}

func (inv *Inventory) mustHave(p Principal) error {
	if inv.Has(p) {
		return nil
	}
	_, err := inv.Find(p.String())
	return err
}

// findRecipient returns a principal's recipient by its name.
func (inv *Inventory) findRecipient(p Principal, name string) (NamedRecipient, error) {
	if err := inv.mustHave(p); err != nil {
		return NamedRecipient{}, err
	}
	var known []string
	for _, r := range inv.Recipients(p) {
		if r.Name == name {
			return r, nil
		}
		known = append(known, r.Name)
	}
	return NamedRecipient{}, &NotFoundError{What: "recipient", Name: p.String() + " " + name, Nearest: nearest(name, known)}
}

func hasRecipients(p Principal) error {
	if p.Kind != UserKind && p.Kind != HostKind {
		return &KindError{Principal: p, Operation: "has no named recipients"}
	}
	return nil
}

// AddRecipient gives a user or host another recipient.
func (inv *Inventory) AddRecipient(p Principal, r NamedRecipient) error {
	if err := hasRecipients(p); err != nil {
		return err
	}
	if err := inv.mustHave(p); err != nil {
		return err
	}
	if _, err := inv.findRecipient(p, r.Name); err == nil {
		return &ExistsError{Principal: p, Recipient: r.Name}
	}
	if err := inv.checkRecipient(r); err != nil {
		return err
	}
	return inv.change(func(s *splicer) error {
		return s.put([]string{p.Kind.section(), p.Name, "recipients"}, r.Name, scalarYAML(r.Recipient))
	})
}

// RemoveRecipient takes a recipient from a user or host and lists it as retired;
// since is a date, YYYY-MM-DD.
func (inv *Inventory) RemoveRecipient(p Principal, name, since, reason string) error {
	if err := hasRecipients(p); err != nil {
		return err
	}
	r, err := inv.findRecipient(p, name)
	if err != nil {
		return err
	}
	return inv.change(
		func(s *splicer) error { return s.remove(p.Kind.section(), p.Name, "recipients", name) },
		retire(p, r.Recipient, since, reason))
}

// ReplaceRecipient puts another key in place of a recipient, which is retired.
func (inv *Inventory) ReplaceRecipient(p Principal, r NamedRecipient, since, reason string) error {
	if err := hasRecipients(p); err != nil {
		return err
	}
	old, err := inv.findRecipient(p, r.Name)
	if err != nil {
		return err
	}
	if err := inv.checkRecipient(r); err != nil {
		return err
	}
	return inv.change(func(s *splicer) error {
		_, value := s.find(p.Kind.section(), p.Name, "recipients", r.Name)
		return s.rewrite(value, scalarYAML(r.Recipient))
	}, retire(p, old.Recipient, since, reason))
}

// retire lists a recipient as retired.
func retire(p Principal, recipient, since, reason string) func(*splicer) error {
	item := fmt.Sprintf("{principal: %s, recipient: %s, since: %s", p, scalarYAML(recipient), since)
	if reason != "" {
		item += fmt.Sprintf(", reason: %q", reason)
	}
	return func(s *splicer) error { return s.push([]string{"retired"}, item+"}", false) }
}

// Unretire forgets that a recipient was retired, so that it can be added again.
func (inv *Inventory) Unretire(recipient string) error {
	for i, r := range inv.retired {
		if canonical(r.Recipient) == canonical(recipient) {
			return inv.change(func(s *splicer) error { return s.remove("retired", fmt.Sprint(i)) })
		}
	}
	return &NotFoundError{What: "retired recipient", Name: recipient}
}

// SetAdmin makes a user an admin, or no longer one.
func (inv *Inventory) SetAdmin(user string, admin bool) error {
	p := Principal{UserKind, user}
	if err := inv.mustHave(p); err != nil {
		return err
	}
	return inv.change(func(s *splicer) error {
		if _, value := s.find("users", user, "admin"); value != nil {
			return s.rewrite(value, fmt.Sprint(admin))
		}
		return s.put([]string{"users", user}, "admin", fmt.Sprint(admin))
	})
}

// AddMember adds a user or host to a group.
func (inv *Inventory) AddMember(group string, p Principal) error {
	if err := inv.checkMember(group, p); err != nil {
		return err
	}
	if slices.Contains(inv.group(group).Members(), p) {
		return nil
	}
	return inv.change(func(s *splicer) error { return s.push([]string{"groups", group, p.Kind.section()}, p.Name, true) })
}

// RemoveMember takes a user or host out of a group.
func (inv *Inventory) RemoveMember(group string, p Principal) error {
	if err := inv.checkMember(group, p); err != nil {
		return err
	}
	g := inv.group(group)
	names := g.Hosts
	if p.Kind == UserKind {
		names = g.Users
	}
	i := slices.Index(names, p.Name)
	if i < 0 {
		return &NotFoundError{What: "member of group/" + group, Name: p.String()}
	}
	return inv.change(func(s *splicer) error {
		return s.remove("groups", group, p.Kind.section(), fmt.Sprint(i))
	})
}

func (inv *Inventory) checkMember(group string, p Principal) error {
	if err := inv.mustHave(Principal{GroupKind, group}); err != nil {
		return err
	}
	if p.Kind != UserKind && p.Kind != HostKind {
		return &KindError{Principal: p, Operation: "cannot be a member of a group"}
	}
	return inv.mustHave(p)
}

func (inv *Inventory) group(name string) Group {
	i := slices.IndexFunc(inv.groups, func(g Group) bool { return g.Name == name })
	return inv.groups[i]
}

// Remove removes a principal from everywhere and lists its recipients as
// retired.
func (inv *Inventory) Remove(p Principal, since, reason string) error {
	if err := inv.mustHave(p); err != nil {
		return err
	}
	recipients := inv.Recipients(p)
	return inv.change(func(s *splicer) error {
		if err := s.mentions(p, func(path []string) error { return s.remove(path...) }); err != nil {
			return err
		}
		if err := s.remove(p.Kind.section(), p.Name); err != nil {
			return err
		}
		for _, r := range recipients {
			if err := retire(p, r.Recipient, since, reason)(s); err != nil {
				return err
			}
		}
		return nil
	})
}

// Rename gives a principal another name, wherever it is mentioned. The caller
// moves its documents.
func (inv *Inventory) Rename(p Principal, name string) error {
	if err := inv.mustHave(p); err != nil {
		return err
	}
	next := Principal{p.Kind, name}
	if err := inv.checkNew(next); err != nil {
		return err
	}
	return inv.change(func(s *splicer) error {
		err := s.mentions(p, func(path []string) error {
			_, n := s.find(path...)
			if strings.Contains(n.Value, "/") {
				return s.rewrite(n, next.String())
			}
			return s.rewrite(n, name)
		})
		if err != nil {
			return err
		}
		key, _ := s.find(p.Kind.section(), p.Name)
		return s.rewrite(key, scalarYAML(name))
	})
}

// mentions calls visit for every list item that names p, last first, so that what
// comes before keeps its index.
func (s *splicer) mentions(p Principal, visit func(path []string) error) error {
	var paths [][]string
	list := func(bare bool, path ...string) {
		_, n := s.find(path...)
		if n == nil {
			return
		}
		want := p.String()
		if bare {
			want = p.Name
		}
		for i, item := range n.Content {
			if item.Value == want {
				paths = append(paths, append(slices.Clone(path), fmt.Sprint(i)))
			}
		}
	}
	each := func(section string, visit func(name string)) {
		_, n := s.find(section)
		if n == nil {
			return
		}
		for i := range n.Content {
			switch {
			case n.Kind == yaml.SequenceNode:
				visit(fmt.Sprint(i))
			case i%2 == 0:
				visit(n.Content[i].Value)
			}
		}
	}
	if p.Kind == UserKind || p.Kind == HostKind {
		each("groups", func(g string) { list(true, "groups", g, p.Kind.section()) })
	}
	if p.Kind == UserKind {
		each("hosts", func(h string) { list(true, "hosts", h, "users") })
	}
	for _, section := range []string{"scopes", "rules"} {
		each(section, func(i string) {
			list(false, section, i, "readers")
			_, groups := s.find(section, i, "sops", "key_groups")
			if groups != nil {
				for j := range groups.Content {
					list(false, section, i, "sops", "key_groups", fmt.Sprint(j), "readers")
				}
			}
		})
	}
	slices.Reverse(paths)
	for _, path := range paths {
		if err := visit(path); err != nil {
			return err
		}
	}
	return nil
}

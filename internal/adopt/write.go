package adopt

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"keyreeve/fleet"
)

// inventory returns the text of keyreeve.yaml in one form.
func (a *adoption) inventory(form Form) ([]byte, error) {
	var scopes, rules []line
	var err error
	layout := fleet.LayoutNone
	saved := a.groups
	defer func() { a.groups = saved }()
	extra := map[string][]string{}
	for _, k := range a.keys {
		k.admin = k.principal.Kind == fleet.UserKind && len(k.rules) == len(a.old.Rules)
	}
	switch form {
	case Standard:
		layout = fleet.LayoutStandard
		scopes, extra, err = a.standard()
	case Scopes:
		scopes, err = a.scopes()
	case Rules:
		rules = a.lines()
	}
	if err != nil {
		return nil, err
	}
	root := mapping()
	root.HeadComment = "# Who is in this fleet and who may read what; see keyreeve schema inventory."
	put(root, "version", plain("1"))
	put(root, "layout", plain(string(layout)))
	a.putPrincipals(root, extra)
	if len(a.groups) > 0 {
		groups := mapping()
		for _, g := range a.groups {
			members := flow(mapping())
			put(members, "hosts", texts(g.Hosts))
			if len(g.Users) > 0 {
				put(members, "users", texts(g.Users))
			}
			put(groups, g.Name, members)
		}
		put(root, "groups", groups)
	}
	putLines(root, "scopes", "path", scopes)
	putLines(root, "rules", "match", rules)
	if stores := a.field("stores"); stores != nil && stores.Kind == yaml.MappingNode {
		sops := mapping()
		put(sops, "stores", known(stores))
		put(root, "sops", sops)
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(root), e.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (a *adoption) putPrincipals(root *yaml.Node, extra map[string][]string) {
	sections := map[fleet.PrincipalKind]*yaml.Node{fleet.UserKind: mapping(), fleet.HostKind: mapping(), fleet.RecoveryKind: mapping()}
	for _, k := range a.keys {
		section := sections[k.principal.Kind]
		if k.principal.Kind == fleet.RecoveryKind {
			put(section, k.principal.Name, str(k.recipient)).LineComment = asComment(k.comment)
			continue
		}
		entry := mapping()
		if k.admin {
			put(entry, "admin", plain("true"))
		}
		if users := extra[k.principal.Name]; k.principal.Kind == fleet.HostKind && len(users) > 0 {
			put(entry, "users", texts(users))
		}
		recipients := flow(mapping())
		if k.usable {
			put(recipients, k.label, str(k.recipient))
		}
		put(entry, "recipients", recipients)
		put(section, k.principal.Name, entry).HeadComment = asComment(k.comment)
	}
	for _, kind := range []fleet.PrincipalKind{fleet.UserKind, fleet.HostKind, fleet.RecoveryKind} {
		if name := map[fleet.PrincipalKind]string{fleet.UserKind: "users", fleet.HostKind: "hosts", fleet.RecoveryKind: "recovery"}[kind]; len(sections[kind].Content) > 0 {
			put(root, name, sections[kind])
		}
	}
}

// putLines adds scopes or rules.
func putLines(root *yaml.Node, section, at string, lines []line) {
	if len(lines) == 0 {
		return
	}
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for _, l := range lines {
		item := mapping()
		item.HeadComment = asComment(l.comment)
		put(item, at, str(l.at))
		var names []string
		for _, p := range l.readers {
			names = append(names, p.String())
		}
		put(item, "readers", texts(names))
		if sops := settings(l); len(sops.Content) > 0 {
			put(item, "sops", sops)
		}
		list.Content = append(list.Content, item)
	}
	put(root, section, list)
}

// settings returns what a line passes to sops.
func settings(l line) *yaml.Node {
	n, r := mapping(), l.rule
	if r == nil {
		return n
	}
	if r.Selection.Key != "" {
		put(n, r.Selection.Key, str(r.Selection.Value))
	}
	if r.MACOnlyEncrypted {
		put(n, "mac_only_encrypted", plain("true"))
	}
	if r.Threshold != 0 {
		put(n, "shamir_threshold", plain(fmt.Sprint(r.Threshold)))
	}
	if simple(r) {
		putForeign(n, r.Groups[0].Foreign)
		return n
	}
	groups := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for i, g := range r.Groups {
		group := mapping()
		put(group, "readers", texts(l.groupReaders[i]))
		putForeign(group, g.Foreign)
		groups.Content = append(groups.Content, group)
	}
	put(n, "key_groups", groups)
	return n
}

func putForeign(n *yaml.Node, list []fleet.ForeignKey) {
	for _, k := range list {
		var value yaml.Node
		if yaml.Unmarshal([]byte(k.YAML), &value) == nil && len(value.Content) == 1 {
			put(n, k.Kind, value.Content[0])
		}
	}
}

func mapping() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"} }

func flow(n *yaml.Node) *yaml.Node {
	n.Style = yaml.FlowStyle
	return n
}

// plain is a scalar written as it is, str one that is quoted where it must be.
func plain(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }
func str(s string) *yaml.Node   { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }

func texts(list []string) *yaml.Node {
	n := flow(&yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"})
	for _, s := range list {
		n.Content = append(n.Content, str(s))
	}
	return n
}

// put adds an entry and returns its key.
func put(n *yaml.Node, key string, value *yaml.Node) *yaml.Node {
	k := str(key)
	n.Content = append(n.Content, k, value)
	return k
}

func asComment(s string) string {
	if s == "" {
		return ""
	}
	return "# " + s
}

// known copies the indents of stores, the fields that an inventory has.
func known(stores *yaml.Node) *yaml.Node {
	n := flow(mapping())
	for i := 0; i+1 < len(stores.Content); i += 2 {
		name, value := stores.Content[i].Value, stores.Content[i+1]
		if !slices.Contains([]string{"yaml", "json", "json_binary"}, name) || value.Kind != yaml.MappingNode {
			continue
		}
		for j := 0; j+1 < len(value.Content); j += 2 {
			if value.Content[j].Value == "indent" {
				inner := flow(mapping())
				put(inner, "indent", plain(value.Content[j+1].Value))
				put(n, name, inner)
			}
		}
	}
	return n
}

// field returns a top-level field of the old file, or nil.
func (a *adoption) field(name string) *yaml.Node {
	var doc yaml.Node
	if yaml.Unmarshal(a.config, &doc) != nil || len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil
	}
	root := doc.Content[0]
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == name {
			return root.Content[i+1]
		}
	}
	return nil
}

// outside returns what of the old file stays beside the block: the comment at its
// top, stores and destination rules. Other fields only served the rules.
func (a *adoption) outside() []byte {
	var b strings.Builder
	for text := range strings.Lines(string(a.config)) {
		if !strings.HasPrefix(text, "#") && strings.TrimSpace(text) != "" {
			break
		}
		b.WriteString(text)
	}
	for _, name := range []string{"stores", "destination_rules"} {
		if value := a.field(name); value != nil {
			root := mapping()
			put(root, name, resolved(value))
			var text bytes.Buffer
			e := yaml.NewEncoder(&text)
			e.SetIndent(2)
			if e.Encode(root) == nil && e.Close() == nil {
				b.Write(text.Bytes())
			}
		}
	}
	return []byte(b.String())
}

// resolved copies a value with its aliases followed and without anchors.
func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return resolved(n.Alias)
	}
	c := *n
	c.Anchor, c.Content = "", nil
	for _, child := range n.Content {
		c.Content = append(c.Content, resolved(child))
	}
	return &c
}

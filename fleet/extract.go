package fleet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// pairs calls visit for every usable key and value of a map.
func (d *decoder) pairs(n *yaml.Node, visit func(key, value *yaml.Node)) {
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key, value := n.Content[i], n.Content[i+1]; !d.bad[key] {
			visit(key, value)
		}
	}
}

// get returns the usable value of a field, or nil.
func (d *decoder) get(n *yaml.Node, name string) *yaml.Node {
	var found *yaml.Node
	d.pairs(n, func(key, value *yaml.Node) {
		if key.Value == name && !d.bad[value] && !isNull(value) {
			found = value
		}
	})
	return found
}

// list returns the usable items of a list.
func (d *decoder) list(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	var items []*yaml.Node
	for _, item := range n.Content {
		if !d.bad[item] {
			items = append(items, item)
		}
	}
	return items
}

func (d *decoder) text(n *yaml.Node, name string) string {
	if v := d.get(n, name); v != nil {
		return v.Value
	}
	return ""
}

func (d *decoder) number(n *yaml.Node, name string) int {
	v, _ := strconv.Atoi(d.text(n, name))
	return v
}

func (d *decoder) bool(n *yaml.Node, name string) bool {
	return strings.EqualFold(d.text(n, name), "true")
}

// mark remembers where something was written and returns its name.
func (d *decoder) mark(n *yaml.Node, format string, args ...any) string {
	name := fmt.Sprintf(format, args...)
	d.at[name] = n
	return name
}

func (d *decoder) extract(root *yaml.Node) model {
	m := model{layout: LayoutStandard}
	if v := d.text(root, "layout"); v != "" {
		m.layout = Layout(v)
		d.mark(d.get(root, "layout"), "layout")
	}
	d.mark(root, "root")
	d.pairs(d.get(root, "users"), func(key, value *yaml.Node) {
		p := d.mark(key, "user/%s", key.Value)
		m.users = append(m.users, User{Name: key.Value, Admin: d.bool(value, "admin"), Recipients: d.recipients(p, value)})
	})
	d.pairs(d.get(root, "hosts"), func(key, value *yaml.Node) {
		p := d.mark(key, "host/%s", key.Value)
		m.hosts = append(m.hosts, Host{Name: key.Value, Recipients: d.recipients(p, value),
			Platform: d.text(value, "platform"), Users: d.names(p+"/users", d.get(value, "users"))})
	})
	d.pairs(d.get(root, "groups"), func(key, value *yaml.Node) {
		p := d.mark(key, "group/%s", key.Value)
		m.groups = append(m.groups, Group{Name: key.Value, Hosts: d.names(p+"/hosts", d.get(value, "hosts")),
			Users: d.names(p+"/users", d.get(value, "users"))})
	})
	d.pairs(d.get(root, "recovery"), func(key, value *yaml.Node) {
		d.mark(key, "recovery/%s", key.Value)
		r := NamedRecipient{Name: key.Value}
		if d.checkRecipient(value, "recovery."+key.Value) {
			r.Recipient = value.Value
			d.mark(value, "recovery/%s#", key.Value)
		}
		m.recovery = append(m.recovery, r)
	})
	d.extractRetired(&m, root)
	d.extractRules(&m, root)
	d.extractSecrets(&m, root)
	if stores := d.get(d.get(root, "sops"), "stores"); stores != nil {
		m.stores = flowYAML(stores)
	}
	return m
}

// recipients returns a principal's usable recipients and reports the others.
func (d *decoder) recipients(principal string, n *yaml.Node) []NamedRecipient {
	var found []NamedRecipient
	d.pairs(d.get(n, "recipients"), func(key, value *yaml.Node) {
		where := strings.Replace(principal, "/", "s.", 1) + ".recipients." + key.Value
		if d.checkRecipient(value, where) {
			d.mark(value, "%s#%s", principal, key.Value)
			found = append(found, NamedRecipient{key.Value, value.Value})
		}
	})
	return found
}

func (d *decoder) names(where string, n *yaml.Node) []string {
	var found []string
	for _, item := range d.list(n) {
		if slices.Contains(found, item.Value) {
			d.fail(CodeDuplicate, item, quote(item.Value)+" is in this list twice", "remove one of the two")
			continue
		}
		d.mark(item, "%s/%s", where, item.Value)
		found = append(found, item.Value)
	}
	return found
}

func (d *decoder) readers(where string, n *yaml.Node) []Principal {
	var found []Principal
	for _, item := range d.list(n) {
		p, ok := ParsePrincipal(item.Value)
		if !ok {
			continue
		}
		if slices.Contains(found, p) {
			d.fail(CodeDuplicate, item, quote(item.Value)+" is in this list twice", "remove one of the two")
			continue
		}
		d.mark(item, "%s/%s", where, p)
		found = append(found, p)
	}
	return found
}

func (d *decoder) extractRetired(m *model, root *yaml.Node) {
	for _, item := range d.list(d.get(root, "retired")) {
		p, ok := ParsePrincipal(d.text(item, "principal"))
		recipient := d.get(item, "recipient")
		if !ok || recipient == nil || !d.checkRecipient(recipient, "retired") {
			continue
		}
		d.mark(recipient, "retired/%d", len(m.retired))
		since := d.get(item, "since")
		if since != nil {
			if _, err := time.Parse(time.DateOnly, since.Value); err != nil {
				d.fail(CodeWrongValue, since, "retired.since: there is no such day as "+quote(since.Value), "")
			}
		}
		m.retired = append(m.retired, Retired{Principal: p, Recipient: recipient.Value,
			Since: d.text(item, "since"), Reason: d.text(item, "reason")})
	}
}

func (d *decoder) extractRules(m *model, root *yaml.Node) {
	if n := d.get(root, "scopes"); n != nil {
		d.mark(n, "scopes")
	}
	for _, item := range d.list(d.get(root, "scopes")) {
		if path := d.get(item, "path"); path != nil {
			where := d.mark(path, "scope/%d", len(m.scopes))
			m.scopes = append(m.scopes, Scope{Path: path.Value,
				Readers: d.readers(where, d.get(item, "readers")), Sops: d.settings(where, d.get(item, "sops"))})
		}
	}
	if n := d.get(root, "rules"); n != nil {
		d.mark(n, "rules")
	}
	for _, item := range d.list(d.get(root, "rules")) {
		var match *yaml.Node
		d.pairs(item, func(key, value *yaml.Node) {
			if key.Value == "match" && !d.bad[value] {
				match = value
			}
		})
		if match != nil {
			where := d.mark(match, "rule/%d", len(m.rules))
			m.rules = append(m.rules, Rule{Match: match.Value,
				Readers: d.readers(where, d.get(item, "readers")), Sops: d.settings(where, d.get(item, "sops"))})
		}
	}
}

func (d *decoder) settings(where string, n *yaml.Node) Settings {
	var s Settings
	for _, key := range selectionKeys {
		v := d.get(n, key)
		switch {
		case v == nil || v.Value == "":
		case s.Selection.Key != "":
			d.report(CodeSelection, v, fmt.Sprintf("%s and %s exclude each other", s.Selection.Key, key), "keep one of the two")
		default:
			s.Selection = Selection{key, v.Value}
		}
	}
	s.MACOnlyEncrypted = d.bool(n, "mac_only_encrypted")
	s.Threshold = d.number(n, "shamir_threshold")
	for i, g := range d.list(d.get(n, "key_groups")) {
		s.Groups = append(s.Groups, KeyGroup{
			Readers: d.readers(fmt.Sprintf("%s/group/%d", where, i), d.get(g, "readers")),
			Foreign: d.foreign(g, groupForeignKeys)})
	}
	s.Foreign = d.foreign(n, foreignKeys)
	if groups := d.get(n, "key_groups"); groups != nil && len(s.Foreign) > 0 {
		d.report(CodeSelection, groups, "sops ignores "+s.Foreign[0].Kind+" beside key_groups", "move it into a key group")
	}
	if n != nil && s.Threshold > len(s.Groups) && len(s.Groups) > 1 || s.Threshold == 1 && len(s.Groups) > 1 {
		d.report(CodeSelection, d.get(n, "shamir_threshold"), fmt.Sprintf("a threshold of %d does not go with %d key groups", s.Threshold, len(s.Groups)), "")
	}
	return s
}

func (d *decoder) foreign(n *yaml.Node, kinds []string) []ForeignKey {
	var found []ForeignKey
	for _, kind := range kinds {
		if v := d.get(n, kind); v != nil {
			found = append(found, ForeignKey{kind, flowYAML(v)})
		}
	}
	return found
}

func (d *decoder) extractSecrets(m *model, root *yaml.Node) {
	d.pairs(d.get(root, "secrets"), func(key, value *yaml.Node) {
		d.mark(key, "secret/%d", len(m.secrets))
		s := Secret{Pattern: key.Value, Category: d.text(value, "category"), Rotate: interval(d.text(value, "rotate"))}
		if n := d.get(value, "category"); n != nil {
			d.mark(n, "secret/%d/category", len(m.secrets))
		}
		if g := d.get(value, "generate"); g != nil {
			s.Generate = &Generate{Kind: d.text(g, "kind"), Length: d.number(g, "length"), Words: d.number(g, "words"),
				Bits: d.number(g, "bits"), Alphabet: d.text(g, "alphabet"), Command: d.text(g, "command")}
		}
		m.secrets = append(m.secrets, s)
	})
	d.pairs(d.get(root, "intervals"), func(key, value *yaml.Node) {
		if !d.bad[value] {
			m.intervals = append(m.intervals, Interval{key.Value, interval(value.Value)})
		}
	})
}

// interval returns what an interval such as 90d means, or 0.
func interval(s string) time.Duration {
	if !intervalFormat.matches(s) {
		return 0
	}
	n, _ := strconv.Atoi(s[:len(s)-1])
	unit := map[byte]time.Duration{'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour, 'y': 365 * 24 * time.Hour}
	return time.Duration(n) * unit[s[len(s)-1]]
}

package adopt

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"

	"keyreeve/fleet"
)

// group makes groups of the hosts that rules name together: in more than one
// rule, or in one for a folder that can give the group its name.
func (a *adoption) group() {
	var sets [][]string
	rules := map[string][]int{}
	for i := range a.old.Rules {
		for _, g := range a.old.Rules[i].Groups {
			hosts := a.hostsOf(g.Age)
			if len(hosts) < 2 {
				continue
			}
			id := strings.Join(hosts, " ")
			if rules[id] == nil {
				sets = append(sets, hosts)
			}
			if !slices.Contains(rules[id], i) {
				rules[id] = append(rules[id], i)
			}
		}
	}
	for _, hosts := range sets {
		in := rules[strings.Join(hosts, " ")]
		name, given := a.groupName(in[0], len(hosts) == len(a.allHosts()))
		if len(in) < 2 && !given {
			continue
		}
		a.groups = append(a.groups, fleet.Group{Name: name, Hosts: hosts})
	}
}

func (a *adoption) allHosts() []string {
	var all []string
	for _, k := range a.keys {
		if k.principal.Kind == fleet.HostKind {
			all = append(all, k.principal.Name)
		}
	}
	return all
}

// hostsOf returns the names of the hosts among recipients, in the order of keys.
func (a *adoption) hostsOf(recipients []string) []string {
	var hosts []string
	for _, k := range a.keys {
		if k.principal.Kind == fleet.HostKind && slices.ContainsFunc(recipients, func(r string) bool { return sameRecipient(r, k.recipient) }) {
			hosts = append(hosts, k.principal.Name)
		}
	}
	return hosts
}

// folder is a part of an expression between slashes that can only be one name.
var folder = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9_-]*)(?:\\?\.(?:ya?ml|json|env|ini))?$`)
})

// groupName returns a name for the hosts of a rule; given reports that it is the
// rule's folder.
func (a *adoption) groupName(rule int, all bool) (name string, given bool) {
	_, host := a.placeOf(rule)
	path := strings.NewReplacer("^", "", "$", "").Replace(a.old.Rules[rule].PathRegex)
	for part := range strings.SplitSeq(path, "/") {
		m := folder().FindStringSubmatch(part)
		if m != nil && !a.named(fleet.HostKind, host) && !slices.Contains([]string{"secrets", "groups", "sops", "common"}, m[1]) {
			name = validName(m[1])
		}
	}
	given = name != ""
	switch {
	case given:
	case all:
		name = "all-hosts"
	default:
		name = "group-1"
	}
	unique := name
	for n := 2; slices.ContainsFunc(a.groups, func(g fleet.Group) bool { return g.Name == unique }); n++ {
		unique = fmt.Sprintf("%s-%d", strings.TrimSuffix(name, "-1"), n)
	}
	return unique, given
}

// readers returns principals for recipients, a group in place of its members.
func (a *adoption) readers(recipients []string) []fleet.Principal {
	hosts := a.hostsOf(recipients)
	var all []fleet.Principal
	covered := map[string]bool{}
	for _, g := range a.groups {
		if !slices.ContainsFunc(g.Hosts, func(h string) bool { return !slices.Contains(hosts, h) || covered[h] }) {
			all = append(all, fleet.Principal{Kind: fleet.GroupKind, Name: g.Name})
			for _, h := range g.Hosts {
				covered[h] = true
			}
		}
	}
	for _, k := range a.keys {
		if (k.principal.Kind != fleet.HostKind || !covered[k.principal.Name]) &&
			slices.ContainsFunc(recipients, func(r string) bool { return sameRecipient(r, k.recipient) }) {
			all = append(all, k.principal)
		}
	}
	return all
}

// A line is one scope or rule of the inventory.
type line struct {
	at      string // path or expression
	readers []fleet.Principal
	rule    *fleet.CreationRule // what else it says
	comment string

	groupReaders [][]string // by key group, where the rule needs those
}

// simple reports a rule whose keys need no key groups in the inventory.
func simple(r *fleet.CreationRule) bool {
	return len(r.Groups) == 1 && (!r.HasKeyGroups || !slices.ContainsFunc(r.Groups[0].Foreign, func(k fleet.ForeignKey) bool { return k.Kind != "pgp" }))
}

func (a *adoption) line(at string, r *fleet.CreationRule, comment string) line {
	l := line{at: at, rule: r, comment: comment}
	if simple(r) {
		l.readers = a.readers(r.Groups[0].Age)
		return l
	}
	for _, g := range r.Groups {
		var names []string
		for _, p := range a.readers(g.Age) {
			names = append(names, p.String())
		}
		l.groupReaders = append(l.groupReaders, names)
	}
	return l
}

// lines returns the rules as they are.
func (a *adoption) lines() []line {
	var all []line
	for i := range a.old.Rules {
		r := &a.old.Rules[i]
		all = append(all, a.line(r.PathRegex, r, r.Comment))
	}
	return all
}

// scopes returns the rules as scopes, the first of several for one place.
func (a *adoption) scopes() ([]line, error) {
	var all []line
	for i := range a.old.Rules {
		r := &a.old.Rules[i]
		regions, ok := regionsOf(r.PathRegex)
		if !ok {
			return nil, fmt.Errorf("line %d, %s, is no folder or document", r.Line, r.PathRegex)
		}
		for j, region := range regions {
			comment := ""
			if j == 0 {
				comment = r.Comment
			}
			if !slices.ContainsFunc(all, func(l line) bool { return l.at == region }) {
				all = append(all, a.line(region, r, comment))
			}
		}
	}
	return all, nil
}

// regionsOf returns the folders and documents that an expression means, as paths
// of scopes, if it means nothing else.
func regionsOf(expr string) ([]string, bool) {
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, false
	}
	tree = tree.Simplify()
	if tree.Op == syntax.OpEmptyMatch {
		return []string{"**"}, true
	}
	if tree.Op != syntax.OpConcat || tree.Sub[0].Op != syntax.OpBeginText {
		return nil, false
	}
	subs, whole := tree.Sub[1:], false
	if n := len(subs); n > 0 && subs[n-1].Op == syntax.OpEndText {
		subs, whole = subs[:n-1], true
	}
	if n := len(subs); n > 0 && subs[n-1].Op == syntax.OpStar && subs[n-1].Sub[0].Op == syntax.OpAnyCharNotNL {
		subs, whole = subs[:n-1], false
	}
	texts, ok := finite(&syntax.Regexp{Op: syntax.OpConcat, Sub: subs})
	for i, text := range texts {
		switch {
		case !whole && strings.HasSuffix(text, "/"):
			texts[i] += "**"
		case !whole || strings.HasSuffix(text, "/"):
			return nil, false
		}
	}
	return texts, ok
}

// finite returns all texts that an expression matches, if they are few.
func finite(re *syntax.Regexp) ([]string, bool) {
	const most = 64
	switch re.Op {
	case syntax.OpEmptyMatch:
		return []string{""}, true
	case syntax.OpLiteral:
		return []string{string(re.Rune)}, re.Flags&syntax.FoldCase == 0
	case syntax.OpCapture:
		return finite(re.Sub[0])
	case syntax.OpCharClass:
		var all []string
		for i := 0; i+1 < len(re.Rune); i += 2 {
			for c := re.Rune[i]; c <= re.Rune[i+1]; c++ {
				if all = append(all, string(c)); len(all) > most {
					return nil, false
				}
			}
		}
		return all, true
	case syntax.OpQuest:
		all, ok := finite(re.Sub[0])
		return append([]string{""}, all...), ok
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			texts, ok := finite(sub)
			if all = append(all, texts...); !ok || len(all) > most {
				return nil, false
			}
		}
		return all, true
	case syntax.OpConcat:
		all := []string{""}
		for _, sub := range re.Sub {
			texts, ok := finite(sub)
			if !ok || len(all)*len(texts) > most {
				return nil, false
			}
			var next []string
			for _, a := range all {
				for _, b := range texts {
					next = append(next, a+b)
				}
			}
			all = next
		}
		return all, true
	}
	return nil, false
}

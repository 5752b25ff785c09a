package adopt

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"keyreeve/fleet"
)

// A Tidied is an inventory whose rules became scopes.
type Tidied struct {
	Inventory []byte
	Rules     int
	Scopes    []fleet.Scope
	Uncovered []string // expressions of rules that no document needs and no folder says
}

// Tidy turns the rules of an inventory into scopes that give each of the
// documents the readers and settings that it has. Other paths may get other
// readers: an expression that matches anywhere becomes the folder that is meant.
// The error is a *[RefusedError].
func Tidy(text []byte, documents []string) (*Tidied, error) {
	inv, problems := fleet.Parse("keyreeve.yaml", text)
	if fault := firstError(problems); fault != nil {
		return nil, &RefusedError{Reason: fault.Message, Fix: "keyreeve check"}
	}
	rules := inv.Rules()
	if len(rules) == 0 {
		return nil, &RefusedError{Reason: "the inventory has no rules to make scopes of"}
	}
	t := &tidying{rules: rules, documents: documents, single: map[int]bool{}}
	t.match()
	for range len(rules) + 1 {
		written, err := t.write(text)
		if err != nil {
			return nil, err
		}
		next, problems := fleet.Parse("keyreeve.yaml", written)
		if fault := firstError(problems); fault != nil {
			return nil, &RefusedError{Reason: "scopes would not be valid: " + fault.Message}
		}
		different := t.different(inv.Policy(), next.Policy())
		if different == "" {
			return &Tidied{Inventory: written, Rules: len(rules), Scopes: next.Scopes(), Uncovered: t.uncovered()}, nil
		}
		if !t.narrow(different) {
			return nil, &RefusedError{Reason: different + " would have other readers by scopes, which only ever add readers"}
		}
	}
	return nil, &RefusedError{Reason: "scopes cannot say what the rules say"}
}

// A tidying is the work on one inventory.
type tidying struct {
	rules     []fleet.Rule
	documents []string
	of        map[string]int // the rule of each document
	single    map[int]bool   // rules that become one scope for each document
}

func (t *tidying) match() {
	t.of = map[string]int{}
	for _, d := range t.documents {
		for i, r := range t.rules {
			if re, err := regexp.Compile(r.Match); err == nil && re.MatchString(d) {
				t.of[d] = i
				break
			}
		}
	}
}

// regions returns the paths of the scopes that a rule becomes.
func (t *tidying) regions(rule int) []string {
	if !t.single[rule] {
		if exact, ok := regionsOf(t.rules[rule].Match); ok {
			return exact
		}
		if folder := meantFolder(t.rules[rule].Match); folder != "" && t.within(rule, folder) {
			return []string{folder + "/**"}
		}
	}
	var all []string
	for _, d := range t.documents {
		if i, ok := t.of[d]; ok && i == rule {
			all = append(all, d)
		}
	}
	return all
}

// within reports whether all documents of a rule lie in a folder.
func (t *tidying) within(rule int, folder string) bool {
	return !slices.ContainsFunc(t.documents, func(d string) bool {
		i, ok := t.of[d]
		return ok && i == rule && !strings.HasPrefix(d, folder+"/")
	})
}

// meantFolder returns the folder that an expression begins with, anchored or not,
// or "".
func meantFolder(expr string) string {
	re, err := regexp.Compile("^(?:" + strings.TrimPrefix(expr, "^") + ")")
	if err != nil {
		return ""
	}
	prefix, _ := re.LiteralPrefix()
	if prefix == "" { // LiteralPrefix stops at the anchor
		if re, err = regexp.Compile(strings.TrimPrefix(expr, "^")); err != nil {
			return ""
		}
		prefix, _ = re.LiteralPrefix()
	}
	end := strings.LastIndexByte(prefix, '/')
	if end <= 0 || strings.HasPrefix(prefix, "/") {
		return ""
	}
	return prefix[:end]
}

// different returns a document whose readers or settings would be others, or "".
func (t *tidying) different(before, after *fleet.Policy) string {
	for _, d := range t.documents {
		old, covered := before.For(d)
		next, covers := after.For(d)
		if covered != covers || strings.Join(sorted(old.Recipients()), " ") != strings.Join(sorted(next.Recipients()), " ") ||
			fmt.Sprint(old.Settings) != fmt.Sprint(next.Settings) {
			return d
		}
	}
	return ""
}

// narrow gives up the folder of another rule that a document lies in.
func (t *tidying) narrow(document string) bool {
	for i := range t.rules {
		own, ok := t.of[document]
		if t.single[i] || ok && own == i {
			continue
		}
		if slices.ContainsFunc(t.regions(i), func(r string) bool { return r == "**" || strings.HasPrefix(document, strings.TrimSuffix(r, "**")) }) {
			t.single[i] = true
			return true
		}
	}
	return false
}

func (t *tidying) uncovered() []string {
	var all []string
	for i, r := range t.rules {
		if len(t.regions(i)) == 0 {
			all = append(all, r.Match)
		}
	}
	return all
}

// write puts scopes in place of the rules and leaves the rest of the text.
func (t *tidying) write(text []byte) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	root := doc.Content[0]
	at := slices.IndexFunc(root.Content, func(n *yaml.Node) bool { return n.Value == "rules" })
	if at < 0 || at%2 != 0 || root.Content[at+1].Kind != yaml.SequenceNode {
		return nil, errors.New("the inventory has no list of rules")
	}
	section := mapping()
	put(section, "scopes", t.scopes(root.Content[at+1]))
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(section), e.Close()); err != nil {
		return nil, err
	}
	lines := strings.SplitAfter(string(text), "\n")
	start, end := root.Content[at].Line-1, len(lines)
	if at+2 < len(root.Content) {
		next := root.Content[at+2]
		end = next.Line - 1
		if next.HeadComment != "" {
			end -= strings.Count(next.HeadComment, "\n") + 1
		}
	}
	return []byte(strings.Join(lines[:start], "") + b.String() + strings.Join(lines[end:], "")), nil
}

// scopes returns the list of scopes, with what the rules say beside their
// expressions.
func (t *tidying) scopes(rules *yaml.Node) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	seen := map[string]bool{}
	for i, rule := range rules.Content {
		for j, region := range t.regions(i) {
			if seen[region] {
				continue
			}
			seen[region] = true
			item := mapping()
			if j == 0 {
				item.HeadComment = rule.HeadComment
			}
			put(item, "path", str(region))
			for k := 0; k+1 < len(rule.Content); k += 2 {
				if rule.Content[k].Value != "match" {
					item.Content = append(item.Content, rule.Content[k], rule.Content[k+1])
				}
			}
			list.Content = append(list.Content, item)
		}
	}
	return list
}

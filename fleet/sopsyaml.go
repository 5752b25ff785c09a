package fleet

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The marker comments between which keyreeve owns the lines of .sops.yaml.
const (
	blockBegin = "# keyreeve: begin, made from keyreeve.yaml; change that file and run keyreeve rekey"
	blockEnd   = "# keyreeve: end"
)

// SopsYAML returns .sops.yaml with the inventory's policy between the marker
// comments, for plain sops; existing is the file as it is, or nil. What is
// outside the markers stays. The error is a *[ConflictError] if a rule outside
// the markers may match what the inventory covers.
func (inv *Inventory) SopsYAML(existing []byte) ([]byte, error) {
	outside, at, err := outsideBlock(string(existing))
	if err != nil {
		return nil, err
	}
	w := ruleWriter{policy: inv.Policy(), anchors: map[string]string{}, taken: map[string]bool{}}
	rules := w.rules()
	if err := inv.checkOutside(outside, w); err != nil {
		return nil, err
	}
	if at < 0 {
		outside, at = placeBlock(outside)
	}
	var b strings.Builder
	b.WriteString(outside[:at])
	fmt.Fprintf(&b, "  %s\n%s  %s\n", blockBegin, rules, blockEnd)
	b.WriteString(outside[at:])
	text := b.String()
	if inv.stores != "" && !hasField(outside, "stores") {
		text = "stores: " + inv.stores + "\n" + text
	}
	return []byte(text), checkForm(text, outside, rules)
}

// outsideBlock returns the text without the block and the offset where it was,
// or -1.
func outsideBlock(text string) (string, int, error) {
	begin := strings.Index(text, blockBegin[:len("# keyreeve: begin")])
	if begin < 0 {
		return text, -1, nil
	}
	start := strings.LastIndexByte(text[:begin], '\n') + 1
	length := strings.Index(text[begin:], blockEnd)
	if length < 0 {
		return "", 0, &ConflictError{Line: 1 + strings.Count(text[:begin], "\n"), Reason: "the block has no end", Fix: "put back the line: " + blockEnd}
	}
	end := begin + length
	if next := strings.IndexByte(text[end:], '\n'); next >= 0 {
		end += next + 1
	} else {
		end = len(text)
	}
	return text[:start] + text[end:], start, nil
}

// placeBlock returns the text with a list of creation rules, and where the block
// goes: before all other rules.
func placeBlock(outside string) (string, int) {
	line := regexp.MustCompile(`(?m)^creation_rules:[ \t]*(\[\])?[ \t]*(#.*)?\r?$\n?`)
	if m := line.FindStringIndex(outside); m != nil {
		head := outside[:m[0]] + "creation_rules:\n"
		return head + outside[m[1]:], len(head)
	}
	if outside != "" && !strings.HasSuffix(outside, "\n") {
		outside += "\n"
	}
	outside += "creation_rules:\n"
	return outside, len(outside)
}

// checkForm refuses a text that does not hold the rules outside the block and
// those in it, since the form of the file takes no further lines.
func checkForm(text, outside, block string) error {
	whole, ok := ruleCount(text)
	others, _ := ruleCount(outside)
	own, _ := ruleCount("creation_rules:\n" + block)
	if !ok || whole != others+own {
		return &ConflictError{Reason: "its form takes no further lines", Fix: "write it as one map, with the line creation_rules: and each rule below it"}
	}
	return nil
}

// ruleCount returns the number of creation rules; ok is false for what is not
// one YAML document.
func ruleCount(text string) (count int, ok bool) {
	var config struct {
		Rules []yaml.Node `yaml:"creation_rules"`
	}
	d := yaml.NewDecoder(strings.NewReader(text))
	if d.Decode(&config) != nil {
		return 0, false
	}
	return len(config.Rules), d.Decode(new(yaml.Node)) == io.EOF
}

func hasField(text, name string) bool {
	return regexp.MustCompile(`(?m)^` + name + `:`).MatchString(text)
}

// checkOutside refuses rules outside the block that may match what the inventory
// covers.
func (inv *Inventory) checkOutside(outside string, w ruleWriter) error {
	var config struct {
		Rules []yaml.Node `yaml:"creation_rules"`
	}
	if err := yaml.Unmarshal([]byte(outside), &config); err != nil {
		return &ConflictError{Reason: "it does not parse: " + err.Error(), Fix: "mend the file"}
	}
	for anchor := range w.taken {
		if regexp.MustCompile(`&` + regexp.QuoteMeta(anchor) + `\b`).MatchString(outside) {
			return &ConflictError{Reason: "the anchor &" + anchor + " outside the block has the name of one in it", Fix: "rename the anchor"}
		}
	}
	for _, n := range config.Rules {
		var rule struct {
			Regex string `yaml:"path_regex"`
		}
		if err := n.Decode(&rule); err != nil {
			return &ConflictError{Line: n.Line, Reason: "the rule does not parse: " + err.Error()}
		}
		if region, overlaps := inv.overlap(rule.Regex, w); overlaps {
			what := "a rule without path_regex"
			if rule.Regex != "" {
				what = fmt.Sprintf("the rule %q", rule.Regex)
			}
			return &ConflictError{Line: n.Line, Reason: fmt.Sprintf("%s outside the block may match documents in %s, which the inventory covers", what, region),
				Fix: "say it as a scope of the inventory, remove it, or anchor it to another folder with ^"}
		}
	}
	return nil
}

// overlap reports whether an expression may match a path that the inventory
// covers, and names one such folder. It errs on the side of yes.
func (inv *Inventory) overlap(expr string, w ruleWriter) (string, bool) {
	if len(w.policy.rules) > 0 {
		return "the adopted rules", true
	}
	prefix := anchoredPrefix(expr)
	for _, r := range w.regions() {
		own := r.path
		if r.folder && r.path != "" {
			own += "/"
		}
		if prefix == "" || strings.HasPrefix(prefix, own) || strings.HasPrefix(own, prefix) {
			return r.String(), true
		}
	}
	return "", false
}

// anchoredPrefix returns the text that every match begins with at the start of
// the path, or "".
func anchoredPrefix(expr string) string {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return ""
	}
	re = re.Simplify()
	if re.Op != syntax.OpConcat || re.Sub[0].Op != syntax.OpBeginText {
		return ""
	}
	if lit := re.Sub[1]; lit.Op == syntax.OpLiteral && lit.Flags&syntax.FoldCase == 0 {
		return string(lit.Rune)
	}
	return ""
}

// A ruleWriter writes the policy as creation rules.
type ruleWriter struct {
	policy  *Policy
	anchors map[string]string // recipient → anchor
	taken   map[string]bool
}

// regions returns every folder and document that the inventory tells apart,
// deepest first.
func (w *ruleWriter) regions() []region {
	m := w.policy.m
	seen := map[region]bool{}
	if m.layout == LayoutStandard {
		folder := func(path string) { seen[region{secretsFolder + "/" + path, true}] = true }
		folder("common")
		for _, h := range m.hosts {
			folder(h.Name)
		}
		for _, g := range m.groups {
			folder("groups/" + g.Name)
		}
		for _, u := range m.users {
			folder("users/" + u.Name)
		}
	}
	own := region{secretsFolder + "/users", true}
	for _, s := range w.policy.scopes {
		seen[s.region] = true
		if m.layout == LayoutStandard && own.within(s.region) {
			seen[own] = true
		}
	}
	var all []region
	for r := range seen {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b region) int {
		return cmp.Or(cmp.Compare(b.depth(), a.depth()), cmp.Compare(a.path, b.path))
	})
	return all
}

// sample returns the path of a document that lies in the region and in none
// below it.
func (r region) sample() string {
	if !r.folder {
		return r.path
	}
	return strings.TrimPrefix(r.path+"/\x00", "/")
}

func (w *ruleWriter) rules() string {
	if len(w.policy.rules) > 0 {
		var b strings.Builder
		for _, r := range w.policy.rules {
			d := w.policy.decide(coverage{rule: slices.IndexFunc(w.policy.rules, func(o resolvedRule) bool { return o.match == r.match })})
			b.WriteString(w.rule(r.rule.Match, d))
		}
		return b.String()
	}
	type set struct {
		exprs    []string
		decision Decision
	}
	var sets []*set
	index := map[string]*set{}
	for _, r := range w.regions() {
		d := w.policy.decide(w.policy.cover(r.sample()))
		expr := regexp.QuoteMeta(r.path)
		switch {
		case r.folder && r.path != "":
			expr += "/"
		case !r.folder:
			expr += "$"
		}
		key := fmt.Sprint(r.depth(), d.Recipients(), d.Settings)
		if index[key] == nil {
			index[key] = &set{decision: d}
			sets = append(sets, index[key])
		}
		index[key].exprs = append(index[key].exprs, expr)
	}
	var b strings.Builder
	for _, s := range sets {
		expr := "^" + s.exprs[0]
		if len(s.exprs) > 1 {
			expr = "^(?:" + strings.Join(s.exprs, "|") + ")"
		}
		b.WriteString(w.rule(expr, s.decision))
	}
	return b.String()
}

// rule returns one creation rule.
func (w *ruleWriter) rule(expr string, d Decision) string {
	var b strings.Builder
	first := "  - "
	line := func(format string, args ...any) {
		b.WriteString(first + fmt.Sprintf(format, args...) + "\n")
		first = "    "
	}
	if expr != "" {
		line("path_regex: %s", scalarYAML(expr))
	}
	s := d.Settings
	if s.Selection.Key != "" {
		line("%s: %s", s.Selection.Key, scalarYAML(s.Selection.Value))
	}
	if s.MACOnlyEncrypted {
		line("mac_only_encrypted: true")
	}
	if s.Threshold > 0 {
		line("shamir_threshold: %d", s.Threshold)
	}
	for _, k := range s.Foreign {
		line("%s: %s", k.Kind, k.YAML)
	}
	if len(s.Groups) == 0 {
		w.age(line, d.Readers)
		return b.String()
	}
	line("key_groups:")
	for _, g := range s.Groups {
		dash := "  - "
		inside := func(format string, args ...any) {
			line("%s", dash+fmt.Sprintf(format, args...))
			dash = "    "
		}
		w.age(inside, w.policy.readersOf(g.Readers))
		for _, k := range g.Foreign {
			inside("%s: %s", k.Kind, k.YAML)
		}
	}
	return b.String()
}

func (w *ruleWriter) age(line func(string, ...any), readers []Reader) {
	total := 0
	for _, r := range readers {
		total += len(r.Recipients)
	}
	if total == 0 {
		line("age: []")
		return
	}
	line("age:")
	for _, r := range readers {
		for _, n := range r.Recipients {
			if anchor, ok := w.anchors[n.Recipient]; ok {
				line("  - *%s", anchor)
				continue
			}
			line("  - &%s %s", w.anchor(r, n), scalarYAML(n.Recipient))
		}
	}
}

// anchor names a recipient for its first use.
func (w *ruleWriter) anchor(r Reader, n NamedRecipient) string {
	name := string(r.Principal.Kind) + "_" + r.Principal.Name
	if len(r.Recipients) > 1 {
		name += "_" + n.Name
	}
	name = strings.ReplaceAll(name, ".", "_")
	unique := name
	for i := 2; w.taken[unique]; i++ {
		unique = fmt.Sprintf("%s_%d", name, i)
	}
	w.taken[unique] = true
	w.anchors[n.Recipient] = unique
	return unique
}

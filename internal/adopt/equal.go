package adopt

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"regexp/syntax"
	"slices"
	"strings"

	"keyreeve/fleet"
)

// A reading is a configuration with what each of its rules says, found once.
type reading struct {
	config *fleet.SopsConfig
	rules  map[*fleet.CreationRule]said
}

// said is all that a rule says, as comparable texts.
type said struct{ all, recipients string }

func read(c *fleet.SopsConfig) *reading { return &reading{c, map[*fleet.CreationRule]said{}} }

// says returns what the configuration says of a path. Recipients that are no
// keys do not count, and neither does order.
func (c *reading) says(path string) (s said, matched bool) {
	r, ok, _ := c.config.Match(path)
	if !ok {
		return said{}, false
	}
	s, known := c.rules[r]
	if known {
		return s, true
	}
	var b strings.Builder
	fmt.Fprintln(&b, r.Selection, r.MACOnlyEncrypted, r.Threshold, len(r.Groups))
	var all []string
	for _, g := range r.Groups {
		usable := slices.DeleteFunc(sorted(g.Age), func(s string) bool { return fleet.CheckRecipient(s) != nil })
		fmt.Fprintln(&b, usable, g.Foreign)
		all = append(all, usable...)
	}
	s = said{b.String(), strings.Join(sorted(all), "\n")}
	c.rules[r] = s
	return s, true
}

// compare returns how the new configuration, or the policy of the inventory,
// differs from the old rules on any path, or "".
func (a *adoption) compare(inv *fleet.Inventory, written []byte, paths []string) string {
	config, err := fleet.ParseSopsConfig(written)
	if err != nil {
		return err.Error()
	}
	policy, before, after := inv.Policy(), read(a.old), read(config)
	all := slices.Concat(paths, samplePaths(config, 200))
	for _, d := range a.documents {
		all = append(all, d.Path)
	}
	for _, path := range all {
		want, matched := before.says(path)
		got, matches := after.says(path)
		switch decision, covered := policy.For(path); {
		case matched && !matches:
			return path + " would have no readers"
		case matches && !matched:
			return path + " would have readers, and no rule matches it"
		case want != got:
			return path + " would have other readers or settings"
		case portable(path) && (covered != matches || strings.Join(sorted(decision.Recipients()), "\n") != got.recipients):
			return path + " would have other readers by the inventory than by .sops.yaml"
		}
	}
	return ""
}

// portable reports a path that an inventory can speak of.
func portable(path string) bool {
	return fs.ValidPath(path) && path != "." && !strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == '\\' || r == 0x7f })
}

// sorted returns a list in order, each item once.
func sorted(list []string) []string {
	all := make([]string, 0, len(list))
	for _, s := range list {
		all = append(all, bare(s))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// samplePaths returns n paths that rules match, or nearly: made from
// their expressions, then broken a little.
func samplePaths(c *fleet.SopsConfig, n int) []string {
	random := rand.New(rand.NewPCG(1, uint64(len(c.Rules))))
	var trees []*syntax.Regexp
	for _, r := range c.Rules {
		if tree, err := syntax.Parse(r.PathRegex, syntax.Perl); err == nil {
			trees = append(trees, tree.Simplify())
		}
	}
	seen := map[string]bool{}
	var paths []string
	for try := 0; len(trees) > 0 && len(paths) < n && try < 20*n; try++ {
		var b strings.Builder
		generate(&b, trees[try%len(trees)], random)
		path := broken(b.String(), random)
		if path != "" && !strings.HasPrefix(path, "/") && !strings.Contains(path, "\n") && !seen[path] {
			seen[path] = true
			paths = append(paths, path)
		}
	}
	return paths
}

var breaks = []func(s string, r *rand.Rand) string{
	func(s string, _ *rand.Rand) string { return s },
	func(s string, _ *rand.Rand) string { return "x/" + s },
	func(s string, _ *rand.Rand) string { return s + "a.yaml" },
	func(s string, _ *rand.Rand) string { return s + "/a.yaml" },
	func(s string, _ *rand.Rand) string { return s + ".bak" },
	func(s string, _ *rand.Rand) string { return "my" + s },
	func(s string, r *rand.Rand) string { return s + word(r) + ".json" },
	func(s string, r *rand.Rand) string { return s + word(r) + "/" + word(r) + ".yaml" },
	func(s string, r *rand.Rand) string {
		i := r.IntN(len(s) + 1)
		return s[:i] + word(r) + s[i:]
	},
	func(s string, r *rand.Rand) string {
		if s == "" {
			return word(r)
		}
		i := r.IntN(len(s))
		return s[:i] + s[i+1:]
	},
}

func broken(s string, r *rand.Rand) string { return breaks[r.IntN(len(breaks))](s, r) }

func word(r *rand.Rand) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-_."
	var b strings.Builder
	for range 1 + r.IntN(6) {
		b.WriteByte(letters[r.IntN(len(letters))])
	}
	return b.String()
}

// generate writes a text that the expression matches, but for its anchors.
func generate(b *strings.Builder, re *syntax.Regexp, r *rand.Rand) {
	times := func(least int) {
		for range least + r.IntN(3) {
			generate(b, re.Sub[0], r)
		}
	}
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		b.WriteRune(fromClass(re.Rune, r))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteString(word(r)[:1])
	case syntax.OpStar:
		times(0)
	case syntax.OpPlus:
		times(1)
	case syntax.OpQuest:
		if r.IntN(2) == 0 {
			generate(b, re.Sub[0], r)
		}
	case syntax.OpCapture:
		generate(b, re.Sub[0], r)
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			generate(b, sub, r)
		}
	case syntax.OpAlternate:
		generate(b, re.Sub[r.IntN(len(re.Sub))], r)
	}
}

// fromClass returns a character of a class, a letter or digit where it has one.
func fromClass(ranges []rune, r *rand.Rand) rune {
	for range 40 {
		c := rune(word(r)[0])
		for i := 0; i+1 < len(ranges); i += 2 {
			if c >= ranges[i] && c <= ranges[i+1] {
				return c
			}
		}
	}
	return ranges[0]
}

package adopt_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyreeve/fleet"
	"keyreeve/internal/adopt"
)

var expressions = []string{
	"", ".*", `secrets/[^/]+\.(yaml|json|env|ini)$`, "secrets", "^secrets/", "^secrets/a/", "^secrets/a/b.yaml$", `^secrets/a/b\.yaml$`,
	"hosts/potato/.*", `hosts/(potato|mbp)/secrets\.yaml$`, "(?i)secrets", "^(?:secrets/(?:a|b)/|hosts/)", "^secrets/common/", "^secrets/users/u/", "a|b", "[a-c]x?",
}

// TestNoPathGetsOtherReaders draws configurations and paths of its own: what is
// adopted gives each path the readers that it had.
func TestNoPathGetsOtherReaders(t *testing.T) {
	k := pool(t, 5)
	forms := map[adopt.Form]int{}
	rapid.Check(t, func(r *rapid.T) {
		var b strings.Builder
		b.WriteString("creation_rules:\n")
		for range rapid.IntRange(1, 5).Draw(r, "rules") {
			readers := rapid.SliceOfN(rapid.SampledFrom(append(k, placeholder)), 1, 4).Draw(r, "readers")
			fmt.Fprintf(&b, "  - path_regex: '%s'\n    age: [%s]\n", rapid.SampledFrom(expressions).Draw(r, "regex"), strings.Join(readers, ", "))
			if rapid.IntRange(0, 3).Draw(r, "selection") == 0 {
				b.WriteString("    encrypted_regex: ^a$\n")
			}
		}
		p, err := adopt.New([]byte(b.String()), nil)
		if err != nil {
			r.Fatalf("%v\n%s", err, b.String())
		}
		forms[p.Form]++
		old, err := fleet.ParseSopsConfig([]byte(b.String()))
		if err != nil {
			r.Fatal(err)
		}
		written, err := fleet.ParseSopsConfig(p.SopsYAML)
		if err != nil {
			r.Fatal(err)
		}
		for _, path := range rapid.SliceOfN(rapid.StringMatching(`((secrets|hosts|x|common|users|a|b|u|potato)/){0,3}(a|b|secrets|x)(\.yaml|\.json)?`), 20, 20).Draw(r, "paths") {
			if want, got := readersOf(old, path), readersOf(written, path); want != got {
				r.Fatalf("%s: %s became %s\n%s\n%s", path, want, got, b.String(), p.SopsYAML)
			}
		}
	})
	if forms[adopt.Rules] == 0 || forms[adopt.Scopes] == 0 {
		t.Errorf("forms that were tried: %v", forms)
	}
}

func readersOf(c *fleet.SopsConfig, path string) string {
	r, ok, _ := c.Match(path)
	if !ok {
		return "nothing"
	}
	readers := slices.DeleteFunc(slices.Clone(r.Groups[0].Age), func(s string) bool { return s == placeholder })
	slices.Sort(readers)
	return fmt.Sprint(r.Selection, slices.Compact(readers))
}

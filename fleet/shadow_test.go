package fleet_test

import (
	"fmt"
	"strings"
	"testing"

	"keyreeve/fleet"
)

func TestShadowedRules(t *testing.T) {
	for _, c := range []struct {
		before, after string
		shadowed      bool
	}{
		{"^secrets/", "^secrets/a/", true},
		{"^secrets/.*", `^secrets/[a-z]+\.yaml$`, true},
		{"secrets/", "hosts/secrets/x", true},
		{"secrets", `^a/secrets\.yaml`, true},
		{"^secrets/a/", "^secrets/", false},
		{"^secrets/", "secrets/a", false},
		{"secrets/", "(?i)secrets/a", false},
		{"(?i)secrets/", "SECRETS/a", false},
		{`secrets\.yaml$`, "secrets.yaml.bak", false},
		{"^secrets/", "(?m)^secrets/a", false},
		{"a", "[a]+", false},
	} {
		text := fmt.Sprintf("version: 1\nlayout: none\nrules:\n  - {match: '%s', readers: []}\n  - {match: '%s', readers: []}\n", c.before, c.after)
		_, problems := fleet.Parse("keyreeve.yaml", []byte(text))
		found := false
		for _, p := range problems {
			found = found || p.Code == fleet.CodeShadowed && p.Line == 5 && strings.Contains(p.Message, "rule 2 never applies")
		}
		if found != c.shadowed {
			t.Errorf("%s before %s: shadowed %v\n%v", c.before, c.after, found, problems)
		}
	}
}

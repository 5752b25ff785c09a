package adopt_test

import (
	"slices"
	"strings"
	"testing"

	"keyreeve/internal/adopt"
)

const untidy = `# the fleet
version: 1
layout: none
users: {tim: {admin: true, recipients: {key: K1}}}
hosts:
  potato: {recipients: {host: K2}} # the first
  mbp: {recipients: {host: K3}}
rules:
  # everybody
  - match: secrets/[^/]+\.yaml$
    readers: [user/tim, host/potato, host/mbp]
  - match: hosts/potato/
    readers: [user/tim, host/potato]
    sops: {encrypted_regex: ^secret}
  - match: hosts/.*/secrets.yaml
    readers: [user/tim]
  - match: never/there
    readers: [host/mbp]
  - match: "[x]?never"
    readers: [host/mbp]
# at the end
intervals: {service: 90d}
`

func TestTidy(t *testing.T) {
	k := pool(t, 3)
	text := withKeys(untidy, k)
	got, err := adopt.Tidy([]byte(text), []string{"secrets/a.yaml", "secrets/b.yaml", "hosts/potato/secrets.yaml", "hosts/mbp/secrets.yaml", "hosts/mbp/deep/secrets.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, s := range got.Scopes {
		paths = append(paths, s.Path)
	}
	if want := []string{"secrets/**", "hosts/potato/**", "hosts/**", "never/**"}; !slices.Equal(paths, want) {
		t.Errorf("scopes for %q", paths)
	}
	if !slices.Equal(got.Uncovered, []string{"[x]?never"}) {
		t.Errorf("uncovered: %q", got.Uncovered)
	}
	for _, want := range []string{"# the fleet", "# the first", "# everybody", "# at the end\nintervals", "sops: {encrypted_regex: ^secret}"} {
		if !strings.Contains(string(got.Inventory), want) {
			t.Errorf("%q is lost:\n%s", want, got.Inventory)
		}
	}
}

// A folder that would widen another becomes its documents.
func TestTidyNeverWidens(t *testing.T) {
	k := pool(t, 3)
	text := withKeys(strings.Replace(untidy, "readers: [user/tim]\n", "readers: [user/tim, host/mbp]\n", 1), k)
	got, err := adopt.Tidy([]byte(text), []string{"hosts/potato/secrets.yaml", "hosts/mbp/secrets.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, s := range got.Scopes {
		paths = append(paths, s.Path)
	}
	if want := []string{"secrets/**", "hosts/potato/**", "hosts/mbp/secrets.yaml", "never/**"}; !slices.Equal(paths, want) {
		t.Errorf("scopes for %q", paths)
	}
	if _, err := adopt.Tidy([]byte("version: 1\n"), nil); err == nil || !strings.Contains(err.Error(), "no rules") {
		t.Errorf("without rules: %v", err)
	}
}

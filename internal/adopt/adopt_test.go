package adopt_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"keyreeve/fleet"
	"keyreeve/internal/adopt"
	"keyreeve/keys"
)

const placeholder = "age1xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

// pool makes recipients, for which K1, K2 … stand in a text.
func pool(t *testing.T, n int) []string {
	var all []string
	for range n {
		id, err := keys.New(false)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, id.Recipient())
	}
	return all
}

func withKeys(text string, pool []string) string {
	for i, k := range pool {
		text = strings.ReplaceAll(text, fmt.Sprintf("K%d", i+1), k)
	}
	return strings.ReplaceAll(text, "PLACEHOLDER", placeholder)
}

// shapes are .sops.yaml files as they are found in public fleets.
var shapes = map[string]struct {
	config    string
	form      adopt.Form
	names     string // of principals and groups, in order
	inventory []string
	notes     []string
}{
	"one rule without path_regex": {"creation_rules:\n  - age: K1,K2\n",
		adopt.Scopes, "user/user user/user-2", []string{"path: '**'"}, nil},
	"catch-all expression": {"creation_rules:\n  - path_regex: .*\n    age: K1\n", adopt.Rules, "user/user", []string{"match: .*"}, nil},
	"anchors of keys": {`
keys:
  - &admin_tim K1
  - &host_potato K2
  - &server_mbp K3
creation_rules:
  - path_regex: secrets/[^/]+\.(yaml|json|env|ini)$
    key_groups: [{age: [*admin_tim, *host_potato, *server_mbp]}]
  - path_regex: hosts/potato/secrets\.yaml$
    key_groups: [{age: [*admin_tim, *host_potato]}]
`, adopt.Rules, "user/tim host/potato host/mbp", []string{"admin: true", `match: secrets/[^/]+\.(yaml|json|env|ini)$`, "readers: [user/tim, host/potato]"}, nil},
	"sections of keys": {`
keys:
  users: [&tim K1]
  hosts:
    - &potato K2
    - &mbp K3
creation_rules:
  - path_regex: ^secrets/servers/
    key_groups: [{age: [*tim, *potato, *mbp]}]
  - path_regex: ^secrets/.*/backup
    key_groups: [{age: [*tim, *potato, *mbp]}]
`, adopt.Rules, "user/tim host/potato host/mbp group/servers", []string{"readers: [group/servers, user/tim]"}, nil},
	"hosts by their paths": {`
creation_rules:
  - path_regex: hosts/potato/secrets.yaml
    age: K1,K2
  - path_regex: machines/mbp/.*
    age: [K1, K3]
  - path_regex: home/anna/
    age: K4
`, adopt.Rules, "user/user host/potato host/mbp user/anna", nil, nil},
	"names in comments": {`
creation_rules:
  - path_regex: ^secrets/
    # what everybody reads
    age: [
      K1, # Tim's laptop
      K2 # potato
    ]
`, adopt.Scopes, "user/tim user/potato", []string{"path: secrets/**"}, nil},
	"placeholder": {`
keys: [&admin_tim K1, &host_new PLACEHOLDER]
creation_rules:
  - path_regex: ^secrets/new/
    age: [*admin_tim, *host_new]
`, adopt.Scopes, "user/tim host/new", []string{"new:\n    recipients: {}", "readers: [user/tim, host/new]"}, []string{"placeholder 2 host/new has no recipient"}},
	"pgp and kms beside age": {`
creation_rules:
  - path_regex: ^secrets/
    encrypted_regex: ^(data|stringData)$
    mac_only_encrypted: true
    pgp: FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4
    kms: arn:aws:kms:eu-central-1:1:key/a
    aws_profile: ops
    age: K1
`, adopt.Scopes, "user/user", []string{"pgp: [FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4]", "aws_profile: ops", "mac_only_encrypted: true"}, []string{"foreign 3 pgp", "foreign 3 kms", "foreign 3 aws_profile"}},
	"split among groups": {`
creation_rules:
  - path_regex: ^secrets/
    shamir_threshold: 2
    key_groups:
      - age: [K1]
        merge: [{pgp: [AB CD]}]
      - age: [K2]
        hc_vault: [https://vault/v1/transit/keys/k]
        kms: [{arn: "arn:x", context: {a: b}}]
`, adopt.Scopes, "user/user user/user-2", []string{"shamir_threshold: 2", "key_groups:", "readers: [user/user-2]", `context: {a: b}`}, nil},
	"the standard layout": {`
keys: [&user_tim K1, &host_potato K2, &host_mbp K3, &user_ci K4, &recovery_safe K5]
creation_rules:
  - path_regex: ^secrets/groups/servers/
    age: [*user_tim, *host_potato, *recovery_safe]
  - path_regex: ^secrets/users/tim/
    age: [*user_tim, *recovery_safe]
  - path_regex: ^secrets/users/ci/
    age: [*user_ci, *host_potato, *recovery_safe]
  - path_regex: ^secrets/potato/
    age: [*user_tim, *host_potato, *recovery_safe]
  - path_regex: ^secrets/mbp/
    age: [*user_tim, *host_mbp, *recovery_safe]
  - path_regex: ^secrets/common/
    age: [*user_tim, *host_potato, *host_mbp, *recovery_safe]
  - path_regex: ^secrets/ci/.*
    encrypted_regex: ^token
    age: [*user_tim, *user_ci, *recovery_safe]
`, adopt.Standard, "user/tim host/potato host/mbp user/ci recovery/safe group/servers", []string{"layout: standard", "users: [ci]", "path: secrets/ci/**\n    readers: [user/ci]"}, nil},
	"declared and not used": {"keys: [&a_x K2]\ncreation_rules:\n  - age: K1\n", adopt.Scopes, "user/user", nil, []string{"unused 1 a_x"}},
	"folders that narrow":   {"creation_rules:\n  - path_regex: ^s/a/\n    age: K1\n  - path_regex: ^s/\n    age: K1,K2\n", adopt.Rules, "user/user host/host", nil, nil},
	"folders that widen":    {"creation_rules:\n  - path_regex: ^s/a/\n    age: K1,K2\n  - path_regex: ^s/\n    age: K1\n", adopt.Scopes, "user/user host/host", nil, nil},
	"case-folded":           {"creation_rules:\n  - path_regex: (?i)^s/a/\n    age: K1\n", adopt.Rules, "user/user", nil, nil},
	"stores and destinations": {"stores: {yaml: {indent: 2}, json: {indent: 0}}\ndestination_rules:\n  - s3_bucket: b\n    recreation_rule: {pgp: &p AB}\ncreation_rules:\n  - age: K1\n",
		adopt.Scopes, "user/user", []string{"stores: {yaml: {indent: 2}, json: {indent: 0}}"}, nil},
}

func TestShapes(t *testing.T) {
	k := pool(t, 5)
	for name, shape := range shapes {
		t.Run(name, func(t *testing.T) {
			p, err := adopt.New([]byte(withKeys(shape.config, k)), nil)
			if err != nil {
				t.Fatal(err)
			}
			var names, notes []string
			for _, q := range p.Principals {
				names = append(names, q.Principal.String())
			}
			for _, g := range p.Groups {
				names = append(names, "group/"+g.Name)
			}
			for _, n := range p.Notes {
				notes = append(notes, fmt.Sprintf("%s %d %s", n.Kind, n.Line, n.Text))
			}
			if p.Form != shape.form || strings.Join(names, " ") != shape.names {
				t.Errorf("%s (%s), %s", p.Form, p.Why, names)
			}
			for _, want := range shape.inventory {
				if !strings.Contains(string(p.Inventory), want) {
					t.Errorf("the inventory lacks %s", want)
				}
			}
			for _, want := range shape.notes {
				if !slices.ContainsFunc(notes, func(n string) bool { return strings.HasPrefix(n, want) }) {
					t.Errorf("no note %s among %q", want, notes)
				}
			}
			if t.Failed() {
				t.Logf("%s\n%s", p.Inventory, p.SopsYAML)
			}
			inv, _ := fleet.Parse("keyreeve.yaml", p.Inventory)
			if again, err := inv.SopsYAML(p.SopsYAML); err != nil || string(again) != string(p.SopsYAML) {
				t.Errorf(".sops.yaml is not in step: %v\n%s", err, again)
			}
		})
	}
}

func TestWhatIsRefused(t *testing.T) {
	k := pool(t, 2)
	for config, want := range map[string]string{
		"stores: {}": "no creation rules",
		"creation_rules:\n  - path_regex: '['\n    age: K1\n":                                             ".sops.yaml:2: error parsing regexp",
		"creation_rules:\n  - age: K1\n    encrypted_regex: a\n    encrypted_suffix: b\n":                 "exclude each other",
		"creation_rules:\n  - age: AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ\n": "a private key",
		"creation_rules: [": "",
	} {
		_, err := adopt.New([]byte(withKeys(config, k)), nil)
		var refused *adopt.RefusedError
		var unread *fleet.SopsConfigError
		if !errors.As(err, &refused) && !errors.As(err, &unread) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "1QQQ") {
			t.Errorf("%s: %v", config, err)
		}
	}
}

func TestDriftStaysDrift(t *testing.T) {
	k := pool(t, 3)
	config := withKeys("keys: [&admin_tim K1, &host_a K2]\ncreation_rules:\n  - path_regex: ^s/\n    age: [*admin_tim, *host_a]\n", k)
	p, err := adopt.New([]byte(config), []adopt.Document{
		{Path: "s/same.yaml", Recipients: []string{k[1], k[0]}},
		{Path: "s/less.yaml", Recipients: k[:1]},
		{Path: "s/more.yaml", Recipients: k},
		{Path: "other.yaml", Recipients: k[:1]},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []adopt.Drift{{Document: "s/less.yaml", Add: []string{"host/a"}}, {Document: "s/more.yaml", Remove: []string{"unknown/" + k[2]}}}
	if fmt.Sprint(p.Drift) != fmt.Sprint(want) || fmt.Sprint(p.Unmatched) != "[other.yaml]" {
		t.Errorf("drift %v, unmatched %v", p.Drift, p.Unmatched)
	}
	if strings.Contains(string(p.Inventory), k[2]) {
		t.Error("a stranger in a document became policy")
	}
}

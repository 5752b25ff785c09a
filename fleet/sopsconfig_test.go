package fleet_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"keyreeve/fleet"
	"keyreeve/keys"
)

// parsed reads a configuration in which K1, K2 … stand for recipients.
func parsed(t *testing.T, text string, pool []string) *fleet.SopsConfig {
	t.Helper()
	c, err := fleet.ParseSopsConfig([]byte(withKeys(text, pool)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func withKeys(text string, pool []string) string {
	for i, k := range pool {
		text = strings.ReplaceAll(text, fmt.Sprintf("K%d", i+1), k)
	}
	return text
}

func TestGroupsOfARule(t *testing.T) {
	k := pool(t, 3)
	pgp := fleet.ForeignKey{Kind: "pgp", YAML: `["AB  CD", EF]`}
	for name, c := range map[string]struct {
		rule string
		want []fleet.RuleGroup
	}{
		"text":            {"age: K2,K1", []fleet.RuleGroup{{Age: []string{k[1], k[0]}}}},
		"folded":          {"age: >-\n      K1,\n      K2,\n", []fleet.RuleGroup{{Age: []string{k[0], k[1]}}}},
		"list":            {"age: [K1, 'K2, K3', K1]", []fleet.RuleGroup{{Age: []string{k[0], k[1], k[2], k[0]}}}},
		"nothing":         {"age: ''", []fleet.RuleGroup{{}}},
		"empty list":      {"age: []", []fleet.RuleGroup{{}}},
		"pgp":             {"age: K1\n    pgp: AB  CD, EF", []fleet.RuleGroup{{Age: k[:1], Foreign: []fleet.ForeignKey{pgp}}}},
		"empty foreign":   {"age: K1\n    kms: []\n    pgp: ''\n    aws_profile: x", []fleet.RuleGroup{{Age: k[:1]}}},
		"groups hide age": {"age: K1\n    key_groups: [{age: [K2]}, {pgp: [AB  CD, EF]}]", []fleet.RuleGroup{{Age: k[1:2]}, {Foreign: []fleet.ForeignKey{pgp}}}},
		"merge comes first and once": {"key_groups: [{age: [K1, K2], merge: [{age: [K3]}, {age: [K2], merge: [{age: [K1]}]}]}]",
			[]fleet.RuleGroup{{Age: []string{k[2], k[0], k[1]}}}},
		"kms in a group": {"key_groups: [{kms: [{arn: 'arn:x', context: {a: b}}, {arn: 'arn:x', context: {a: b}}], hc_vault: ['https://v/v1/t/keys/k']}]",
			[]fleet.RuleGroup{{Foreign: []fleet.ForeignKey{{Kind: "kms", YAML: `[{arn: 'arn:x', context: {a: b}}]`}, {Kind: "hc_vault", YAML: `['https://v/v1/t/keys/k']`}}}}},
		"vault uri and profile": {"kms: 'arn:x'\n    aws_profile: ops\n    hc_vault_transit_uri: https://v/v1/t/keys/k",
			[]fleet.RuleGroup{{Foreign: []fleet.ForeignKey{{Kind: "kms", YAML: `['arn:x']`}, {Kind: "aws_profile", YAML: "ops"}, {Kind: "hc_vault_transit_uri", YAML: `['https://v/v1/t/keys/k']`}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			r, ok, err := parsed(t, "creation_rules:\n  - path_regex: x\n    "+c.rule+"\n", k).Match("x")
			if !ok || err != nil {
				t.Fatal(ok, err)
			}
			if !reflect.DeepEqual(r.Groups, c.want) {
				t.Errorf("got  %q\nwant %q", r.Groups, c.want)
			}
		})
	}
}

func TestMatchReadsRulesInOrder(t *testing.T) {
	k := pool(t, 3)
	c := parsed(t, `
stores: {yaml: {indent: 2}, json: {indent: 0}}
destination_rules: [{s3_bucket: b, unknown: 1}]
creation_rules:
  - path_regex: ^secrets/a
    encrypted_regex: ^data$
    mac_only_encrypted: true
    age: K1
  - path_regex: "["
    age: K2
  - age: K3
`, k)
	r, ok, err := c.Match("secrets/a.yaml")
	if !ok || err != nil || r.Line != 5 || !r.MACOnlyEncrypted || r.Selection != (fleet.Selection{Key: "encrypted_regex", Value: "^data$"}) {
		t.Errorf("%+v, %v", r, err)
	}
	if _, _, err := c.Match("b"); err == nil || !strings.Contains(err.Error(), ".sops.yaml:9: ") {
		t.Errorf("an expression that does not compile gives %v", err)
	}
	if want := (fleet.Stores{YAML: 2, JSON: 0, JSONBinary: -1}); c.Stores != want {
		t.Errorf("stores: %+v", c.Stores)
	}
	if c := parsed(t, "creation_rules: []", nil); c.Rules == nil {
		t.Error("no rules are not an absent list of rules")
	}
	for _, text := range []string{"", "# only a comment\n", "stores: {}\n", "creation_rules:\n"} {
		if c := parsed(t, text, nil); c.Rules != nil {
			t.Errorf("%q has rules", text)
		}
	}
}

func TestRulesThatSopsRefuses(t *testing.T) {
	k := pool(t, 1)
	for rule, want := range map[string]string{
		"age: K1\n    encrypted_regex: a\n    encrypted_suffix: b": "encrypted_suffix and encrypted_regex exclude each other",
		"age: {a: K1}": "age: expected a text or a list of texts, found a map",
		"age: 5":       "age: expected a text or a list of texts, found a value of the type int",
		"age: [5]":     "age: expected a list of texts, found a value of the type int in it",
		"age: age1xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": "placeholder",
		"age: ['', K1]": "put a real public key here",
	} {
		r, ok, err := parsed(t, "creation_rules:\n  - "+rule+"\n", k).Match("a")
		if !ok || r == nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, not %q", rule, err, want)
		}
	}
	var refused *keys.RecipientError
	if _, _, err := parsed(t, "creation_rules: [{age: age1xxxx}]", nil).Match("a"); !errors.As(err, &refused) || refused.Reason != keys.Placeholder {
		t.Errorf("a placeholder gives %v", err)
	}
}

func TestConfigsThatDoNotParse(t *testing.T) {
	for _, text := range []string{
		"a: [", "text", "[]", "creation_rules: {}", "creation_rules: [text]", "creation_rules: [{path_regex: [a]}]",
		"creation_rules: [{age: a, age: b}]", "stores: {yaml: {indent: x}}", "destination_rules: [{omit_extensions: 5x}]",
		"creation_rules: [{key_groups: {age: [a]}}]", "creation_rules: [{key_groups: [{age: a}]}]", "a: &a [*a]\ncreation_rules: *a",
	} {
		var refused *fleet.SopsConfigError
		if c, err := fleet.ParseSopsConfig([]byte(text)); !errors.As(err, &refused) {
			t.Errorf("%q parses: %+v", text, c)
		}
	}
	_, err := fleet.ParseSopsConfig([]byte("stores: AGE-SECRET-KEY-1ABC"))
	if err == nil || strings.Contains(err.Error(), "1ABC") {
		t.Errorf("a private key is quoted: %v", err)
	}
}

func TestMentions(t *testing.T) {
	c := parsed(t, `
keys:
  - &admin_tim age1tim # Tim's laptop
  # the old server
  - &host_potato age1potato
  - hosts:
      - &mbp age1mbp
  - named: {anna: age1anna}
creation_rules:
  - path_regex: x
    key_groups: [{age: [*admin_tim, *mbp]}]
  - age: >-
      age1a,
      age1b
`, nil)
	var got []string
	for _, m := range c.Mentions {
		got = append(got, fmt.Sprintf("%d %s %s %s %s", m.Line, strings.Join(m.Keys, ","), m.Anchor, m.Field, m.Comment))
	}
	want := []string{
		"3 age1tim admin_tim keys Tim's laptop", "5 age1potato host_potato keys the old server",
		"7 age1mbp mbp hosts ", "8 age1anna  anna ", "10 x  path_regex ", "12 age1a,age1b  age ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

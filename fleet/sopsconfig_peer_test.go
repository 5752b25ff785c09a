package fleet_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyreeve/fleet"
	"keyreeve/sops"
	"keyreeve/test/peers"
)

var foreignPaths = []string{
	"secrets/a.yaml", "secrets/b.json", "secrets/deep/a.yaml", "secrets.yaml", "hosts/potato/secrets.yaml", "hosts/mbp/secrets.yaml",
	"my-secrets/a.yaml", "a.env", "bin", "secrets/a.yaml.bak", "Secrets/A.YAML", "with space/ünï.yaml",
}

var foreignRegexes = []string{
	"", ".*", `x*`, `secrets/[^/]+\.(yaml|json|env|ini)$`, `secrets`, `^secrets/`, `hosts/potato/.*`, `hosts/(potato|mbp)/secrets\.yaml$`,
	`.*\.yaml$`, `^.*/secrets.yaml`, `(?i)secrets/a\.yaml`, `/a.yaml$`, `ü`, `\.(yaml|json)`, `[`, `(?P<x>a`, `a\`, `^$`,
}

// foreignConfig draws a .sops.yaml as people write them, faults included.
func foreignConfig(t *rapid.T, keys []string) string {
	var b strings.Builder
	key := func() string { return rapid.SampledFrom(keys).Draw(t, "key") }
	b.WriteString("keys:\n")
	for i, k := range keys[:2] {
		fmt.Fprintf(&b, "  - &k%d %s\n", i, k)
	}
	b.WriteString("creation_rules:\n")
	for range rapid.IntRange(1, 5).Draw(t, "rules") {
		fmt.Fprintf(&b, "  - path_regex: '%s'\n", rapid.SampledFrom(foreignRegexes).Draw(t, "regex"))
		switch rapid.IntRange(0, 11).Draw(t, "form") {
		case 0:
			fmt.Fprintf(&b, "    age: [%s, *k0, ' %s,%s ']\n", key(), key(), key())
		case 1:
			fmt.Fprintf(&b, "    key_groups:\n      - age: [*k0, %s, *k0]\n", key())
		case 2, 9:
			fmt.Fprintf(&b, "    shamir_threshold: 1\n    key_groups:\n      - age: [%s]\n        merge: [{age: [%s, %s]}]\n", key(), key(), key())
		case 3:
			fmt.Fprintf(&b, "    encrypted_regex: ^a$\n    mac_only_encrypted: true\n    age: >-\n      %s,\n      %s,\n", key(), key())
		case 4:
			fmt.Fprintf(&b, "    encrypted_regex: a\n    unencrypted_suffix: b\n    age: %s\n", key())
		case 5:
			fmt.Fprintf(&b, "    age: %s,age1xxxxxxxxxxxxxxxx\n", key())
		case 6:
			fmt.Fprintf(&b, "    unknown: field\n    unencrypted_suffix: _x\n    age: %s,, %s,\n", key(), key())
		case 7:
			fmt.Fprintf(&b, "    age: {a: %s}\n", key())
		case 8:
			fmt.Fprintf(&b, "    shamir_threshold: 2\n    key_groups: [{age: [%s]}, {age: [*k1, %s]}]\n", key(), key())
		default:
			fmt.Fprintf(&b, "    age: %s\n", key())
		}
	}
	if rapid.IntRange(0, 9).Draw(t, "broken") == 0 {
		b.WriteString(rapid.SampledFrom([]string{"stores: 5\n", "creation_rules: []\n", "stores: {yaml: {indent: a}}\n", "destination_rules: {}\n"}).Draw(t, "with"))
	}
	return b.String()
}

// An outcome is what a reading of a configuration gives for one path.
type outcome struct {
	Unmatched, Refused bool
	Groups             [][]string
	Selection          string // key and value, where it is not the default
	MACOnlyEncrypted   bool
}

// bySops asks real sops for the outcome.
func bySops(t *rapid.T, program, dir, path string) outcome {
	cmd := exec.Command(program, "encrypt", "--filename-override", filepath.Join(dir, path), "--input-type", "yaml", "--output-type", "yaml")
	var stderr strings.Builder
	cmd.Dir, cmd.Stdin, cmd.Stderr = dir, strings.NewReader("a: b\n"), &stderr
	out, err := cmd.Output()
	if err != nil {
		return outcome{Unmatched: strings.Contains(stderr.String(), "no matching creation rules"), Refused: !strings.Contains(stderr.String(), "no matching creation rules")}
	}
	d, err := sops.Parse(out, sops.YAML)
	if err != nil {
		t.Fatal(err)
	}
	o := outcome{MACOnlyEncrypted: d.Metadata.MACOnlyEncrypted}
	if s := d.Metadata.Selection; s.EncryptedRegex != "" {
		o.Selection = "encrypted_regex " + s.EncryptedRegex
	} else if s.UnencryptedSuffix != sops.DefaultUnencryptedSuffix {
		o.Selection = "unencrypted_suffix " + s.UnencryptedSuffix
	}
	for _, g := range d.Metadata.Groups {
		var age []string
		for _, k := range g.Age {
			age = append(age, k.Recipient)
		}
		o.Groups = append(o.Groups, age)
	}
	return o
}

// byUs reads the configuration ourselves.
func byUs(config, path string) outcome {
	c, err := fleet.ParseSopsConfig([]byte(config))
	if err != nil {
		return outcome{Refused: true}
	}
	r, ok, err := c.Match(path)
	if err != nil {
		return outcome{Refused: true}
	}
	if !ok {
		return outcome{Unmatched: true}
	}
	o := outcome{Selection: strings.TrimSpace(r.Selection.Key + " " + r.Selection.Value), MACOnlyEncrypted: r.MACOnlyEncrypted}
	for _, g := range r.Groups {
		o.Groups = append(o.Groups, g.Age)
	}
	return o
}

// TestSopsConfigDifferential asks real sops and us what a configuration says of
// a path: the rule, its keys in order, its selection, or a refusal.
func TestSopsConfigDifferential(t *testing.T) {
	program, keys := peers.Sops(t), pool(t, 4)
	count := 25
	if testing.Short() {
		count = 3
	}
	seen := map[string]int{}
	for seed := range count {
		dir := t.TempDir()
		rapid.Custom(func(r *rapid.T) bool {
			config := foreignConfig(r, keys)
			if err := os.WriteFile(filepath.Join(dir, ".sops.yaml"), []byte(config), 0o600); err != nil {
				r.Fatal(err)
			}
			for _, path := range rapid.SliceOfNDistinct(rapid.SampledFrom(foreignPaths), 6, 6, rapid.ID).Draw(r, "paths") {
				theirs, ours := bySops(r, program, dir, path), byUs(config, path)
				if fmt.Sprint(theirs) != fmt.Sprint(ours) {
					r.Fatalf("%s: sops says %+v, we %+v\n%s", path, theirs, ours, config)
				}
				seen[kindOfOutcome(theirs)]++
			}
			return true
		}).Example(seed)
	}
	if !testing.Short() {
		for _, kind := range []string{"unmatched", "refused", "groups", "selection", "plain"} {
			if seen[kind] == 0 {
				t.Errorf("no outcome of the kind %s was compared: %v", kind, seen)
			}
		}
	}
}

func kindOfOutcome(o outcome) string {
	switch {
	case o.Unmatched:
		return "unmatched"
	case o.Refused:
		return "refused"
	case len(o.Groups) > 1:
		return "groups"
	case o.Selection != "":
		return "selection"
	}
	return "plain"
}

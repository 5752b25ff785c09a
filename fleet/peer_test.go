package fleet_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyreeve/fleet"
	"keyreeve/sops"
	"keyreeve/test/peers"
)

// chosen returns the recipients that sops takes for a new document at path.
func chosen(t *rapid.T, program, dir, path string) ([]string, bool) {
	cmd := exec.Command(program, "encrypt", "--filename-override", filepath.Join(dir, path), "--input-type", "yaml", "--output-type", "yaml")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader("a: b\n")
	out, err := cmd.Output()
	if err != nil {
		if failed, ok := err.(*exec.ExitError); !ok || !strings.Contains(string(failed.Stderr), "no matching creation rules") {
			t.Fatalf("%s: %v", path, err)
		}
		return nil, false
	}
	d, err := sops.Parse(out, sops.YAML)
	if err != nil {
		t.Fatal(err)
	}
	return d.Metadata.Recipients(), true
}

func TestSopsChoosesTheSameRecipients(t *testing.T) {
	program, keys := peers.Sops(t), pool(t, 10)
	count := 8
	if testing.Short() {
		count = 1
	}
	rapid.Check(t, func(r *rapid.T) {
		inv := fleetOf(r, keys)
		config, err := inv.SopsYAML(nil)
		if err != nil {
			r.Fatal(err)
		}
		matches := firstMatch(r, config)
		policy := inv.Policy()
		for _, path := range paths {
			d, covered := policy.For(path)
			got, ok := matches(path)
			if ok != covered || !slices.Equal(got, d.Recipients()) {
				r.Fatalf("%s: .sops.yaml gives %v, policy %v\n%s", path, got, d.Recipients(), config)
			}
		}
	})
	for seed := range count {
		dir := t.TempDir()
		rapid.Custom(func(r *rapid.T) bool {
			inv := fleetOf(r, keys)
			config, err := inv.SopsYAML(nil)
			if err != nil {
				r.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, ".sops.yaml"), config, 0o600); err != nil {
				r.Fatal(err)
			}
			for _, path := range paths {
				d, covered := inv.Policy().For(path)
				got, ok := chosen(r, program, dir, path)
				if ok != covered || !slices.Equal(got, d.Recipients()) {
					r.Fatalf("%s: sops takes %v, policy %v\n%s", path, got, d.Recipients(), config)
				}
			}
			return true
		}).Example(seed)
	}
}

// firstMatch returns the recipients that our own reading of the rules gives.
func firstMatch(t *rapid.T, config []byte) func(path string) ([]string, bool) {
	parsed, err := fleet.ParseSopsConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return func(path string) ([]string, bool) {
		rule, ok, err := parsed.Match(path)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return nil, false
		}
		return rule.Groups[0].Age, true
	}
}

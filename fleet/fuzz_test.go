package fleet_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"keyreeve/fleet"
)

// requireCorpus fails a fuzz target whose kept corpus is gone: without seeds it
// would test nothing and pass.
func requireCorpus(f *testing.F) {
	f.Helper()
	entries, err := os.ReadDir("testdata/fuzz/" + f.Name())
	if err != nil || len(entries) < 5 {
		f.Fatalf("the corpus has %d entries: %v", len(entries), err)
	}
}

const (
	newcomer = "age1mt7xmw93yfaghta52n8ghashnzkx720y7x6qykgqash5shkc5czq9u5hge"
	resident = "age1tqw6fe50ddev9zl087zez6q0hcvf8suxv5ndetn3mm2m4c4xwdrsc4uz06"
)

func usable(t *testing.T, data []byte) (*fleet.Inventory, bool) {
	t.Helper()
	inv, problems := fleet.Parse("keyreeve.yaml", data)
	for _, p := range problems {
		if p.Line < 1 || p.Column < 1 || p.Message == "" || p.Code == "" {
			t.Fatalf("a problem without a place, a code or a message: %+v", p)
		}
		if p.Severity == fleet.Error {
			return nil, false
		}
	}
	return inv, true
}

// grants are all grants of an inventory but the newcomer's.
func grants(inv *fleet.Inventory) []fleet.Grant {
	return slices.DeleteFunc(inv.Policy().Grants(), func(g fleet.Grant) bool { return g.Recipient == newcomer })
}

// An inventory that parses is kept byte for byte, and adding a host changes
// nobody else's grants; removing it again changes none either. What .sops.yaml
// is made from it does not change when it is made again.
func FuzzInventory(f *testing.F) {
	requireCorpus(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		inv, ok := usable(t, data)
		if !ok {
			return
		}
		if !bytes.Equal(inv.Bytes(), data) {
			t.Fatal("the bytes changed")
		}
		before := grants(inv)
		if config, err := inv.SopsYAML(nil); err == nil {
			if again, err := inv.SopsYAML(config); err != nil || !bytes.Equal(again, config) {
				t.Fatalf("made again, .sops.yaml differs: %v\n%s\n%s", err, config, again)
			}
		}
		host := fleet.Principal{Kind: fleet.HostKind, Name: "fuzz-newcomer"}
		if inv.AddHost(fleet.Host{Name: host.Name, Recipients: []fleet.NamedRecipient{{Name: "host", Recipient: newcomer}}}) != nil {
			return
		}
		grown, ok := usable(t, inv.Bytes())
		if !ok || !grown.Has(host) {
			t.Fatalf("with one more host it does not parse:\n%s", inv.Bytes())
		}
		if !slices.Equal(grants(grown), before) {
			t.Fatalf("adding a host changed other grants:\n%s", inv.Bytes())
		}
		if err := grown.Remove(host, "2026-01-01", "fuzz"); err != nil {
			t.Fatal(err)
		}
		shrunk, ok := usable(t, grown.Bytes())
		if !ok || shrunk.Has(host) {
			t.Fatalf("without the host it does not parse:\n%s", grown.Bytes())
		}
		if !slices.Equal(shrunk.Policy().Grants(), before) {
			t.Fatalf("removing a host changed other grants:\n%s", grown.Bytes())
		}
	})
}

// Whatever .sops.yaml holds: it is refused, or its lines stay, the block is added,
// and the result is what is made of itself.
func FuzzSopsYAML(f *testing.F) {
	requireCorpus(f)
	inventory := []byte("version: 1\nusers:\n  tim: {admin: true, recipients: {key: " + resident + "}}\n")
	f.Fuzz(func(t *testing.T, existing []byte) {
		inv, ok := usable(t, inventory)
		if !ok {
			t.Fatal("the inventory does not parse")
		}
		config, err := inv.SopsYAML(existing)
		if err != nil {
			return
		}
		again, err := inv.SopsYAML(config)
		if err != nil || !bytes.Equal(again, config) {
			t.Fatalf("made again, it differs: %v\n%s\n%s", err, config, again)
		}
		if !strings.Contains(string(config), resident) {
			t.Fatalf("the block is missing:\n%s", config)
		}
		if strings.Contains(string(existing), "# keyreeve:") {
			return
		}
		kept := strings.Split(string(config), "\n")
		for line := range strings.SplitSeq(string(existing), "\n") {
			if !slices.Contains(kept, line) && !strings.HasPrefix(line, "creation_rules:") {
				t.Fatalf("the line %q is gone:\n%s", line, config)
			}
		}
	})
}

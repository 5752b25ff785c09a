package fleet_test

import (
	"slices"
	"strings"
	"testing"

	"keyreeve/fleet"
	"keyreeve/keys"
)

func recipient(t *testing.T) string {
	t.Helper()
	id, err := keys.New(false)
	if err != nil {
		t.Fatal(err)
	}
	return id.Recipient()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const commented = `# our fleet
version: 1

users:
  tim:            # the owner
    admin: true
    recipients: {laptop: TIM}

# machines
hosts:
  potato:
    platform: nixos
    recipients:
      host: POTATO   # from the installer

groups:
  servers: {hosts: [potato], users: []}
# the end
`

func TestEditsKeepEverythingElse(t *testing.T) {
	tim, potato, mbp, anna, safe := recipient(t), recipient(t), recipient(t), recipient(t), recipient(t)
	text := strings.NewReplacer("TIM", tim, "POTATO", potato).Replace(commented)
	inv, problems := fleet.Parse("keyreeve.yaml", []byte(text))
	for _, p := range problems {
		if p.Severity == fleet.Error {
			t.Fatal(p)
		}
	}
	must(t, inv.AddHost(fleet.Host{Name: "mbp", Platform: "darwin", Users: []string{"tim"}, Recipients: []fleet.NamedRecipient{{"host", mbp}}}))
	must(t, inv.AddUser(fleet.User{Name: "anna", Recipients: []fleet.NamedRecipient{{"key", anna}}}))
	must(t, inv.AddRecovery("safe", safe))
	must(t, inv.AddMember("servers", fleet.Principal{Kind: fleet.UserKind, Name: "anna"}))
	must(t, inv.AddMember("servers", fleet.Principal{Kind: fleet.HostKind, Name: "mbp"}))
	must(t, inv.SetAdmin("anna", true))
	must(t, inv.AddRecipient(fleet.Principal{Kind: fleet.HostKind, Name: "potato"}, fleet.NamedRecipient{"second", recipient(t)}))
	must(t, inv.AddScope("secrets/ci/**", []fleet.Principal{{Kind: fleet.GroupKind, Name: "servers"}}))
	must(t, inv.Remove(fleet.Principal{Kind: fleet.HostKind, Name: "potato"}, "2026-02-01", "sold"))
	must(t, inv.Rename(fleet.Principal{Kind: fleet.HostKind, Name: "mbp"}, "air"))
	for _, line := range []string{"# our fleet", "  tim:            # the owner", "# machines", "# the end", "laptop: " + tim} {
		if !strings.Contains(string(inv.Bytes()), line) {
			t.Errorf("lost %q", line)
		}
	}
	if hosts := inv.Hosts(); len(hosts) != 1 || hosts[0].Name != "air" || hosts[0].Recipients[0].Recipient != mbp {
		t.Errorf("hosts: %v", hosts)
	}
	if g := inv.Groups()[0]; !slices.Equal(g.Hosts, []string{"air"}) || !slices.Equal(g.Users, []string{"anna"}) {
		t.Errorf("group: %v", g)
	}
	if u := inv.Users()[1]; u.Name != "anna" || !u.Admin {
		t.Errorf("user: %v", u)
	}
	if retired := inv.Retired(); len(retired) != 2 || retired[0].Recipient != potato || retired[0].Reason != "sold" {
		t.Errorf("retired: %v", retired)
	}
	config, err := inv.SopsYAML(nil)
	must(t, err)
	again, err := inv.SopsYAML(config)
	must(t, err)
	if string(again) != string(config) {
		t.Errorf("not stable:\n%s", again)
	}
}

package fleet_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"keyreeve/fleet"
)

// pool is made once; making keys is slow.
func pool(t *testing.T, n int) []string {
	var all []string
	for range n {
		all = append(all, recipient(t))
	}
	return all
}

var paths = []string{
	"secrets/common/a.yaml", "secrets/common/deep/er/b.json", "secrets/h0/a.yaml", "secrets/h1/x/y.env", "secrets/h.2/a.yaml",
	"secrets/groups/g0/a.yaml", "secrets/groups/g1/deep/a.yaml", "secrets/groups/none/a.yaml", "secrets/groups/a.yaml",
	"secrets/users/u0/a.yaml", "secrets/users/u1/a.yaml", "secrets/users/none/a.yaml", "secrets/users/a.yaml",
	"secrets/ci/a.yaml", "secrets/ci/deploy/a.yaml", "secrets/ci/deploy/b.yaml", "secrets/a.yaml", "secrets/hX2/a.yaml", "other/a.yaml", "secretsX/common/a.yaml",
}

// fleetOf draws an inventory of the standard layout.
func fleetOf(t *rapid.T, keys []string) *fleet.Inventory {
	next := 0
	key := func(name string) []fleet.NamedRecipient {
		next++
		return []fleet.NamedRecipient{{Name: name, Recipient: keys[next-1]}}
	}
	inv := fleet.New()
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		check(inv.AddUser(fleet.User{Name: fmt.Sprintf("u%d", i), Admin: i == 0 || rapid.Bool().Draw(t, "admin"), Recipients: key("k")}))
	}
	for _, name := range []string{"h0", "h1", "h.2"} {
		h := fleet.Host{Name: name, Recipients: key("host")}
		if rapid.Bool().Draw(t, "reads u1") {
			h.Users = []string{"u1"}
		}
		check(inv.AddHost(h))
	}
	check(inv.AddGroup(fleet.Group{Name: "g0", Hosts: []string{"h0"}, Users: []string{"u2"}}))
	check(inv.AddGroup(fleet.Group{Name: "g1", Hosts: []string{"h1", "h.2"}}))
	if rapid.Bool().Draw(t, "recovery") {
		check(inv.AddRecovery("safe", key("")[0].Recipient))
	}
	for _, path := range scopes(t) {
		check(inv.AddScope(path, []fleet.Principal{reader(t)}))
	}
	return inv
}

func reader(t *rapid.T) fleet.Principal {
	p, _ := fleet.ParsePrincipal(rapid.SampledFrom([]string{"user/u2", "host/h0", "group/g1", "user/u1"}).Draw(t, "reader"))
	return p
}

func scopes(t *rapid.T) []string {
	all := []string{"secrets/ci/**", "secrets/ci/deploy/**", "secrets/ci/deploy/a.yaml", "secrets/common/deep/**", "secrets/common/a.yaml", "secrets/users/u0/a.yaml", "secrets/**"}
	return slices.DeleteFunc(all, func(string) bool { return rapid.Bool().Draw(t, "without") })
}

func TestPolicyIsMonotoneAndReasoned(t *testing.T) {
	keys := pool(t, 10)
	rapid.Check(t, func(t *rapid.T) {
		inv := fleetOf(t, keys)
		wider := inv.Clone()
		if err := wider.AddScope("secrets/h0/a.yaml", []fleet.Principal{reader(t)}); err != nil {
			t.Fatal(err)
		}
		before, after := inv.Policy(), wider.Policy()
		for _, path := range paths {
			d, covered := before.For(path)
			w, _ := after.For(path)
			for _, r := range d.Readers {
				if len(r.Reasons) == 0 {
					t.Fatalf("%s reads %s without a reason", r.Principal, path)
				}
				if _, ok := w.Reader(r.Principal); !ok {
					t.Fatalf("a scope took %s from %s", path, r.Principal)
				}
			}
			if !covered && len(d.Readers) > 0 {
				t.Fatalf("%s is not covered and has readers", path)
			}
			for _, u := range inv.Users() {
				p := fleet.Principal{Kind: fleet.UserKind, Name: u.Name}
				if _, reads := d.Reader(p); covered && u.Admin && !reads && path[:14] != "secrets/users/" {
					t.Fatalf("the admin %s does not read %s", p, path)
				}
			}
		}
	})
}

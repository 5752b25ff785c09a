package adopt

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"keyreeve/fleet"
)

// standard tries the rules as the standard layout: scopes for what it does not
// say itself, and by host the users whose own documents it reads. It sets the
// groups. Whether that is equivalent is for compare to find.
func (a *adoption) standard() (scopes []line, users map[string][]string, err error) {
	a.groups = nil
	lines, err := a.scopes()
	if err != nil {
		return nil, nil, err
	}
	a.markAdmins(lines)
	users = map[string][]string{}
	folders := 0
	for _, l := range lines {
		rest, ok := strings.CutPrefix(l.at, "secrets/")
		if !ok {
			return nil, nil, fmt.Errorf("%s is outside secrets/", l.at)
		}
		parts := strings.Split(rest, "/")
		own := l.readers
		switch {
		case len(parts) == 3 && parts[0] == "groups" && parts[2] == "**":
			g := fleet.Group{Name: parts[1]}
			for _, p := range a.besides(own) {
				switch p.Kind {
				case fleet.HostKind:
					g.Hosts = append(g.Hosts, p.Name)
				case fleet.UserKind:
					g.Users = append(g.Users, p.Name)
				}
			}
			a.groups = append(a.groups, g)
		case len(parts) == 3 && parts[0] == "users" && parts[2] == "**":
			for _, p := range own {
				if p.Kind == fleet.HostKind {
					users[p.Name] = append(users[p.Name], parts[1])
				}
			}
		case len(parts) == 2 && parts[1] == "**" && (parts[0] == "common" || a.named(fleet.HostKind, parts[0])):
		default:
			l.readers = a.besides(own)
			scopes = append(scopes, l)
			continue
		}
		folders++
		if len(settings(l).Content) > 0 {
			l.readers = nil
			scopes = append(scopes, l)
		}
	}
	if folders == 0 {
		return nil, nil, errors.New("no rule is for a folder of its")
	}
	return scopes, users, nil
}

// markAdmins finds the users that read everything but other users' documents.
func (a *adoption) markAdmins(lines []line) {
	for _, k := range a.keys {
		k.admin = k.principal.Kind == fleet.UserKind && !slices.ContainsFunc(lines, func(l line) bool {
			return !strings.HasPrefix(l.at, "secrets/users/") && !slices.Contains(l.readers, k.principal)
		})
	}
}

// besides returns the readers but for admins and recovery recipients.
func (a *adoption) besides(readers []fleet.Principal) []fleet.Principal {
	return slices.DeleteFunc(slices.Clone(readers), func(p fleet.Principal) bool {
		return p.Kind == fleet.RecoveryKind || slices.ContainsFunc(a.keys, func(k *key) bool { return k.admin && k.principal == p })
	})
}

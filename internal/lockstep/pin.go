package lockstep

import (
	"slices"

	"keyreeve/fleet"
	"keyreeve/internal/repo"
)

// Unaccepted returns the grants of the inventory as it lies in the repository
// that this machine has not accepted; dir holds the pins. first reports that
// nothing was ever accepted here: then all grants are taken as they are.
func (s *Session) Unaccepted(dir string) (fresh []fleet.Grant, first bool, err error) {
	pinned, known, err := s.Repo.LoadPins(dir)
	if err != nil || !known {
		return nil, !known, err
	}
	accepted := map[repo.Grant]bool{}
	for _, g := range pinned {
		accepted[g] = true
	}
	for _, g := range s.Policy.Grants() {
		if !accepted[repo.Grant{Recipient: g.Recipient, Rule: g.Rule}] {
			fresh = append(fresh, g)
		}
	}
	return fresh, false, nil
}

// Accept pins the grants of the inventory, or of next where it is not nil.
func (s *Session) Accept(dir string, next *fleet.Inventory) error {
	policy := s.Policy
	if next != nil {
		policy = next.Policy()
	}
	var grants []repo.Grant
	for _, g := range policy.Grants() {
		grants = append(grants, repo.Grant{Recipient: g.Recipient, Rule: g.Rule})
	}
	return s.Repo.SavePins(dir, grants)
}

// Forget unpins what the inventory no longer grants, and accepts nothing new.
func (s *Session) Forget(dir string) error {
	pinned, known, err := s.Repo.LoadPins(dir)
	if err != nil || !known {
		return err
	}
	granted := map[repo.Grant]bool{}
	for _, g := range s.Policy.Grants() {
		granted[repo.Grant{Recipient: g.Recipient, Rule: g.Rule}] = true
	}
	return s.Repo.SavePins(dir, slices.DeleteFunc(pinned, func(g repo.Grant) bool { return !granted[g] }))
}

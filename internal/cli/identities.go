package cli

import (
	"errors"
	"slices"

	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
)

// identities is what this user has at hand, and what that is good for here.
type identities struct {
	Identities []identity
	Locked     []lockedSource
	Problems   []problem
	Missing    []string
	documents  int
	outside    bool // there is no repository here
}

type identity struct {
	Recipient string   `json:"recipient"`
	Source    string   `json:"source"`
	Principal string   `json:"principal"` // "" where the inventory does not know it
	Name      string   `json:"name"`      // of the recipient
	Retired   bool     `json:"retired"`
	Documents []string `json:"documents"` // that list the recipient
}

type lockedSource struct {
	Source     string   `json:"source"`
	Needs      string   `json:"needs"`
	Recipients []string `json:"recipients"`
}

type problem struct {
	Source string `json:"source"`
	Error  string `json:"error"`
}

func (f *identities) json() map[string]any {
	return map[string]any{"identities": f.Identities, "locked": f.Locked, "problems": f.Problems, "missing": list(f.Missing), "documents": f.documents}
}

// identities finds the user's identities. The session is nil where there is no
// repository.
func (a *app) identities() (*identities, *lockstep.Session, error) {
	ring := a.ring()
	f := &identities{Identities: []identity{}, Locked: []lockedSource{}, Problems: []problem{}, Missing: ring.Missing()}
	s, err := a.session()
	if errors.Is(err, repo.ErrNoInventory) {
		f.outside, err = true, nil
	}
	if err != nil {
		return nil, nil, err
	}
	for _, id := range ring.Identities() {
		one := identity{Recipient: id.Recipient(), Source: id.Source().String(), Documents: []string{}}
		if s != nil {
			if owner, name, retired, known := s.Inventory.Owner(one.Recipient); known {
				one.Principal, one.Name, one.Retired = owner.String(), name, retired
			}
		}
		f.Identities = append(f.Identities, one)
	}
	for _, l := range ring.Locked() {
		f.Locked = append(f.Locked, lockedSource{l.Source.String(), l.Needs, list(l.Recipients)})
	}
	for _, p := range ring.Problems() {
		f.Problems = append(f.Problems, problem{p.Source.String(), p.Err.Error()})
	}
	if s == nil {
		return f, nil, nil
	}
	return f, s, f.open(s)
}

// open notes which documents list which identity.
func (f *identities) open(s *lockstep.Session) error {
	paths, err := s.Repo.Documents()
	if err != nil {
		return err
	}
	f.documents = len(paths)
	for _, path := range paths {
		d, _, err := s.Read(path)
		if err != nil || d == nil {
			continue
		}
		listed := d.Metadata.Recipients()
		for i := range f.Identities {
			if slices.Contains(listed, f.Identities[i].Recipient) {
				f.Identities[i].Documents = append(f.Identities[i].Documents, path)
			}
		}
	}
	return nil
}

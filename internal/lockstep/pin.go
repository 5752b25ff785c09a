package lockstep

import (
	"bytes"
	"errors"
	"slices"

	"keyreeve/fleet"
	"keyreeve/internal/repo"
	"keyreeve/sops"
)

// An Acceptance is what this machine has accepted of a repository's grants, and
// what a change would add to that.
type Acceptance struct {
	First bool          // nothing was ever accepted here: all grants are taken as they are
	Fresh []fleet.Grant // what the change would encrypt to, and nobody accepted

	accepted map[repo.Grant]bool
	target   []fleet.Grant
}

// pinned is how a grant is recorded. The kind of its rule belongs to it: a scope
// may be written like a folder of the layout and cover more.
func pinned(g fleet.Grant) repo.Grant {
	return repo.Grant{Recipient: g.Recipient, Rule: g.Kind + " " + g.Rule}
}

// Acceptance compares the grants that a change of files makes use of with those
// pinned in dir. Grants that only the change itself makes, which turns the
// inventory into next where that is not nil, are the caller's own. A grant that
// the change encrypts nothing to is no matter.
func (s *Session) Acceptance(dir string, next *fleet.Inventory, changes []repo.Change) (*Acceptance, error) {
	pins, known, err := s.Repo.LoadPins(dir)
	if err != nil {
		return nil, err
	}
	policy := s.Policy
	if next != nil {
		policy = next.Policy()
	}
	a := &Acceptance{First: !known, accepted: map[repo.Grant]bool{}, target: policy.Grants()}
	for _, g := range pins {
		a.accepted[g] = true
	}
	for _, g := range a.target {
		if a.First || next != nil {
			a.accepted[pinned(g)] = true
		}
	}
	if next != nil && !a.First {
		for _, g := range s.Policy.Grants() {
			if !slices.Contains(pins, pinned(g)) {
				delete(a.accepted, pinned(g))
			}
		}
	}
	if !a.First {
		a.Fresh = a.encryptedTo(policy, changes)
	}
	return a, nil
}

// Unaccepted counts the grants of the inventory that nobody accepted here,
// whether or not the change makes use of them.
func (a *Acceptance) Unaccepted() int {
	n := 0
	for _, g := range a.target {
		if !a.accepted[pinned(g)] {
			n++
		}
	}
	return n
}

// encryptedTo returns the grants that nobody accepted and that the changes
// encrypt to: in documents, and in .sops.yaml for plain sops.
func (a *Acceptance) encryptedTo(policy *fleet.Policy, changes []repo.Change) []fleet.Grant {
	used := map[fleet.Grant]bool{}
	for _, c := range changes {
		if c.New == nil || c.Path == repo.InventoryName {
			continue
		}
		if c.Path == SopsConfig {
			for _, g := range a.target {
				if key := []byte(g.Recipient); bytes.Contains(c.New, key) && !bytes.Contains(c.Old, key) {
					used[g] = true
				}
			}
			continue
		}
		decision, _ := policy.For(c.Path)
		for _, reader := range decision.Readers {
			for _, named := range reader.Recipients {
				grants := grantsOf(reader, named.Recipient)
				if slices.ContainsFunc(grants, func(g fleet.Grant) bool { return a.accepted[pinned(g)] }) {
					continue
				}
				for _, g := range grants {
					used[g] = true
				}
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(a.target), func(g fleet.Grant) bool { return !used[g] || a.accepted[pinned(g)] })
}

// grantsOf returns the grants by which a reader's recipient reads a document.
func grantsOf(r fleet.Reader, recipient string) []fleet.Grant {
	var grants []fleet.Grant
	for _, reason := range r.Reasons {
		g := fleet.Grant{Principal: r.Principal, Recipient: recipient, Rule: reason.Rule, Kind: reason.Kind}
		if !slices.Contains(grants, g) {
			grants = append(grants, g)
		}
	}
	return grants
}

// Accept pins what was accepted before, what the change granted itself, and the
// fresh grants that it encrypted to. What the inventory no longer grants is
// unpinned.
func (s *Session) Accept(dir string, a *Acceptance) error {
	var grants []repo.Grant
	for _, g := range a.target {
		if a.accepted[pinned(g)] || slices.Contains(a.Fresh, g) {
			grants = append(grants, pinned(g))
		}
	}
	return s.Repo.SavePins(dir, grants)
}

// Forget unpins what the inventory no longer grants, and accepts nothing new.
func (s *Session) Forget(dir string) error {
	pins, known, err := s.Repo.LoadPins(dir)
	if err != nil || !known {
		return err
	}
	granted := map[repo.Grant]bool{}
	for _, g := range s.Policy.Grants() {
		granted[pinned(g)] = true
	}
	return s.Repo.SavePins(dir, slices.DeleteFunc(pins, func(g repo.Grant) bool { return !granted[g] }))
}

// Readers returns how changes of existing documents alter who is listed in
// them: the part of a write that has nothing to do with values.
func (s *Session) Readers(changes []repo.Change) []Drift {
	var all []Drift
	for _, c := range changes {
		if c.Old == nil || c.New == nil || c.Path == repo.InventoryName || c.Path == SopsConfig {
			continue
		}
		before, err := sops.Parse(c.Old, sops.FormatOf(c.Path))
		after, err2 := sops.Parse(c.New, sops.FormatOf(c.Path))
		if errors.Join(err, err2) != nil {
			continue
		}
		was, is := before.Metadata.Recipients(), after.Metadata.Recipients()
		d := Drift{Document: c.Path, Recipients: is, Added: without(is, was), Removed: without(was, is)}
		d.Add, d.Remove = s.names(d.Added), s.names(d.Removed)
		if d.NewDataKey = len(d.Remove) > 0; d.NewDataKey {
			d.Entries = refs(s.Repo.Name(c.Path), before)
		}
		if len(d.Add)+len(d.Remove) > 0 {
			all = append(all, d)
		}
	}
	return all
}

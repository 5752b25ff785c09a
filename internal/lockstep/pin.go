package lockstep

import (
	"bytes"
	"context"
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
	Fresh []fleet.Grant // what the change would rest on, and nobody accepted
	Moved []Drift       // documents new at their path that the change would give readers

	pins     repo.Pins
	accepted map[repo.Grant]bool
	target   []fleet.Grant
	settled  []string // documents that are in step after the change
	head     string   // the commit that the change is made at
}

// pinned is how a grant is recorded.
func pinned(g fleet.Grant) repo.Grant {
	return repo.Grant{Recipient: g.Recipient, Settings: g.Settings, Rule: g.Key()}
}

// Acceptance compares the grants that a change of files makes use of with those
// pinned in dir. Grants that only the change itself makes, which turns the
// inventory into next where that is not nil, are the caller's own. A grant that
// the change encrypts nothing to is no matter. plan is nil for a change that is
// not about readers.
func (s *Session) Acceptance(ctx context.Context, dir string, next *fleet.Inventory, changes []repo.Change, plan *Plan) (*Acceptance, error) {
	pins, err := s.Repo.LoadPins(dir)
	if err != nil {
		return nil, err
	}
	head, err := s.head(ctx)
	if err != nil {
		return nil, err
	}
	if pins != nil {
		if err := s.unpinWithdrawn(ctx, pins, head); err != nil {
			return nil, err
		}
	}
	policy := s.Policy
	if next != nil {
		policy = next.Policy()
	}
	a := &Acceptance{First: pins == nil, head: head, accepted: map[repo.Grant]bool{}, target: policy.Grants()}
	if pins != nil {
		a.pins = *pins
	}
	for _, g := range a.pins.Grants {
		a.accepted[g] = true
	}
	for _, g := range a.target {
		if a.First || next != nil {
			a.accepted[pinned(g)] = true
		}
	}
	if next != nil && !a.First {
		for _, g := range s.Policy.Grants() {
			if !slices.Contains(a.pins.Grants, pinned(g)) {
				delete(a.accepted, pinned(g))
			}
		}
	}
	if err := a.settle(s, changes, plan); err != nil || a.First {
		return a, err
	}
	a.Fresh = a.restingOn(policy, changes)
	for _, g := range a.kept(s, policy, plan) {
		if !slices.Contains(a.Fresh, g) {
			a.Fresh = append(a.Fresh, g)
		}
	}
	a.Moved = a.moved(s, next, changes)
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

// settle notes which documents will be in step with policy.
func (a *Acceptance) settle(s *Session, changes []repo.Change, plan *Plan) (err error) {
	if a.First {
		if a.settled, err = s.Repo.Documents(); err != nil {
			return err
		}
	}
	if plan != nil {
		a.settled = append(a.settled, plan.Settled...)
	}
	for _, c := range changes {
		if c.New != nil && c.Path != repo.InventoryName && c.Path != SopsConfig {
			a.settled = append(a.settled, c.Path)
		}
	}
	return nil
}

// restingOn returns the grants that nobody accepted and that the changes rest on:
// in documents, and in .sops.yaml for plain sops.
func (a *Acceptance) restingOn(policy *fleet.Policy, changes []repo.Change) []fleet.Grant {
	used := map[fleet.Grant]bool{}
	for _, c := range changes {
		if c.New == nil || c.Path == repo.InventoryName {
			continue
		}
		if c.Path == SopsConfig {
			for _, g := range a.target {
				key := []byte(g.Recipient)
				used[g] = used[g] || g.Settings != "" || bytes.Contains(c.New, key) && !bytes.Contains(c.Old, key)
			}
			continue
		}
		decision, _ := policy.For(c.Path)
		grants := decision.Grants()
		accepted := map[string]bool{}
		for _, g := range grants {
			accepted[g.Recipient] = accepted[g.Recipient] || a.accepted[pinned(g)]
		}
		for _, g := range grants {
			used[g] = used[g] || !accepted[g.Recipient]
		}
	}
	return slices.DeleteFunc(slices.Clone(a.target), func(g fleet.Grant) bool { return !used[g] || a.accepted[pinned(g)] })
}

// kept returns the grants that nobody accepted of those who stay readers of a
// document that the plan leaves without cover: nothing but their being listed, and
// a policy that anybody may have committed, made them readers.
func (a *Acceptance) kept(s *Session, policy *fleet.Policy, plan *Plan) []fleet.Grant {
	if plan == nil {
		return nil
	}
	var fresh []fleet.Grant
	for _, c := range plan.Changes {
		_, covered := policy.For(c.Path)
		if covered || c.New == nil || c.Path == repo.InventoryName || c.Path == SopsConfig {
			continue
		}
		d, err := sops.Parse(c.New, sops.FormatOf(c.Path))
		if err != nil {
			continue
		}
		grants := slices.DeleteFunc(slices.Clone(a.target), func(g fleet.Grant) bool { return !g.Everywhere() })
		if plan.before != nil {
			was, _ := plan.before.For(c.Path)
			grants = append(grants, was.Grants()...)
		}
		for _, recipient := range d.Metadata.Recipients() {
			fresh = append(fresh, a.unaccepted(s, c.Path, recipient, grants)...)
		}
	}
	return fresh
}

// unaccepted returns the grants of a recipient if none of them was accepted, and
// one for the document alone where it has none.
func (a *Acceptance) unaccepted(s *Session, path, recipient string, grants []fleet.Grant) []fleet.Grant {
	own := slices.DeleteFunc(slices.Clone(grants), func(g fleet.Grant) bool { return g.Recipient != recipient })
	if slices.ContainsFunc(own, func(g fleet.Grant) bool { return a.accepted[pinned(g)] }) {
		return nil
	}
	if len(own) == 0 {
		owner, _, _, _ := s.Inventory.Owner(recipient)
		own = []fleet.Grant{{Principal: owner, Recipient: recipient, Rule: path, Kind: "document"}}
	}
	return own
}

// moved returns the documents that this machine did not know at their path, and
// that the change gives readers whom the caller's own edit does not explain: a
// document that somebody moved below a rule with more readers comes out here.
func (a *Acceptance) moved(s *Session, next *fleet.Inventory, changes []repo.Change) []Drift {
	known := map[string]bool{}
	for _, path := range a.pins.Documents {
		known[path] = true
	}
	var all []Drift
	for _, d := range s.Readers(changes) {
		if known[d.Document] {
			continue
		}
		if next != nil {
			before, _ := s.Policy.For(d.Document)
			d.Added = slices.DeleteFunc(d.Added, func(r string) bool { return !slices.Contains(before.Recipients(), r) })
			d.Add = s.names(d.Added)
		}
		if len(d.Added) > 0 {
			all = append(all, d)
		}
	}
	return all
}

// TakeAll makes all grants of the inventory that nobody accepted fresh ones, also
// those that the change does not rest on.
func (a *Acceptance) TakeAll() {
	a.Fresh = slices.DeleteFunc(slices.Clone(a.target), func(g fleet.Grant) bool { return a.accepted[pinned(g)] })
}

// Accept pins what was accepted before, what the change granted itself, and the
// fresh grants that it rested on. What the inventory no longer grants is unpinned,
// and what is no document any more forgotten.
func (s *Session) Accept(dir string, a *Acceptance) error {
	next := repo.Pins{Head: a.head}
	for _, g := range a.target {
		if a.accepted[pinned(g)] || slices.Contains(a.Fresh, g) {
			next.Grants = append(next.Grants, pinned(g))
		}
	}
	documents, err := s.Repo.Documents()
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, path := range append(a.settled, a.pins.Documents...) {
		known[path] = true
	}
	for _, path := range documents {
		if known[path] {
			next.Documents = append(next.Documents, path)
		}
	}
	return s.Repo.SavePins(dir, next)
}

// AcceptAll pins the inventory and the documents as they are: of a fleet that has
// just been begun.
func (s *Session) AcceptAll(dir string) error {
	documents, err := s.Repo.Documents()
	if err != nil {
		return err
	}
	pins := repo.Pins{Documents: documents}
	for _, g := range s.Policy.Grants() {
		pins.Grants = append(pins.Grants, pinned(g))
	}
	return s.Repo.SavePins(dir, pins)
}

// Forget unpins what the inventory no longer grants, and accepts nothing new.
func (s *Session) Forget(dir string) error {
	pins, err := s.Repo.LoadPins(dir)
	if err != nil || pins == nil {
		return err
	}
	granted := map[repo.Grant]bool{}
	for _, g := range s.Policy.Grants() {
		granted[pinned(g)] = true
	}
	pins.Grants = slices.DeleteFunc(pins.Grants, func(g repo.Grant) bool { return !granted[g] })
	return s.Repo.SavePins(dir, *pins)
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

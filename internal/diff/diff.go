// Package diff says how documents, entries or revisions differ, after opening
// and verifying both sides.
package diff

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/sops"
)

// A Document is what differs between two states of a document.
type Document struct {
	Name           string // as refs write it; of two documents "a -> b"
	Change         string // Added, Removed or Changed
	ReadersAdded   []string
	ReadersRemoved []string
	Entries        []Entry
	Rearranged     bool // nothing but comments or the order of keys
	Locked         bool // none of your keys opens both sides: entries are unknown
}

func (d Document) same() bool {
	return d.Change == Changed && len(d.ReadersAdded)+len(d.ReadersRemoved)+len(d.Entries) == 0 && !d.Rearranged && !d.Locked
}

// Revisions compares the documents of two revisions; an empty to is the working
// tree, and an empty only stands for all documents.
func Revisions(ctx context.Context, s *lockstep.Session, from, to, only string) ([]Document, error) {
	paths, err := s.Repo.ChangedDocuments(ctx, from, to)
	if err != nil {
		return nil, err
	}
	var all []Document
	for _, path := range paths {
		if only != "" && path != only {
			continue
		}
		old, err := at(ctx, s, path, from)
		if err != nil {
			return nil, err
		}
		next, err := at(ctx, s, path, to)
		if err != nil {
			return nil, err
		}
		d, err := compare(s, s.Repo.Name(path), path, old, next)
		if err != nil {
			return nil, err
		}
		if !d.same() {
			all = append(all, d)
		}
	}
	return all, nil
}

// at reads a document at a revision, or in the working tree; nil where there is
// none.
func at(ctx context.Context, s *lockstep.Session, path, revision string) (*sops.Document, error) {
	if revision == "" {
		d, _, err := s.Read(path)
		return d, err
	}
	data, err := s.Repo.ReadAt(ctx, revision, path)
	var missing *repo.NotFoundError
	if errors.As(err, &missing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d, err := sops.Parse(data, sops.FormatOf(path))
	if err != nil {
		return nil, fmt.Errorf("%s at %s: %w", path, revision, err)
	}
	return d, nil
}

// compare opens what it was given, of which at most one is nil.
func compare(s *lockstep.Session, name, path string, old, next *sops.Document) (Document, error) {
	d := Document{Name: name, Change: Changed}
	switch {
	case old == nil:
		d.Change = Added
	case next == nil:
		d.Change = Removed
	}
	d.readers(s, old, next)
	for _, side := range []*sops.Document{old, next} {
		if side == nil {
			continue
		}
		err := s.Decrypt(path, side)
		var locked *lockstep.LockedError
		if errors.As(err, &locked) {
			d.Locked = true
			return d, nil
		}
		if err != nil {
			return d, err
		}
	}
	before, after := roots(old), roots(next)
	d.Entries = trees(before, after)
	d.Rearranged = d.Change == Changed && len(d.Entries) == 0 && rearranged(before, after)
	return d, nil
}

func roots(d *sops.Document) []*sops.Node {
	if d == nil {
		return nil
	}
	return d.Trees
}

// readers compares who is listed.
func (d *Document) readers(s *lockstep.Session, old, next *sops.Document) {
	before, after := listed(s, old), listed(s, next)
	for _, who := range after {
		if !slices.Contains(before, who) {
			d.ReadersAdded = append(d.ReadersAdded, who)
		}
	}
	for _, who := range before {
		if !slices.Contains(after, who) {
			d.ReadersRemoved = append(d.ReadersRemoved, who)
		}
	}
}

func listed(s *lockstep.Session, d *sops.Document) []string {
	if d == nil {
		return nil
	}
	var names []string
	for _, recipient := range d.Metadata.Recipients() {
		names = append(names, s.Name(recipient))
	}
	return names
}

// Refs compares two documents, or what lies at two key paths. Readers are
// compared where the documents differ.
func Refs(s *lockstep.Session, a, b repo.Ref) ([]Document, error) {
	d := Document{Name: a.String() + " -> " + b.String(), Change: Changed}
	var sides [2]*sops.Document
	var values [2][]*sops.Node
	for i, ref := range []repo.Ref{a, b} {
		path, err := s.Repo.Resolve(ref.Doc)
		if err != nil {
			return nil, err
		}
		if sides[i], _, err = s.Read(path); err != nil {
			return nil, err
		}
		if err := s.Decrypt(path, sides[i]); err != nil {
			return nil, err
		}
		values[i] = sides[i].Trees
		if len(ref.Path) > 0 || ref.Tree > 0 {
			n, err := sides[i].Lookup(ref.Tree, ref.Path)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.Repo.Name(path), err)
			}
			values[i] = []*sops.Node{n}
		}
	}
	d.readers(s, sides[0], sides[1])
	d.Entries = trees(values[0], values[1])
	if len(a.Path) == 0 && len(b.Path) == 0 {
		d.Rearranged = len(d.Entries) == 0 && rearranged(values[0], values[1])
	}
	if d.same() {
		return nil, nil
	}
	return []Document{d}, nil
}

// Package edit reads and changes single entries of documents.
package edit

import (
	"fmt"

	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/sops"
)

// Set returns the change that puts value at ref. A document that does not exist
// is made; every write brings the document to policy. The change is nil if
// nothing would change.
func Set(s *lockstep.Session, ref repo.Ref, value *sops.Node, opts sops.SetOptions) ([]repo.Change, error) {
	path, exists, err := s.Repo.Target(ref)
	if err != nil {
		return nil, err
	}
	d, old, err := openOrNew(s, path, exists)
	if err != nil {
		return nil, err
	}
	keyPath := ref.Path
	if d.Format == sops.Binary {
		keyPath = []string{"data"}
	}
	if err := d.Format.Fits(keyPath, value); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Repo.Name(path), err)
	}
	changed, err := d.Set(ref.Tree, keyPath, value, opts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Repo.Name(path), err)
	}
	if !changed {
		return nil, nil
	}
	c, err := sealed(s, path, d, old, lockstep.KeepDataKey)
	if err != nil {
		return nil, err
	}
	return []repo.Change{c}, nil
}

// An Entry is one value of a document, without the value.
type Entry struct {
	Ref  string `json:"ref"`
	Type string `json:"type"` // str int float bool time null map list binary
}

// List returns the entries of the document at path in document order. It needs
// no key.
func List(s *lockstep.Session, path string) ([]Entry, error) {
	d, _, err := s.Read(path)
	if err != nil {
		return nil, err
	}
	name := s.Repo.Name(path)
	if d.Format == sops.Binary {
		return []Entry{{Ref: name, Type: "binary"}}, nil
	}
	var entries []Entry
	d.Entries(func(tree int, keyPath []string, n *sops.Node) {
		ref := repo.Ref{Doc: name, Tree: tree, Path: keyPath}
		entries = append(entries, Entry{Ref: ref.String(), Type: n.KindOf().String()})
	})
	return entries, nil
}

// Package edit reads and changes single entries of documents.
package edit

import (
	"fmt"

	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/sops"
)

// Get returns the bytes of what ref names: a single value as sops prints it for
// --extract, a map or list in the document's format, a whole document.
func Get(s *lockstep.Session, ref repo.Ref) ([]byte, error) {
	path, d, _, err := open(s, ref.Doc)
	if err != nil {
		return nil, err
	}
	if len(ref.Path) == 0 && ref.Tree == 0 {
		return d.Plain(d.Format)
	}
	n, err := d.Lookup(ref.Tree, ref.Path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Repo.Name(path), err)
	}
	return d.ValueBytes(n)
}

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

// Environment returns the values of a flat document by name, for a child
// process.
func Environment(s *lockstep.Session, doc string) (map[string]string, error) {
	path, d, _, err := open(s, doc)
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, n := range d.Trees[0].Children {
		if n.Kind == sops.Comment {
			continue
		}
		data, err := d.ScalarBytes(n)
		if err != nil {
			return nil, fmt.Errorf("%s: %s is no single value: name it with --map", path, n.Key)
		}
		values[n.Key] = string(data)
	}
	return values, nil
}

package edit

import (
	"fmt"
	"path/filepath"

	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/sops"
)

// open reads and verifies a document that must exist.
func open(s *lockstep.Session, doc string) (path string, d *sops.Document, old []byte, err error) {
	if path, err = s.Repo.Resolve(doc); err != nil {
		return "", nil, nil, err
	}
	if d, old, err = s.Read(path); err != nil {
		return "", nil, nil, err
	}
	return path, d, old, s.Decrypt(path, d)
}

// sealed brings a changed document to policy and returns its change.
func sealed(s *lockstep.Session, path string, d *sops.Document, old []byte, key lockstep.DataKey) (repo.Change, error) {
	if err := s.ToPolicy(path, d, key); err != nil {
		return repo.Change{}, err
	}
	if err := checkReadable(s, path, d, old); err != nil {
		return repo.Change{}, err
	}
	data, err := d.Seal(s.Now())
	if err != nil {
		return repo.Change{}, fmt.Errorf("%s: %w", path, err)
	}
	return repo.Change{Path: path, Old: old, New: data}, nil
}

// Remove returns the change that removes an entry, or a whole document.
func Remove(s *lockstep.Session, ref repo.Ref) ([]repo.Change, error) {
	if len(ref.Path) == 0 {
		path, err := s.Repo.Resolve(ref.Doc)
		if err != nil {
			return nil, err
		}
		old, err := s.Repo.Read(path)
		return []repo.Change{{Path: path, Old: old}}, err
	}
	path, d, old, err := open(s, ref.Doc)
	if err != nil {
		return nil, err
	}
	if err := d.Unset(ref.Tree, ref.Path); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Repo.Name(path), err)
	}
	c, err := sealed(s, path, d, old, lockstep.KeepDataKey)
	return []repo.Change{c}, err
}

// An OccupiedError reports that there is something where a copy would go.
type OccupiedError struct{ Ref string }

func (e *OccupiedError) Error() string { return e.Ref + " exists already" }

// Copy returns the changes that copy an entry, or a whole document, and remove
// the original if move is set. A copied document gets a data key of its own.
func Copy(s *lockstep.Session, from, to repo.Ref, move, replace bool) ([]repo.Change, error) {
	if len(from.Path) == 0 {
		return copyDocument(s, from, to, move, replace)
	}
	if len(to.Path) == 0 {
		to.Path = from.Path
	}
	source, d, old, err := open(s, from.Doc)
	if err != nil {
		return nil, err
	}
	n, err := d.Lookup(from.Tree, from.Path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Repo.Name(source), err)
	}
	path, exists, err := s.Repo.Target(to)
	if err != nil {
		return nil, err
	}
	target, targetOld := d, old
	if path != source {
		if target, targetOld, err = openOrNew(s, path, exists); err != nil {
			return nil, err
		}
	}
	if _, err := target.Lookup(to.Tree, to.Path); err == nil && !replace {
		return nil, &OccupiedError{to.String()}
	}
	value := *n
	if err := target.Format.Fits(to.Path, &value); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Repo.Name(path), err)
	}
	if _, err := target.Set(to.Tree, to.Path, &value, sops.SetOptions{Replace: replace}); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Repo.Name(path), err)
	}
	if move {
		if err := d.Unset(from.Tree, from.Path); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Repo.Name(source), err)
		}
	}
	c, err := sealed(s, path, target, targetOld, lockstep.KeepDataKey)
	if err != nil || !move || path == source {
		return []repo.Change{c}, err
	}
	removed, err := sealed(s, source, d, old, lockstep.KeepDataKey)
	return []repo.Change{c, removed}, err
}

func openOrNew(s *lockstep.Session, path string, exists bool) (*sops.Document, []byte, error) {
	if !exists {
		return sops.NewDocument(sops.FormatOf(path)), nil, nil
	}
	d, old, err := s.Read(path)
	if err != nil {
		return nil, nil, err
	}
	return d, old, s.Decrypt(path, d)
}

func copyDocument(s *lockstep.Session, from, to repo.Ref, move, replace bool) ([]repo.Change, error) {
	source, d, old, err := open(s, from.Doc)
	if err != nil {
		return nil, err
	}
	if sops.FormatOf(to.Doc) != d.Format {
		to.Doc += filepath.Ext(source)
	}
	path, exists, err := s.Repo.Target(to)
	if err != nil {
		return nil, err
	}
	var before []byte
	if exists {
		if !replace {
			return nil, &OccupiedError{to.Doc}
		}
		if before, err = s.Repo.Read(path); err != nil {
			return nil, err
		}
	}
	c, err := sealed(s, path, d, before, lockstep.NewDataKey)
	if err != nil || !move {
		return []repo.Change{c}, err
	}
	return []repo.Change{c, {Path: source, Old: old}}, nil
}

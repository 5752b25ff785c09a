package edit

import (
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
)

// KindOf returns the type of the entry that ref names, or "" if there is none.
// It needs no key.
func KindOf(s *lockstep.Session, ref repo.Ref) string {
	path, err := s.Repo.Resolve(ref.Doc)
	if err != nil {
		return ""
	}
	d, _, err := s.Read(path)
	if err != nil || len(ref.Path) == 0 {
		return ""
	}
	n, err := d.Lookup(ref.Tree, ref.Path)
	if err != nil {
		return ""
	}
	return n.KindOf().String()
}

package edit

import (
	"fmt"
	"strings"

	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/sops"
)

// A ReadableError refuses to store values that would stand in a document
// unencrypted, by a rule that the document brings along and policy does not have.
type ReadableError struct{ Refs []string }

func (e *ReadableError) Error() string {
	return fmt.Sprintf("%s would be stored unencrypted, by a rule of the document that is not in the inventory", strings.Join(e.Refs, ", "))
}

// checkReadable refuses a change of a document after which more values than before
// are unencrypted, unless policy says so. Whoever can commit a document can write
// any rule into it; and comments, which some rules look at, are not covered by the
// MAC.
func checkReadable(s *lockstep.Session, path string, d *sops.Document, old []byte) error {
	selection := d.Metadata.Selection
	byComment := selection.UnencryptedCommentRegex != "" || selection.EncryptedCommentRegex != ""
	if !byComment && len(s.OtherSelection(path, d)) == 0 {
		return nil
	}
	was := map[string]bool{}
	if old != nil {
		before, err := sops.Parse(old, d.Format)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for _, ref := range readable(s, path, before) {
			was[ref] = true
		}
	}
	var fresh []string
	for _, ref := range readable(s, path, d) {
		if !was[ref] {
			fresh = append(fresh, ref)
		}
	}
	if len(fresh) > 0 {
		return &ReadableError{fresh}
	}
	return nil
}

func readable(s *lockstep.Session, path string, d *sops.Document) []string {
	var refs []string
	name := s.Repo.Name(path)
	d.Readable(func(tree int, keyPath []string) {
		refs = append(refs, repo.Ref{Doc: name, Tree: tree, Path: keyPath}.String())
	})
	return refs
}

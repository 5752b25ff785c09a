package lockstep

import (
	"errors"
	"fmt"
	"slices"

	"keyreeve/fleet"
	"keyreeve/internal/repo"
	"keyreeve/sops"
)

// A ReturnError reports an undo that would bring a removed reader back.
type ReturnError struct{ Path, Reader string }

func (e *ReturnError) Error() string {
	return fmt.Sprintf("undoing this would let %s read %s again", e.Reader, e.Path)
}

// CheckUndo refuses to bring a removed reader back: one that the inventory allows
// no longer, or one that a document lists no longer. Of a document that was moved
// the new place counts.
func (s *Session) CheckUndo(undo *repo.Undo) error {
	made := map[string]bool{} // recipients of documents that the change made
	moved := false
	for _, c := range undo.Changes {
		if c.New == nil && c.Path != repo.InventoryName {
			if d, err := sops.Parse(c.Old, sops.FormatOf(c.Path)); err == nil {
				moved = true
				for _, recipient := range d.Metadata.Recipients() {
					made[recipient] = true
				}
			}
		}
	}
	for _, c := range undo.Changes {
		if err := s.checkUndo(c, moved, made); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) checkUndo(c repo.Change, moved bool, made map[string]bool) error {
	switch {
	case c.New == nil:
		return nil
	case c.Path == repo.InventoryName:
		return s.checkUndoInventory(c)
	}
	before, err := sops.Parse(c.New, sops.FormatOf(c.Path))
	if err != nil {
		return nil
	}
	allowed := func(recipient string) bool { return !moved || made[recipient] }
	if c.Old != nil {
		now, err := sops.Parse(c.Old, sops.FormatOf(c.Path))
		if err != nil {
			return nil
		}
		allowed = func(recipient string) bool { return slices.Contains(now.Metadata.Recipients(), recipient) }
	}
	for _, recipient := range before.Metadata.Recipients() {
		if !allowed(recipient) {
			return &ReturnError{c.Path, s.Name(recipient)}
		}
	}
	return nil
}

func (s *Session) checkUndoInventory(c repo.Change) error {
	now, problems := fleet.Parse(c.Path, c.Old)
	before, problems2 := fleet.Parse(c.Path, c.New)
	if now == nil || before == nil {
		return errors.New("the inventory does not parse: " + append(problems, problems2...)[0].Message)
	}
	granted := map[fleet.Grant]bool{}
	for _, g := range now.Policy().Grants() {
		granted[g] = true
	}
	for _, g := range before.Policy().Grants() {
		if !granted[g] && g.Settings == "" {
			return &ReturnError{g.Rule, g.Principal.String()}
		}
	}
	return nil
}

package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"keyreeve/fleet"
	"keyreeve/internal/adopt"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
)

// tidy turns adopted rules into scopes.
func (a *app) tidy() error {
	return a.write("init --tidy", func(s *lockstep.Session) (*change, error) {
		documents, err := s.Repo.Documents()
		if err != nil {
			return nil, err
		}
		old := s.Inventory.Bytes()
		tidied, err := adopt.Tidy(old, documents)
		if err != nil {
			return nil, err
		}
		next, _ := fleet.Parse(repo.InventoryName, tidied.Inventory)
		config, err := s.Repo.Read(lockstep.SopsConfig)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		written, err := next.SopsYAML(config)
		if err != nil {
			return nil, err
		}
		c := &change{next: next, asks: "Write these scopes?", files: []repo.Change{
			{Path: repo.InventoryName, Old: old, New: tidied.Inventory},
			{Path: lockstep.SopsConfig, Old: config, New: written},
		}}
		c.preview = append(c.preview, fmt.Sprintf("%s become %s; %s keep their readers, other paths may not:",
			count(tidied.Rules, "rule", "rules"), count(len(tidied.Scopes), "scope", "scopes"), count(len(documents), "document", "documents")))
		for _, scope := range tidied.Scopes {
			c.preview = append(c.preview, "  "+scope.Path)
		}
		for _, expr := range tidied.Uncovered {
			c.preview = append(c.preview, "no document needs the rule "+expr+", and it is left out")
		}
		return c, nil
	})
}

package edit

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"keyreeve/fleet"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/sops"
)

// Template returns the plaintext that a new document at path begins with: the
// file secrets/KIND.yaml.template of its folder, where there is one and the
// document is YAML. KIND is common, group, user or host.
func Template(s *lockstep.Session, path string) ([]byte, error) {
	below, inside := strings.CutPrefix(path, repo.SecretsDir+"/")
	top, _, deeper := strings.Cut(below, "/")
	if !inside || !deeper || sops.FormatOf(path) != sops.YAML {
		return nil, nil
	}
	kind, known := map[string]string{"common": "common", "groups": "group", "users": "user"}[top]
	if !known {
		if !s.Inventory.Has(fleet.Principal{Kind: fleet.HostKind, Name: top}) {
			return nil, nil
		}
		kind = "host"
	}
	text, err := s.Repo.Read(repo.SecretsDir + "/" + kind + ".yaml.template")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// Wanted returns the key paths that the template of a document has and leaves
// empty, but for the one of ref. It is empty where the document exists.
func Wanted(s *lockstep.Session, ref repo.Ref) ([]string, error) {
	path, exists, err := s.Repo.Target(ref)
	if err != nil || exists {
		return nil, err
	}
	text, err := Template(s, path)
	if err != nil || text == nil {
		return nil, err
	}
	d, err := sops.ParsePlain(text, sops.YAML)
	if err != nil {
		return nil, fmt.Errorf("the template of %s: %w", path, err)
	}
	var wanted []string
	d.Entries(func(tree int, keyPath []string, n *sops.Node) {
		empty := n.Kind == sops.Null || n.Kind == sops.String && n.Text == ""
		if empty && tree == ref.Tree && !slices.Equal(keyPath, ref.Path) {
			wanted = append(wanted, sops.FormatPath(keyPath))
		}
	})
	return wanted, nil
}

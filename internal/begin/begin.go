// Package begin holds the files that a fleet begins with beside its inventory: a
// README and a template for each kind of folder below secrets/, and lines of
// .gitignore.
package begin

import (
	"embed"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"keyreeve/internal/repo"
)

//go:embed files
var files embed.FS

// ignored are identities and decrypted copies, which no commit should hold.
var ignored = []string{"keys.txt", "*.agekey", "*.decrypted", "*.decrypted.*"}

const ignoredBecause = "# keyreeve: identities and decrypted copies"

// Changes returns what is missing of the files. What is there already stays as it
// is; a .gitignore gets the lines that it lacks.
func Changes(r *repo.Repo) ([]repo.Change, error) {
	entries, err := files.ReadDir("files")
	if err != nil {
		return nil, err
	}
	var changes []repo.Change
	for _, entry := range entries {
		path := repo.SecretsDir + "/" + entry.Name()
		if _, err := r.Read(path); !errors.Is(err, fs.ErrNotExist) {
			if err != nil {
				return nil, err
			}
			continue
		}
		text, err := files.ReadFile("files/" + entry.Name())
		if err != nil {
			return nil, err
		}
		changes = append(changes, repo.Change{Path: path, New: text})
	}
	return appendIgnore(r, changes)
}

func appendIgnore(r *repo.Repo, changes []repo.Change) ([]repo.Change, error) {
	old, err := r.Read(".gitignore")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var missing []string
	for _, line := range ignored {
		if !slices.Contains(strings.Split(string(old), "\n"), line) {
			missing = append(missing, line)
		}
	}
	if len(missing) == 0 {
		return changes, nil
	}
	text := string(old)
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	text += ignoredBecause + "\n" + strings.Join(missing, "\n") + "\n"
	return append(changes, repo.Change{Path: ".gitignore", Old: old, New: []byte(text)}), nil
}

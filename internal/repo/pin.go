package repo

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Grant allows a recipient to read what a rule of the policy covers, or sops to
// treat it by other settings than its own.
type Grant struct {
	Recipient string `json:"recipient,omitempty"`
	Settings  string `json:"settings,omitempty"`
	Rule      string `json:"rule"`
}

// Pins are what this machine last accepted of one repository.
type Pins struct {
	Grants    []Grant  `json:"grants"`
	Documents []string `json:"documents"`      // paths at which documents were in step with policy
	Head      string   `json:"head,omitempty"` // the commit at which they were accepted
}

// pins is their file.
type pins struct {
	Version    int    `json:"schema_version"`
	Repository string `json:"repository"` // for people only
	Pins
}

const pinsVersion = 2

// PinDir returns the folder of the pins of all repositories below the user's
// state folder: XDG_STATE_HOME where that is absolute, else ~/.local/state.
func PinDir(getenv func(string) string, home string) string {
	state := getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) {
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "keyreeve", "pins")
}

// pinName names the pins of this repository by its place on this machine: first
// the git repository, then the folder in it. All work trees of one git repository
// have the same, so that a new one is no reason to trust anew, and a fresh clone
// has none.
func (r *Repo) pinName() (repository, name string) {
	if !r.HasGit() {
		repository = hash([]byte(r.Root))
		return repository, repository + ".json"
	}
	common, err := filepath.EvalSymlinks(r.git.common)
	if err != nil {
		common = r.git.common
	}
	repository = hash([]byte(common))
	return repository, repository + "-" + hash([]byte(r.Prefix()))[:16] + ".json"
}

// LoadPins returns what this machine last accepted for the repository, and nil
// where it never accepted anything. Another folder of a git repository with pins
// is no first use: nothing of it is accepted. Pins that cannot be read are an
// error, never the same as none.
func (r *Repo) LoadPins(dir string) (*Pins, error) {
	t, err := openTree(dir)
	if isAbsent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading accepted grants: %w", err)
	}
	defer t.close()
	repository, name := r.pinName()
	data, _, err := t.read(name)
	if isAbsent(err) {
		names, err := t.names(".")
		if slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, repository) }) {
			return &Pins{}, err
		}
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("reading accepted grants: %w", err)
	}
	var p pins
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("reading accepted grants from %s: %w", filepath.Join(dir, name), err)
	}
	if p.Version != pinsVersion {
		return nil, fmt.Errorf("the accepted grants in %s have version %d, this program knows %d",
			filepath.Join(dir, name), p.Version, pinsVersion)
	}
	return &p.Pins, nil
}

// SavePins records exactly this as accepted. After an error the record is as it
// was.
func (r *Repo) SavePins(dir string, accepted Pins) error {
	p := pins{Version: pinsVersion, Repository: r.Root, Pins: Pins{Grants: append([]Grant{}, accepted.Grants...), Documents: append([]string{}, accepted.Documents...), Head: accepted.Head}}
	slices.SortFunc(p.Grants, func(a, b Grant) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Recipient, b.Recipient), cmp.Compare(a.Settings, b.Settings))
	})
	slices.Sort(p.Documents)
	p.Grants, p.Documents = slices.Compact(p.Grants), slices.Compact(p.Documents)
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("saving accepted grants: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("saving accepted grants: %w", err)
	}
	t, err := openTree(dir)
	if err != nil {
		return fmt.Errorf("saving accepted grants: %w", err)
	}
	defer t.close()
	_, name := r.pinName()
	if err := t.replace(name, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("saving accepted grants: %w", err)
	}
	return nil
}

package repo

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// A Grant allows a recipient to read what a rule of the policy covers.
type Grant struct {
	Recipient string `json:"recipient"`
	Rule      string `json:"rule"`
}

// pins is the file of the grants that this machine last accepted for one
// repository.
type pins struct {
	Version    int     `json:"schema_version"`
	Repository string  `json:"repository"` // for people only
	Grants     []Grant `json:"grants"`
}

const pinsVersion = 1

// PinDir returns the folder of the pins of all repositories below the user's
// state folder: XDG_STATE_HOME where that is absolute, else ~/.local/state.
func PinDir(getenv func(string) string, home string) string {
	state := getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) {
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "keyreeve", "pins")
}

// pinName names the pins of this repository by its place on this machine. All
// work trees of one git repository have the same, so that a new one is no
// reason to trust anew, and a fresh clone has none.
func (r *Repo) pinName() string {
	place := r.Root
	if r.HasGit() {
		common, err := filepath.EvalSymlinks(r.git.common)
		if err != nil {
			common = r.git.common
		}
		place = common + "\x00" + r.Prefix()
	}
	return hash([]byte(place)) + ".json"
}

// LoadPins returns the grants that this machine last accepted for the
// repository, and false where it never accepted any. Pins that cannot be read
// are an error, never the same as none.
func (r *Repo) LoadPins(dir string) ([]Grant, bool, error) {
	t, err := openTree(dir)
	if isAbsent(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("reading accepted grants: %w", err)
	}
	defer t.close()
	data, _, err := t.read(r.pinName())
	if isAbsent(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("reading accepted grants: %w", err)
	}
	var p pins
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, false, fmt.Errorf("reading accepted grants from %s: %w",
			filepath.Join(dir, r.pinName()), err)
	}
	if p.Version != pinsVersion {
		return nil, false, fmt.Errorf("the accepted grants in %s have version %d, this program knows %d",
			filepath.Join(dir, r.pinName()), p.Version, pinsVersion)
	}
	return p.Grants, true, nil
}

// SavePins records exactly these grants as accepted. After an error the record
// is as it was.
func (r *Repo) SavePins(dir string, grants []Grant) error {
	grants = slices.Clone(grants)
	slices.SortFunc(grants, func(a, b Grant) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Recipient, b.Recipient))
	})
	p := pins{Version: pinsVersion, Repository: r.Root, Grants: slices.Compact(grants)}
	if p.Grants == nil {
		p.Grants = []Grant{}
	}
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
	if err := t.replace(r.pinName(), append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("saving accepted grants: %w", err)
	}
	return nil
}

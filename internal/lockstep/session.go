// Package lockstep keeps three things the same: what the inventory says, what
// .sops.yaml says, and who is wrapped in each document. It opens documents,
// brings them to policy, and plans a change of the inventory as one set of file
// changes. It lies beneath the features and writes nothing itself; see
// [keyreeve/internal/repo] for that.
package lockstep

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"keyreeve/fleet"
	"keyreeve/internal/repo"
	"keyreeve/keys"
	"keyreeve/sops"
)

// SopsConfig is the configuration file of plain sops, whose marked block
// keyreeve owns.
const SopsConfig = ".sops.yaml"

// A Session is a repository with its inventory, its policy and the identities at
// hand.
type Session struct {
	Repo      *repo.Repo
	Inventory *fleet.Inventory
	Policy    *fleet.Policy
	Ring      *keys.Ring
	Now       func() time.Time

	inventoryBytes []byte
	wrapper        *keys.Wrapper
}

// An InventoryError reports an inventory with faults of severity error.
type InventoryError struct{ Problems []fleet.Problem }

func (e *InventoryError) Error() string {
	first := e.Problems[0]
	text := fmt.Sprintf("%s:%d:%d: %s", first.File, first.Line, first.Column, first.Message)
	if more := len(e.Problems) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more; see keyreeve check)", more)
	}
	return text
}

// An UncoveredError reports a path that no rule of the inventory covers.
type UncoveredError struct{ Path string }

func (e *UncoveredError) Error() string {
	return e.Path + ": nothing in the inventory says who may read it"
}

// A LockedError reports a document that no identity at hand opens.
type LockedError struct {
	Path    string
	Readers []string // who is listed, with the names of their recipients: user/tim (laptop, yubikey)
	Tried   []Tried
	Advice  string // what the person can do about it
	Err     error
}

func (e *LockedError) Error() string { return "none of your keys opens " + e.Path }
func (e *LockedError) Unwrap() error { return e.Err }

// A Tried is an identity that did not open a document.
type Tried struct {
	keys.Tried
	Principal string // "" if the inventory does not know it
}

// Open reads the inventory of the repository that dir is in. An inventory with
// errors is refused with an *[InventoryError].
func Open(dir string, ring *keys.Ring) (*Session, error) {
	r, err := repo.Open(dir)
	if err != nil {
		return nil, err
	}
	return OpenRepo(r, ring)
}

// OpenRepo is [Open] for a repository that is open, and perhaps locked, already.
func OpenRepo(r *repo.Repo, ring *keys.Ring) (*Session, error) {
	data, err := r.Read(repo.InventoryName)
	if err != nil {
		return nil, err
	}
	inventory, problems := fleet.Parse(repo.InventoryName, data)
	var faults []fleet.Problem
	for _, problem := range problems {
		if problem.Severity == fleet.Error {
			faults = append(faults, problem)
		}
	}
	if len(faults) > 0 {
		return nil, &InventoryError{Problems: faults}
	}
	policy := inventory.Policy()
	if inventory.Layout() == fleet.LayoutNone {
		r = r.Covering(func(path string) bool { return mayBeDocument(r, policy, path) })
	}
	return &Session{Repo: r, Inventory: inventory, Policy: policy, Ring: ring, Now: time.Now, inventoryBytes: data, wrapper: new(keys.Wrapper)}, nil
}

// mayBeDocument tells documents from the other files of a repository without the
// standard layout, where the policy may cover any path: what sops encrypted is
// one, and what policy covers if it lies below secrets/ or does not exist yet.
func mayBeDocument(r *repo.Repo, policy *fleet.Policy, path string) bool {
	data, err := r.Read(path)
	if err == nil && Encrypted(data) {
		return true
	}
	_, covered := policy.For(path)
	return covered && (err != nil || strings.HasPrefix(path, repo.SecretsDir+"/"))
}

// Encrypted reports whether a file has what every document of sops has: an
// encrypted MAC.
func Encrypted(data []byte) bool {
	return bytes.Contains(data, []byte("ENC[AES256_GCM,")) && bytes.Contains(data, []byte("sops"))
}

// Read parses the document at path without a key, and returns its bytes too.
// Both are nil where there is no such file.
func (s *Session) Read(path string) (*sops.Document, []byte, error) {
	data, err := s.Repo.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	d, err := sops.Parse(data, sops.FormatOf(path))
	if line := mergeMark(data); err != nil && line > 0 {
		return nil, data, &MergeError{path, line}
	}
	if err != nil {
		return nil, data, fmt.Errorf("%s: %w", path, err)
	}
	return d, data, nil
}

// A MergeError reports a document in which a merge of git left its marks.
type MergeError struct {
	Path string
	Line int
}

func (e *MergeError) Error() string {
	return fmt.Sprintf("%s:%d: a merge of git left its marks here", e.Path, e.Line)
}

// mergeMark returns the first line that git wrote into a file that it could not
// merge, counted from 1, or 0.
func mergeMark(data []byte) int {
	const mark = "<<<<<<< "
	if bytes.HasPrefix(data, []byte(mark)) {
		return 1
	}
	if at := bytes.Index(data, []byte("\n"+mark)); at >= 0 {
		return 2 + bytes.Count(data[:at], []byte("\n"))
	}
	return 0
}

// Unlock finds the data key of d, which was read from path. The error is a
// *[LockedError] if no identity opens it.
func (s *Session) Unlock(path string, d *sops.Document) error {
	if err := keys.Open(s.Ring, d.Unlock); err != nil {
		return s.lockedError(path, d, err)
	}
	return nil
}

// Decrypt unlocks d and verifies it.
func (s *Session) Decrypt(path string, d *sops.Document) error {
	return s.DecryptWith(path, d, sops.DecryptOptions{})
}

// DecryptWith is [Session.Decrypt] with options.
func (s *Session) DecryptWith(path string, d *sops.Document, opts sops.DecryptOptions) error {
	if err := s.Unlock(path, d); err != nil {
		return err
	}
	if err := d.Decrypt(opts); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Name returns the principal that owns a recipient, else "unknown/" and the
// recipient.
func (s *Session) Name(recipient string) string {
	if owner, _, _, ok := s.Inventory.Owner(recipient); ok {
		return owner.String()
	}
	return "unknown/" + recipient
}

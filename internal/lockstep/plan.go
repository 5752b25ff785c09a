package lockstep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"keyreeve/fleet"
	"keyreeve/internal/repo"
	"keyreeve/sops"
)

// Drift is the difference between the recipients that a document lists and
// those that policy wants.
type Drift struct {
	Document   string
	Add        []string // principals, else unknown/RECIPIENT
	Remove     []string
	Added      []string // the recipients themselves
	Removed    []string
	Recipients []string // that policy wants
	NewDataKey bool     // a removal always replaces the data key
	Entries    []string // refs of what is in the document
}

// A Plan is a change of the repository that is ready to be applied.
type Plan struct {
	Changes []repo.Change
	Drift   []Drift
	Pending []string // documents that no identity at hand opens
	Closed  []Drift  // the drift of these
	// Inventory is the one that the plan leads to.
	Inventory *fleet.Inventory
}

// Compare returns how the document at path differs from policy, or nil. It
// needs no key.
func (s *Session) Compare(path string, d *sops.Document) (*Drift, error) {
	decision, ok := s.Policy.For(path)
	if !ok {
		return nil, &UncoveredError{Path: path}
	}
	want, listed := decision.Recipients(), d.Metadata.Recipients()
	drift := Drift{Document: path, Recipients: want, Added: without(want, listed), Removed: without(listed, want)}
	drift.Add, drift.Remove = s.names(drift.Added), s.names(drift.Removed)
	if len(drift.Add)+len(drift.Remove) == 0 {
		return nil, nil
	}
	drift.NewDataKey = len(drift.Remove) > 0
	return &drift, nil
}

// names returns the principals of recipients.
func (s *Session) names(recipients []string) []string {
	var names []string
	for _, recipient := range recipients {
		names = append(names, s.Name(recipient))
	}
	return names
}

// without returns the members of a list that are not in another.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}

// A DataKey says what becomes of a document's data key.
type DataKey int

// What becomes of a data key. A dropped recipient always replaces it.
const (
	KeepDataKey   DataKey = iota // and its wrapped copies, if no recipient changes
	RewrapDataKey                // the same key, wrapped afresh for everybody
	NewDataKey
)

// ToPolicy makes the recipients of a decrypted or new document those of policy.
func (s *Session) ToPolicy(path string, d *sops.Document, key DataKey) error {
	decision, ok := s.Policy.For(path)
	if !ok {
		return &UncoveredError{Path: path}
	}
	if len(d.Metadata.Groups) == 0 {
		if err := applySettings(path, d, decision.Settings); err != nil {
			return err
		}
	} else {
		drift, err := s.Compare(path, d)
		if err != nil || drift == nil && key == KeepDataKey {
			return err
		}
		if key == NewDataKey || drift != nil && drift.NewDataKey {
			if err := d.RenewDataKey(); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
	}
	if len(decision.Recipients()) == 0 {
		return fmt.Errorf("%s: policy names no recipient", path)
	}
	if err := d.SetRecipients(decision.Groups(), decision.Settings.Threshold); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := d.Wrap(s.wrapper.Wrap); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// PlanOptions say which documents a plan is for, and what is done to them without
// drift. The zero value is all documents, and nothing.
type PlanOptions struct {
	Paths      []string // documents, or folders above them
	NewDataKey bool     // replace the data key
	Rewrap     bool     // wrap the same data key afresh
	// Progress, unless nil, is called after each document, from several
	// goroutines.
	Progress func(done, total int)
}

// counter returns what to call after each of total things.
func counter(progress func(done, total int), total int) func() {
	var done atomic.Int64
	return func() {
		if n := done.Add(1); progress != nil {
			progress(int(n), total)
		}
	}
}

func (o PlanOptions) covers(document string) bool {
	return len(o.Paths) == 0 || slices.ContainsFunc(o.Paths, func(p string) bool {
		return document == p || p == "." || strings.HasPrefix(document, strings.TrimSuffix(p, "/")+"/")
	})
}

// applySettings gives a new document what its scope or rule passes to sops.
func applySettings(path string, d *sops.Document, settings fleet.Settings) error {
	foreign := slices.Clone(settings.Foreign)
	for _, g := range settings.Groups {
		foreign = append(foreign, g.Foreign...)
	}
	if len(foreign) > 0 {
		return fmt.Errorf("%s: its scope encrypts to %s too, which only sops can do: sops edit %s", path, foreign[0].Kind, path)
	}
	d.Metadata.MACOnlyEncrypted = settings.MACOnlyEncrypted
	if settings.Selection.Key == "" || d.Format == sops.Binary {
		return nil
	}
	selection := sops.Selection{}
	*map[string]*string{
		"unencrypted_suffix":        &selection.UnencryptedSuffix,
		"encrypted_suffix":          &selection.EncryptedSuffix,
		"unencrypted_regex":         &selection.UnencryptedRegex,
		"encrypted_regex":           &selection.EncryptedRegex,
		"unencrypted_comment_regex": &selection.UnencryptedCommentRegex,
		"encrypted_comment_regex":   &selection.EncryptedCommentRegex,
	}[settings.Selection.Key] = settings.Selection.Value
	d.Metadata.Selection = selection
	return nil
}

// Plan returns the changes that make next the inventory and bring .sops.yaml and
// every document to it; nil keeps the inventory. Documents that cannot be opened
// stay as they are and are listed as pending.
func (s *Session) Plan(ctx context.Context, next *fleet.Inventory, opts PlanOptions) (*Plan, error) {
	target := *s
	plan := &Plan{}
	if next != nil {
		target.Inventory, target.Policy = next, next.Policy()
		plan.Changes = append(plan.Changes, repo.Change{Path: repo.InventoryName, Old: s.inventoryBytes, New: next.Bytes()})
	}
	plan.Inventory = target.Inventory
	config, err := target.configChange()
	if err != nil {
		return nil, err
	}
	plan.Changes = append(plan.Changes, config...)
	return plan, target.planDocuments(ctx, plan, opts)
}

// configChange returns the change of .sops.yaml, if it is out of step.
func (s *Session) configChange() ([]repo.Change, error) {
	old, err := s.Repo.Read(SopsConfig)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	config, err := s.Inventory.SopsYAML(old)
	if err != nil {
		return nil, err
	}
	if old != nil && string(old) == string(config) {
		return nil, nil
	}
	return []repo.Change{{Path: SopsConfig, Old: old, New: config}}, nil
}

func (s *Session) planDocuments(ctx context.Context, plan *Plan, opts PlanOptions) error {
	paths, err := s.Repo.Documents()
	if err != nil {
		return err
	}
	names := map[string]string{}
	for i, name := range repo.Names(paths) {
		names[paths[i]] = name
	}
	paths = slices.DeleteFunc(paths, func(p string) bool { return !opts.covers(p) })
	type outcome struct {
		drift   *Drift
		change  repo.Change
		pending bool
	}
	outcomes := make([]outcome, len(paths))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	count := counter(opts.Progress, len(paths))
	for i, path := range paths {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			drift, change, err := s.rekeyed(path, names[path], opts)
			count()
			var locked *LockedError
			if errors.As(err, &locked) {
				outcomes[i].pending, err = true, nil
			}
			outcomes[i].drift, outcomes[i].change = drift, change
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, o := range outcomes {
		if o.pending {
			plan.Pending = append(plan.Pending, paths[i])
			plan.Closed = append(plan.Closed, *o.drift)
		} else if o.drift != nil {
			plan.Drift = append(plan.Drift, *o.drift)
			plan.Changes = append(plan.Changes, o.change)
		}
	}
	return nil
}

// rekeyed returns the change that brings one document to policy. An addition
// wraps the same data key afresh and leaves values alone. With a *[LockedError]
// the drift is returned too.
func (s *Session) rekeyed(path, name string, opts PlanOptions) (*Drift, repo.Change, error) {
	d, old, err := s.Read(path)
	if errors.Is(err, sops.ErrNotEncrypted) {
		return nil, repo.Change{}, nil
	}
	if err != nil {
		return nil, repo.Change{}, err
	}
	drift, err := s.Compare(path, d)
	var uncovered *UncoveredError
	if errors.As(err, &uncovered) {
		return s.withoutRetired(path, name, d, old)
	}
	if err == nil && drift == nil && (opts.NewDataKey || opts.Rewrap) {
		drift = &Drift{Document: path, Recipients: d.Metadata.Recipients()}
	}
	if err != nil || drift == nil {
		return nil, repo.Change{}, err
	}
	drift.NewDataKey = drift.NewDataKey || opts.NewDataKey
	drift.Entries = refs(name, d)
	var sealed []byte
	if drift.NewDataKey {
		if err := s.Decrypt(path, d); err != nil {
			return drift, repo.Change{}, err
		}
		if err := s.ToPolicy(path, d, NewDataKey); err != nil {
			return nil, repo.Change{}, err
		}
		sealed, err = d.Seal(s.Now())
	} else {
		if err := s.Unlock(path, d); err != nil {
			return drift, repo.Change{}, err
		}
		if err := s.ToPolicy(path, d, RewrapDataKey); err != nil {
			return nil, repo.Change{}, err
		}
		sealed, err = d.Encode()
	}
	if err != nil {
		return nil, repo.Change{}, fmt.Errorf("%s: %w", path, err)
	}
	return drift, repo.Change{Path: path, Old: old, New: sealed}, nil
}

// refs returns the refs of the entries of the document that refs call name.
func refs(name string, d *sops.Document) []string {
	var refs []string
	d.Entries(func(tree int, keyPath []string, _ *sops.Node) {
		refs = append(refs, repo.Ref{Doc: name, Tree: tree, Path: keyPath}.String())
	})
	return refs
}

// Retired returns the listed recipients that the inventory has as retired, and
// the others.
func (s *Session) Retired(d *sops.Document) (retired, others []string) {
	for _, recipient := range d.Metadata.Recipients() {
		if _, _, gone, known := s.Inventory.Owner(recipient); known && gone {
			retired = append(retired, recipient)
		} else {
			others = append(others, recipient)
		}
	}
	return retired, others
}

// withoutRetired takes retired recipients from a document that nothing in the
// inventory covers, such as the own documents of a host that was removed. Its
// other readers stay.
func (s *Session) withoutRetired(path, name string, d *sops.Document, old []byte) (*Drift, repo.Change, error) {
	retired, others := s.Retired(d)
	if len(retired) == 0 || len(others) == 0 || len(d.Metadata.Groups) > 1 {
		return nil, repo.Change{}, nil
	}
	drift := &Drift{Document: path, Recipients: others, Remove: s.names(retired), Removed: retired, NewDataKey: true, Entries: refs(name, d)}
	if err := s.Decrypt(path, d); err != nil {
		return drift, repo.Change{}, err
	}
	err := d.RenewDataKey()
	if err == nil {
		err = d.SetRecipients([][]string{others}, 0)
	}
	if err == nil {
		err = d.Wrap(s.wrapper.Wrap)
	}
	var sealed []byte
	if err == nil {
		sealed, err = d.Seal(s.Now())
	}
	if err != nil {
		return nil, repo.Change{}, fmt.Errorf("%s: %w", path, err)
	}
	return drift, repo.Change{Path: path, Old: old, New: sealed}, nil
}

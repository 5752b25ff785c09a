package lockstep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"

	"keyreeve/fleet"
	"keyreeve/internal/repo"
	"keyreeve/sops"
)

// A Plan is a change of the repository that is ready to be applied.
type Plan struct {
	Changes []repo.Change
	Drift   []Drift
	Pending []string // documents that no identity at hand opens
	Closed  []Drift  // the drift of these
	Failed  []error  // documents that stay as they are for another reason
	Settled []string // documents that are in step once the changes are made
	// Inventory is the one that the plan leads to.
	Inventory *fleet.Inventory

	before *fleet.Policy // what it replaces, nil if nothing
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
	// Moves are documents that go to another path, by their path.
	Moves map[string]string
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
	if d.Format != sops.Binary {
		d.Metadata.Selection = selectionOf(settings)
	}
	return nil
}

// Plan returns the changes that make next the inventory and bring .sops.yaml and
// every document to it; nil keeps the inventory. Documents that cannot be opened
// stay as they are and are listed as pending, documents in which something else is
// wrong as failed: neither keeps the others from being changed. If one
// document is asked for, the error is what is wrong with it.
func (s *Session) Plan(ctx context.Context, next *fleet.Inventory, opts PlanOptions) (*Plan, error) {
	target := *s
	plan := &Plan{}
	p := planner{target: &target, opts: opts}
	if next != nil {
		p.before = s.Policy
		target.Inventory, target.Policy = next, next.Policy()
		plan.Changes = append(plan.Changes, repo.Change{Path: repo.InventoryName, Old: s.inventoryBytes, New: next.Bytes()})
	} else if err := p.committedBefore(ctx); err != nil {
		return nil, err
	}
	plan.Inventory, plan.before = target.Inventory, p.before
	config, err := target.configChange()
	if err != nil {
		return nil, err
	}
	plan.Changes = append(plan.Changes, config...)
	return plan, p.documents(ctx, plan)
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

// refs returns the refs of the entries of the document that refs call name.
func refs(name string, d *sops.Document) []string {
	var refs []string
	d.Entries(func(tree int, keyPath []string, _ *sops.Node) {
		refs = append(refs, repo.Ref{Doc: name, Tree: tree, Path: keyPath}.String())
	})
	return refs
}

// Retired returns the listed recipients that no principal of the inventory owns
// any more, and the others. Under a layout of their own, documents that nothing
// covers may be somebody else's, so that only who was retired counts.
func (s *Session) Retired(d *sops.Document) (retired, others []string) {
	standard := s.Inventory.Layout() == fleet.LayoutStandard
	for _, recipient := range d.Metadata.Recipients() {
		if _, _, gone, known := s.Inventory.Owner(recipient); gone || !known && standard {
			retired = append(retired, recipient)
		} else {
			others = append(others, recipient)
		}
	}
	return retired, others
}

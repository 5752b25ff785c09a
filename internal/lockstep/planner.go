package lockstep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"keyreeve/fleet"
	"keyreeve/internal/repo"
	"keyreeve/sops"
)

// A planner brings documents to the policy of a session.
type planner struct {
	target *Session
	opts   PlanOptions
	// before is the policy that the change replaces, nil without one. Whom it let
	// read knows the data key, whatever the documents list.
	before *fleet.Policy
	// head says that before is of the last commit, so that a document may have
	// its new data key already.
	head  bool
	names map[string]string // of documents, by their paths
	// committed returns the documents of the last commit by their paths.
	committed func() (map[string][]byte, error)
}

// committedBefore takes the policy of the last commit for the one that is
// replaced, where the inventory was edited by hand since.
func (p *planner) committedBefore(ctx context.Context) error {
	r := p.target.Repo
	if !r.HasGit() {
		return nil
	}
	head, err := r.Head(ctx)
	if err != nil || head == "" {
		return err
	}
	data, err := r.ReadAt(ctx, head, repo.InventoryName)
	if absent := (*repo.NotFoundError)(nil); errors.As(err, &absent) {
		return nil
	}
	if err != nil || string(data) == string(p.target.inventoryBytes) {
		return err
	}
	if inventory, _ := fleet.Parse(repo.InventoryName, data); inventory != nil {
		p.before, p.head = inventory.Policy(), true
	}
	return nil
}

// An outcome is what becomes of one document.
type outcome struct {
	drift   *Drift
	change  repo.Change
	pending bool
	plain   bool // it is not encrypted
	failed  error
}

func (p *planner) documents(ctx context.Context, plan *Plan) error {
	paths, err := p.target.Repo.Documents()
	if err != nil {
		return err
	}
	p.names = map[string]string{}
	for i, name := range repo.Names(paths) {
		p.names[paths[i]] = name
	}
	paths = slices.DeleteFunc(paths, func(path string) bool { return !p.opts.covers(path) })
	p.committed = p.readCommitted(ctx, paths)
	outcomes := make([]outcome, len(paths))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	count := counter(p.opts.Progress, len(paths))
	for i, path := range paths {
		group.Go(func() error {
			outcomes[i] = p.document(path)
			count()
			return cmp.Or(outcomes[i].fatal(), ctx.Err())
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if len(p.opts.Paths) > 0 && len(paths) == 1 && outcomes[0].failed != nil {
		return outcomes[0].failed
	}
	for i, o := range outcomes {
		p.add(plan, paths[i], o)
	}
	strays, err := p.strays()
	plan.Failed = append(plan.Failed, strays...)
	return err
}

// fatal returns the error of a system call, which says nothing of the document: the
// next try may go well, so that nothing is changed without it.
func (o outcome) fatal() error {
	if call := (*fs.PathError)(nil); errors.As(o.failed, &call) {
		return o.failed
	}
	return nil
}

// add takes an outcome into the plan. A document that moves does so in any case.
func (p *planner) add(plan *Plan, path string, o outcome) {
	switch {
	case o.failed != nil:
		plan.Failed = append(plan.Failed, o.failed)
	case o.pending:
		plan.Pending = append(plan.Pending, path)
		plan.Closed = append(plan.Closed, *o.drift)
	case !o.plain:
		plan.Settled = append(plan.Settled, p.place(path))
	}
	if o.drift != nil && !o.pending && o.failed == nil {
		plan.Drift = append(plan.Drift, *o.drift)
	}
	to := p.place(path)
	switch {
	case to != path && o.change.Old != nil:
		bytes := o.change.New
		if bytes == nil {
			bytes = o.change.Old
		}
		plan.Changes = append(plan.Changes, repo.Change{Path: path, Old: o.change.Old}, repo.Change{Path: to, New: bytes})
	case o.change.New != nil:
		plan.Changes = append(plan.Changes, o.change)
	}
}

// place returns where a document lies after the change.
func (p *planner) place(path string) string {
	if to, moves := p.opts.Moves[path]; moves {
		return to
	}
	return path
}

// document returns the change that brings one document to policy. An addition
// wraps the same data key afresh and leaves values alone.
func (p *planner) document(path string) (o outcome) {
	s := p.target
	d, old, err := s.Read(path)
	o.change = repo.Change{Path: path, Old: old}
	if errors.Is(err, sops.ErrNotEncrypted) {
		o.plain = true
		return o
	}
	if err != nil {
		o.failed = err
		return o
	}
	target, err := p.drift(path, d)
	if err != nil || target == nil {
		o.failed = err
		return o
	}
	o.drift = &target.Drift
	o.drift.Entries = refs(p.names[path], d)
	o.change.New, err = s.rekeyed(p.place(path), d, target)
	var locked *LockedError
	if errors.As(err, &locked) {
		locked.Path, o.pending, err = path, true, nil
	}
	o.failed = err
	return o
}

// A target is what a document is to become.
type target struct {
	Drift
	uncovered bool // policy says nothing: Recipients are those that may stay
}

// drift returns how a document differs from what policy wants of it, or nil.
func (p *planner) drift(path string, d *sops.Document) (*target, error) {
	s := p.target
	found, err := s.Compare(p.place(path), d)
	var uncovered *UncoveredError
	if errors.As(err, &uncovered) {
		return p.closed(path, d)
	}
	if err != nil {
		return nil, err
	}
	lost, err := p.lost(path, d)
	if err != nil {
		return nil, err
	}
	if found == nil && len(lost) == 0 && !p.opts.NewDataKey && !p.opts.Rewrap {
		return nil, nil
	}
	if found == nil {
		found = &Drift{Recipients: d.Metadata.Recipients()}
	}
	found.Document = p.place(path)
	lost = without(lost, found.Removed)
	found.Removed, found.Remove = append(found.Removed, lost...), append(found.Remove, s.names(lost)...)
	found.NewDataKey = found.NewDataKey || p.opts.NewDataKey || len(lost) > 0
	return &target{Drift: *found}, nil
}

// lost returns the recipients whom the policy before let read a document and this
// one does not, listed or not.
func (p *planner) lost(path string, d *sops.Document) ([]string, error) {
	if p.before == nil {
		return nil, nil
	}
	was, _ := p.before.For(path)
	is, _ := p.target.Policy.For(p.place(path))
	lost := without(was.Recipients(), is.Recipients())
	if len(lost) == 0 || !p.head {
		return lost, nil
	}
	same, err := p.sameDataKey(path, d)
	if err != nil || !same {
		return nil, err
	}
	return lost, nil
}

// sameDataKey reports whether a value has the ciphertext that it has in the last
// commit, or there is none to tell by.
func (p *planner) sameDataKey(path string, d *sops.Document) (bool, error) {
	contents, err := p.committed()
	if err != nil {
		return false, err
	}
	if contents[path] == nil {
		return true, nil
	}
	committed, err := sops.Parse(contents[path], sops.FormatOf(path))
	if err != nil {
		return true, nil
	}
	return len(committed.Ciphertexts()) == 0 || d.SharesCiphertext(committed), nil
}

// readCommitted returns what reads the given documents of the last commit, once and
// if asked.
func (p *planner) readCommitted(ctx context.Context, paths []string) func() (map[string][]byte, error) {
	return sync.OnceValues(func() (map[string][]byte, error) {
		contents, err := p.target.Repo.ReadAllAt(ctx, "HEAD", paths)
		byPath := map[string][]byte{}
		for i, data := range contents {
			byPath[paths[i]] = data
		}
		return byPath, err
	})
}

// closed takes the readers that no principal owns any more, and those that read it
// by what is gone, from a document that nothing in the inventory covers, such as
// the own documents of a host or group that was removed. Whoever may stay must be
// listed, have been allowed to read it, and read everything, if anybody does.
func (p *planner) closed(path string, d *sops.Document) (*target, error) {
	s := p.target
	gone, active := s.Retired(d)
	trusted, covered := s.readEverything(path), false
	if p.before != nil {
		var was fleet.Decision
		if was, covered = p.before.For(path); covered {
			trusted = readers(was.Recipients(), trusted)
		}
	}
	stay := slices.DeleteFunc(slices.Clone(active), func(r string) bool { return !slices.Contains(trusted, r) })
	if len(gone) == 0 && (!covered || len(stay) == len(active)) {
		return nil, nil
	}
	if len(stay) == 0 || len(d.Metadata.Groups) > 1 {
		return nil, fmt.Errorf("%w, and %s can still read it", &UncoveredError{Path: path}, strings.Join(s.names(d.Metadata.Recipients()), ", "))
	}
	removed := without(d.Metadata.Recipients(), stay)
	return &target{uncovered: true, Drift: Drift{Document: p.place(path), Recipients: stay, Removed: removed, Remove: s.names(removed), NewDataKey: true}}, nil
}

// readers returns those of was who read everything, or all if nobody does.
func readers(was, everything []string) []string {
	if len(everything) == 0 {
		return was
	}
	return slices.DeleteFunc(slices.Clone(was), func(r string) bool { return !slices.Contains(everything, r) })
}

// readEverything returns the recipients of those who read a document of the
// standard layout whatever its folder: admins and recovery recipients.
func (s *Session) readEverything(path string) []string {
	if s.Inventory.Layout() != fleet.LayoutStandard || strings.HasPrefix(path, repo.SecretsDir+"/users/") {
		return nil
	}
	var all []string
	for _, u := range s.Inventory.Users() {
		if u.Admin {
			for _, r := range u.Recipients {
				all = append(all, r.Recipient)
			}
		}
	}
	for _, r := range s.Inventory.Recovery() {
		all = append(all, r.Recipient)
	}
	return all
}

// strays names encrypted files that are no documents by their name, and that
// somebody can read who owns no recipient any more.
func (p *planner) strays() ([]error, error) {
	others, err := p.target.Repo.Others()
	if err != nil {
		return nil, err
	}
	var faults []error
	for _, path := range others {
		d, _, err := p.target.Read(path)
		if fatal := (outcome{failed: err}).fatal(); fatal != nil {
			return nil, fatal
		}
		if err != nil || !p.opts.covers(path) {
			continue
		}
		if gone, _ := p.target.Retired(d); len(gone) > 0 {
			faults = append(faults, fmt.Errorf("%s: it is encrypted, and its name makes it no document; %s can read it: give it another name, then run keyreeve rekey",
				path, strings.Join(p.target.names(gone), ", ")))
		}
	}
	return faults, nil
}

// rekeyed returns the bytes of a document with the recipients that it is to have.
func (s *Session) rekeyed(path string, d *sops.Document, t *target) ([]byte, error) {
	if !t.NewDataKey {
		if err := s.Unlock(path, d); err != nil {
			return nil, err
		}
		if err := s.ToPolicy(path, d, RewrapDataKey); err != nil {
			return nil, err
		}
		return d.Encode()
	}
	if err := s.Decrypt(path, d); err != nil {
		return nil, err
	}
	if !t.uncovered {
		if err := s.ToPolicy(path, d, NewDataKey); err != nil {
			return nil, err
		}
		return d.Seal(s.Now())
	}
	if err := d.RenewDataKey(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := d.SetRecipients([][]string{t.Recipients}, 0); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := d.Wrap(s.wrapper.Wrap); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d.Seal(s.Now())
}

package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Change replaces, makes or removes one file. Nil bytes stand for an absent
// file; an empty file is empty and not nil.
type Change struct {
	Path string // relative to the root
	Old  []byte // what the change was computed from
	New  []byte // what is to be there; the caller must not change it meanwhile
	Mode fs.FileMode
	// Mode holds the permission bits of the new file. Zero keeps those of the
	// old file, and is 0644 for a new one.
}

// An ApplyOption varies [Repo.Apply].
type ApplyOption func(*record)

// WithoutUndo makes a change that cannot be undone. As undoing an earlier one
// past it would surprise, that is no longer possible either.
func WithoutUndo() ApplyOption { return func(rec *record) { rec.NoUndo = true } }

// Apply makes all the changes or none of them, and makes them durable. The
// lock must be held ([ErrNotLocked]). Folders are made as needed, and those
// that a removal leaves empty go, other than those at the root. Changes whose
// bytes stay the same are only checked.
//
// Where a file does not hold the Old bytes the error is a [*ChangedError].
// After any error but an [*UnfinishedError] every file is as it was before;
// after that one the next run finishes or undoes the change. Cancelling the
// context has no effect once the first file is in place.
//
// The command is for people: it is shown where the change is undone or was
// interrupted.
func (r *Repo) Apply(ctx context.Context, command string, changes []Change, opts ...ApplyOption) error {
	r.held.mu.Lock()
	defer r.held.mu.Unlock()
	if r.held.lock == nil {
		return ErrNotLocked
	}
	tx, err := r.plan(ctx, changes)
	if err != nil || len(tx.changes) == 0 {
		return err
	}
	tx.state = r.held.lock.state
	tx.rec.Command = command
	for _, opt := range opts {
		opt(tx.rec)
	}
	if err := tx.begin(); err != nil {
		return err
	}
	if err := tx.prepare(ctx); err != nil {
		return tx.abandon(err)
	}
	return tx.swap()
}

// plan checks the changes against each other and against the disk.
func (r *Repo) plan(ctx context.Context, changes []Change) (*transaction, error) {
	changes = slices.Clone(changes)
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	for i, c := range changes {
		switch {
		case c.Old == nil && c.New == nil:
			return nil, fmt.Errorf("a change of %q has neither old nor new bytes", c.Path)
		case i > 0 && changes[i-1].Path == c.Path:
			return nil, fmt.Errorf("two changes of %q at once", c.Path)
		}
		if err := checkPath(c.Path); err != nil {
			return nil, err
		}
	}
	stamps, err := r.verify(ctx, changes)
	if err != nil {
		return nil, err
	}
	tx := &transaction{files: r.files, rec: &record{
		Version: recordVersion, ID: newID(), Started: time.Now().UTC(), Phase: phasePrepared,
	}}
	for i, c := range changes {
		old, mode := stamps[i].perm(), uint32(c.Mode.Perm())
		if c.Old != nil && c.New != nil && bytes.Equal(c.Old, c.New) && (mode == 0 || mode == old) {
			continue
		}
		switch {
		case c.New == nil:
			mode = 0
		case mode == 0 && c.Old != nil:
			mode = old
		case mode == 0:
			mode = 0o644
		}
		tx.changes, tx.stamps = append(tx.changes, c), append(tx.stamps, stamps[i])
		tx.rec.Files = append(tx.rec.Files, recordFile{
			Path: c.Path, Temp: newTempName(),
			Old: hash(c.Old), New: hash(c.New), OldMode: old, NewMode: mode,
		})
	}
	tx.rec.Made, err = r.missingFolders(tx.changes)
	return tx, err
}

// verify reads every file and compares it with what the change expects.
func (r *Repo) verify(ctx context.Context, changes []Change) ([]stamp, error) {
	stamps := make([]stamp, len(changes))
	differs := make([]bool, len(changes))
	err := each(ctx, len(changes), func(i int) error {
		data, s, err := r.files.read(changes[i].Path)
		if isAbsent(err) {
			data, err = nil, nil
		}
		if err != nil {
			return err
		}
		stamps[i] = s
		differs[i] = (data == nil) != (changes[i].Old == nil) || !bytes.Equal(data, changes[i].Old)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return stamps, changedError(changes, differs)
}

func changedError(changes []Change, differs []bool) error {
	var changed []string
	for i, d := range differs {
		if d {
			changed = append(changed, changes[i].Path)
		}
	}
	if changed == nil {
		return nil
	}
	return &ChangedError{Paths: changed}
}

// missingFolders lists the folders that new files need, parents first.
func (r *Repo) missingFolders(changes []Change) ([]string, error) {
	missing := map[string]bool{}
	for _, c := range changes {
		if c.Old != nil || c.New == nil {
			continue
		}
		for dir := path.Dir(c.Path); dir != "." && !missing[dir]; dir = path.Dir(dir) {
			s, err := r.files.stat(dir)
			if err == nil && !s.isDir() {
				return nil, &UnsafePathError{Path: dir, Reason: "not a folder"}
			}
			if err == nil {
				break
			}
			if !isAbsent(err) {
				return nil, err
			}
			missing[dir] = true
		}
	}
	var dirs []string
	for dir := range missing {
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	return dirs, nil
}

// parallel is how many files are worked on at a time. Writing waits for the
// disk more than for the processor, and a journal commits many files at once.
const parallel = 16

// each calls f for 0 to n-1, several at a time, and returns the first error.
func each(ctx context.Context, n int, f func(i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i := range n {
		group.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return f(i)
		})
	}
	return group.Wait()
}

// keepBytes makes the bytes of a file last under another name: by a hard link
// where the file system allows it, and a synced copy of data elsewhere.
func keepBytes(from *tree, name string, to *tree, dest string, data []byte) error {
	if from.link(name, to, dest) == nil {
		return nil
	}
	return writeSynced(to, dest, data, 0o600, stamp{})
}

// writeSynced makes a file with these bytes and permission bits and waits
// until they are on disk. It goes to the owner of the file that it will
// replace as far as the process may give files away.
func writeSynced(t *tree, name string, data []byte, perm uint32, replaced stamp) error {
	f, err := t.create(name, 0o600)
	if err != nil {
		return err
	}
	if replaced.regular() {
		giveTo(f, replaced)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(fs.FileMode(perm))
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

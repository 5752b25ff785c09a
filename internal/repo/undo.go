package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// An Undo is the last change of this working tree, the other way round.
type Undo struct {
	Command string    // what made the change
	Time    time.Time // when
	Changes []Change  // Old is what the change wrote, New what was there before
}

// LastChange returns what [Repo.Undo] would do, so that the caller can check
// it: it must bring no removed reader back and nothing that is committed. The
// error is [ErrNoUndo] where there is nothing to undo.
func (r *Repo) LastChange() (*Undo, error) {
	state, err := r.openState(false)
	if isAbsent(err) {
		return nil, ErrNoUndo
	}
	if err != nil {
		return nil, err
	}
	defer state.close()
	rec, err := readRecord(state, undoName)
	if isAbsent(err) || err == errCorrupt {
		return nil, ErrNoUndo
	}
	if err != nil {
		return nil, err
	}
	undo := &Undo{Command: rec.Command, Time: rec.Started}
	var changed []string
	for i, f := range rec.Files {
		change, err := r.reverse(state, rec, i)
		if mine := (*ChangedError)(nil); errors.As(err, &mine) {
			changed = append(changed, f.Path)
			continue
		}
		if err != nil {
			return nil, err
		}
		undo.Changes = append(undo.Changes, change)
	}
	if changed != nil {
		return nil, &ChangedError{Paths: changed}
	}
	return undo, nil
}

// reverse turns file i of a change around.
func (r *Repo) reverse(state *tree, rec *record, i int) (Change, error) {
	f := rec.Files[i]
	now, _, err := r.files.read(f.Path)
	if isAbsent(err) {
		now, err = nil, nil
	}
	if err != nil {
		return Change{}, err
	}
	if hash(now) != f.New {
		return Change{}, &ChangedError{Paths: []string{f.Path}}
	}
	if f.Old == "" {
		return Change{Path: f.Path, Old: now}, nil
	}
	old, _, err := state.read(rec.oldPath(i))
	if isAbsent(err) {
		return Change{}, ErrNoUndo
	}
	if err != nil {
		return Change{}, fmt.Errorf("reading what %s held before: %w", f.Path, err)
	}
	if hash(old) != f.Old {
		return Change{}, ErrNoUndo
	}
	return Change{Path: f.Path, Old: now, New: old, Mode: fs.FileMode(f.OldMode)}, nil
}

// Undo takes the last change back, wholly or not at all. The lock must be
// held. A file that was written to since is a [*ChangedError]. There is one
// level: what was undone cannot be redone, and nothing before it undone.
func (r *Repo) Undo(ctx context.Context, undo *Undo) error {
	return r.Apply(ctx, "undo of "+undo.Command, undo.Changes, WithoutUndo())
}

package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"time"
)

// An Outcome is what became of a change that was interrupted.
type Outcome string

// The outcomes of an interrupted change.
const (
	Finished Outcome = "finished" // all files have their new bytes
	Undone   Outcome = "undone"   // all files have their old bytes
	Pending  Outcome = "pending"  // this process cannot write; Err says why
)

// A Recovery reports what was done about a change that an earlier run left
// behind because it was killed or the machine stopped.
type Recovery struct {
	Outcome Outcome
	Command string    // the command that was interrupted; may be empty
	Started time.Time // when it was; zero where that is lost
	Paths   []string  // the files of the change, sorted
	// Conflicts are files that have since been written by someone else. They
	// are left alone, so that the change is whole only but for them, and what
	// it would have written there is kept below the state folder.
	Conflicts []string
	Err       error
}

// recoverIdle looks for an interrupted change when a repository is opened. A
// change that another process is still making is none of its business.
func (r *Repo) recoverIdle() (*Recovery, error) {
	state, err := r.openState(false)
	if isAbsent(err) || errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for an interrupted change: %w", err)
	}
	defer state.close()
	if _, err := state.stat(intentName); isAbsent(err) {
		return nil, nil
	}
	file, err := acquire(context.Background(), state, LockOptions{Command: "recovery"})
	if locked := (*LockedError)(nil); errors.As(err, &locked) {
		return nil, nil
	}
	if err == nil {
		defer file.Close()
		var done *Recovery
		if done, err = r.recoverLocked(state); err == nil {
			return done, nil
		}
	}
	pending := &Recovery{Outcome: Pending, Err: err}
	if rec, err := readRecord(state, intentName); err == nil {
		pending.describe(rec)
	}
	return pending, nil
}

func (rv *Recovery) describe(rec *record) {
	rv.Command, rv.Started, rv.Paths = rec.Command, rec.Started, rec.paths()
}

func (rec *record) paths() []string {
	paths := make([]string, len(rec.Files))
	for i, f := range rec.Files {
		paths[i] = f.Path
	}
	slices.Sort(paths)
	return paths
}

// recoverLocked finishes or undoes an interrupted change; the lock is held.
func (r *Repo) recoverLocked(state *tree) (*Recovery, error) {
	rec, err := readRecord(state, intentName)
	switch {
	case isAbsent(err):
		return nil, nil
	case err == errCorrupt:
		if err := r.sweep(); err != nil {
			return nil, err
		}
		return &Recovery{Outcome: Undone}, state.remove(intentName)
	case err != nil:
		return nil, err
	}
	tx := &transaction{files: r.files, state: state, rec: rec}
	result := &Recovery{}
	result.describe(rec)
	now, err := tx.survey()
	if err != nil {
		return nil, fmt.Errorf("looking at an interrupted change: %w", err)
	}
	if err := tx.settle(now, result); err != nil {
		return nil, fmt.Errorf("recovering from an interrupted change: %w", err)
	}
	return result, nil
}

// A survey sorts the files of an interrupted change.
type survey struct {
	done    int          // have, or had until someone edited them, their new bytes
	pending []recordFile // can be put in place
	lost    []string     // have their old bytes, the new ones are gone
	foreign []string     // have other bytes
}

func (s survey) clean() bool { return len(s.lost)+len(s.foreign) == 0 }

func (tx *transaction) survey() (survey, error) {
	var s survey
	for _, f := range tx.rec.Files {
		now, err := tx.current(f.Path)
		if err != nil {
			return s, err
		}
		temp, err := tx.current(f.temp())
		switch {
		case err != nil:
			return s, err
		case temp == "" && (now == f.New || now != f.Old && f.New != ""):
			s.done++
		case now != f.Old && now != f.New:
			s.foreign = append(s.foreign, f.Path)
		case temp == f.New:
			s.pending = append(s.pending, f)
		default:
			s.lost = append(s.lost, f.Path)
		}
	}
	return s, nil
}

// settle brings all files to one side of the change.
func (tx *transaction) settle(now survey, result *Recovery) (err error) {
	back := tx.rec.Phase == phaseReverting
	switch tx.rec.Phase {
	case phasePrepared:
		if len(tx.rec.Files) > 1 || now.done == 0 {
			result.Outcome = Undone
			return tx.abandon(nil)
		}
	case phaseCommitted:
		if now.done == 0 && !now.clean() {
			result.Outcome = Undone
			return tx.abandon(nil)
		}
		if len(now.lost) > 0 && len(now.foreign) == 0 {
			if err := tx.enter(phaseReverting); err != nil {
				return err
			}
			back = true
		}
	}
	if back {
		result.Outcome = Undone
		if result.Conflicts, err = tx.restore(); err != nil {
			return err
		}
		return tx.abandon(nil)
	}
	// Where someone has written to a file since, no direction makes the change
	// whole, and forward keeps what was asked for.
	result.Outcome = Finished
	result.Conflicts = slices.Concat(now.foreign, now.lost)
	for _, f := range now.pending {
		if err := tx.place(f); err != nil {
			return err
		}
	}
	if err := tx.keepForeign(now); err != nil {
		return err
	}
	return tx.finish()
}

// keepForeign moves the new bytes of files that someone else has written to
// since out of the working tree.
func (tx *transaction) keepForeign(now survey) error {
	for i, f := range tx.rec.Files {
		if f.New == "" || !slices.Contains(now.foreign, f.Path) {
			continue
		}
		data, _, err := tx.files.read(f.temp())
		if isAbsent(err) {
			continue
		}
		if err != nil {
			return err
		}
		kept := path.Join(keptDir, fmt.Sprintf("%s-%d", tx.rec.ID, i))
		err = errors.Join(tx.state.mkdirAll(keptDir, 0o700), tx.state.remove(kept))
		if err == nil {
			err = writeSynced(tx.state, kept, data, 0o600, stamp{})
		}
		if err = errors.Join(err, tx.files.remove(f.temp())); err != nil {
			return err
		}
	}
	return nil
}

// sweep removes all temporaries below the root. It is for the one case where
// their names are lost.
func (r *Repo) sweep() error {
	root, err := os.OpenRoot(r.Root)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == ".git":
			return fs.SkipDir
		case entry.Type().IsRegular() && isTempName(entry.Name()):
			return r.files.remove(name)
		}
		return nil
	})
}

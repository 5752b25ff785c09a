package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// A transaction is a change under way. One that is recovered has neither
// changes nor stamps.
type transaction struct {
	files   *tree // below the repository's root
	state   *tree // the state folder
	rec     *record
	changes []Change // as rec.Files
	stamps  []stamp  // the old files
}

// begin notes what is about to be made, so that it can be cleaned up. It is
// not waited for: where a power loss cuts it short, recovery searches instead.
func (tx *transaction) begin() error {
	data, err := tx.rec.encode()
	if err != nil {
		return err
	}
	f, err := tx.state.create(intentName, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return &UnfinishedError{Err: errors.New("an earlier change is not finished")}
	}
	if err != nil {
		return fmt.Errorf("noting the change: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("noting the change: %w", err), tx.state.remove(intentName))
	}
	return nil
}

// prepare puts all new bytes, and a second name for all old ones, on disk.
func (tx *transaction) prepare(ctx context.Context) error {
	for _, dir := range tx.rec.Made {
		if err := tx.files.mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	kept := path.Join(undoDir, tx.rec.ID)
	if err := tx.state.mkdirAll(kept, 0o700); err != nil {
		return err
	}
	err := each(ctx, len(tx.changes), func(i int) error {
		if c := tx.changes[i]; c.Old != nil {
			return keepBytes(tx.files, c.Path, tx.state, tx.rec.oldPath(i), c.Old)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keeping the old files: %w", err)
	}
	err = each(ctx, len(tx.changes), func(i int) error {
		f, c := tx.rec.Files[i], tx.changes[i]
		if c.New == nil {
			return nil
		}
		return writeSynced(tx.files, f.temp(), c.New, f.NewMode, tx.stamps[i])
	})
	if err != nil {
		return fmt.Errorf("writing the new files: %w", err)
	}
	if err := errors.Join(tx.syncFolders(), tx.state.sync(kept), tx.state.sync(undoDir)); err != nil {
		return err
	}
	return tx.recheck(ctx)
}

// recheck looks a last time whether someone else wrote to the files.
func (tx *transaction) recheck(ctx context.Context) error {
	differs := make([]bool, len(tx.changes))
	err := each(ctx, len(tx.changes), func(i int) error {
		s, err := tx.files.stat(tx.changes[i].Path)
		if err != nil && !isAbsent(err) {
			return err
		}
		differs[i] = s != tx.stamps[i]
		return nil
	})
	if err != nil {
		return err
	}
	return changedError(tx.changes, differs)
}

// swap decides for the change and puts the new files in place.
func (tx *transaction) swap() error {
	if len(tx.rec.Files) > 1 {
		if err := tx.enter(phaseCommitted); err != nil {
			return tx.abandon(err)
		}
	}
	for i, f := range tx.rec.Files {
		if err := tx.place(f); err != nil {
			if i == 0 {
				return tx.abandon(err)
			}
			return tx.revert(err)
		}
	}
	if err := tx.finish(); err != nil {
		return &UnfinishedError{Err: err}
	}
	return nil
}

// enter makes a phase durable.
func (tx *transaction) enter(p phase) error {
	tx.rec.Phase = p
	data, err := tx.rec.encode()
	if err != nil {
		return err
	}
	if err := tx.state.replace(intentName, data, 0o600); err != nil {
		return fmt.Errorf("noting the change: %w", err)
	}
	return nil
}

// place puts one new file in place, or removes the old one.
func (tx *transaction) place(f recordFile) error {
	if f.New == "" {
		return tx.files.remove(f.Path)
	}
	return tx.files.rename(f.temp(), f.Path)
}

// finish makes the renames durable and turns the intent into the undo record.
func (tx *transaction) finish() error {
	if err := tx.syncFolders(); err != nil {
		return err
	}
	tx.removeEmptied()
	err := tx.removeTemps()
	if err != nil {
		return err
	}
	if tx.rec.NoUndo {
		if err = tx.state.remove(undoName); err == nil {
			err = tx.state.remove(intentName)
		}
	} else {
		err = tx.state.rename(intentName, undoName)
	}
	if err == nil {
		err = tx.state.sync(".")
	}
	if err != nil {
		return err
	}
	tx.collect()
	return nil
}

// abandon removes what a change that is not to be has left, and returns cause,
// which may be nil. The record goes last, so that a second try is possible.
func (tx *transaction) abandon(cause error) error {
	var errs []error
	for _, f := range tx.rec.Files {
		errs = append(errs, tx.files.remove(f.temp()))
	}
	for _, dir := range slices.Backward(tx.rec.Made) {
		errs = append(errs, tx.files.rmdir(dir))
	}
	errs = append(errs, tx.syncFolders(), tx.removeTemps(),
		removeFolder(tx.state, path.Join(undoDir, tx.rec.ID)))
	if err := errors.Join(errs...); err != nil {
		return &UnfinishedError{Err: errors.Join(cause, err)}
	}
	if err := errors.Join(tx.state.remove(intentName), tx.state.sync(".")); err != nil {
		return &UnfinishedError{Err: errors.Join(cause, err)}
	}
	return cause
}

// revert takes back a change of which some files are in place already.
func (tx *transaction) revert(cause error) error {
	if err := tx.enter(phaseReverting); err != nil {
		return &UnfinishedError{Err: errors.Join(cause, err)}
	}
	foreign, err := tx.restore()
	if err != nil {
		return &UnfinishedError{Err: errors.Join(cause, err)}
	}
	if foreign != nil {
		cause = errors.Join(cause, &ChangedError{Paths: foreign})
	}
	return tx.abandon(cause)
}

// restore puts the old bytes back where the new ones are. It returns the paths
// that it leaves alone because someone else wrote there, or because the old
// bytes are gone.
func (tx *transaction) restore() (foreign []string, err error) {
	for i, f := range tx.rec.Files {
		now, err := tx.current(f.Path)
		switch {
		case err != nil:
			return nil, err
		case now == f.Old:
		case now != f.New:
			foreign = append(foreign, f.Path)
		case f.Old == "":
			err = tx.files.remove(f.Path)
		default:
			err = tx.putBack(i, f)
		}
		if err == errGone {
			foreign, err = append(foreign, f.Path), nil
		}
		if err != nil {
			return nil, err
		}
	}
	return foreign, tx.syncFolders()
}

// errGone says that the bytes that a file had before are not kept any more.
var errGone = errors.New("the old bytes are gone")

func (tx *transaction) putBack(i int, f recordFile) error {
	data, _, err := tx.state.read(tx.rec.oldPath(i))
	if isAbsent(err) || err == nil && hash(data) != f.Old {
		return errGone
	}
	if err != nil {
		return err
	}
	s, err := tx.files.stat(f.Path)
	if err != nil && !isAbsent(err) {
		return err
	}
	if err := tx.files.remove(f.temp()); err != nil {
		return err
	}
	if err := writeSynced(tx.files, f.temp(), data, f.OldMode, s); err != nil {
		return err
	}
	return tx.files.rename(f.temp(), f.Path)
}

// current returns the hash of what lies at a path, empty where nothing does.
func (tx *transaction) current(name string) (string, error) {
	data, _, err := tx.files.read(name)
	if isAbsent(err) {
		return "", nil
	}
	return hash(data), err
}

// syncFolders makes the names in all folders of the change durable.
func (tx *transaction) syncFolders() error {
	dirs := make(map[string]bool)
	for _, f := range tx.rec.Files {
		dirs[path.Dir(f.Path)] = true
	}
	for _, dir := range tx.rec.Made {
		dirs[path.Dir(dir)] = true
	}
	var list []string
	for dir := range dirs {
		list = append(list, dir)
	}
	return each(context.Background(), len(list), func(i int) error {
		err := tx.files.sync(list[i])
		if isAbsent(err) { // emptied and removed before an interruption
			return nil
		}
		return err
	})
}

// removeEmptied removes the folders that removals left empty, as git does. It
// is tidiness only, so that a folder that stays is no failure.
func (tx *transaction) removeEmptied() {
	for _, f := range tx.rec.Files {
		if f.New != "" {
			continue
		}
		for dir := path.Dir(f.Path); strings.Contains(dir, "/"); dir = path.Dir(dir) {
			_ = tx.files.rmdir(dir)
		}
	}
}

// removeTemps removes what an interrupted enter left in the state folder.
func (tx *transaction) removeTemps() error {
	names, err := tx.state.names(".")
	for _, name := range names {
		if err == nil && isTempName(name) {
			err = tx.state.remove(name)
		}
	}
	return err
}

// collect removes the bytes that are kept of earlier changes. What it cannot
// remove it will find again after the next change.
func (tx *transaction) collect() {
	ids, _ := tx.state.names(undoDir)
	for _, id := range ids {
		if id != tx.rec.ID || tx.rec.NoUndo {
			_ = removeFolder(tx.state, path.Join(undoDir, id))
		}
	}
}

// removeFolder removes a folder of files.
func removeFolder(t *tree, dir string) error {
	names, err := t.names(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := t.remove(path.Join(dir, name)); err != nil {
			return err
		}
	}
	return t.rmdir(dir)
}

package repo

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// ErrNoInventory is returned by [Open] where neither the folder nor one above
// it, up to the root of the git work tree, holds keyreeve.yaml.
var ErrNoInventory = errors.New("no keyreeve.yaml in this folder or above it")

// ErrNotLocked is returned by writes that are tried without [Repo.Lock].
var ErrNotLocked = errors.New("the repository is not locked for writing")

// ErrNoGit is returned by operations that need git where there is none.
var ErrNoGit = errors.New("not in a git work tree")

// ErrNoUndo is returned by [Repo.LastChange] where there is nothing to undo.
var ErrNoUndo = errors.New("there is no change to undo")

// NestedError reports an inventory that lies below another one and was not named.
type NestedError struct{ Inner, Outer string }

func (e *NestedError) Error() string {
	return fmt.Sprintf("there are two inventories: one in %s and one above it in %s", e.Inner, e.Outer)
}

// NotFoundError reports a document that does not exist. It is
// [fs.ErrNotExist] to errors.Is.
type NotFoundError struct {
	Name    string // as it was asked for
	Nearest string // the most similar name that exists, or empty
}

func (e *NotFoundError) Error() string {
	if e.Nearest == "" {
		return fmt.Sprintf("there is no document %q", e.Name)
	}
	return fmt.Sprintf("there is no document %q, the nearest is %q", e.Name, e.Nearest)
}

// Is reports whether target is [fs.ErrNotExist].
func (e *NotFoundError) Is(target error) bool { return target == fs.ErrNotExist }

// AmbiguousError reports a name that stands for more than one document.
type AmbiguousError struct {
	Name       string
	Candidates []string // full names, sorted; each may be used in its place
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q is ambiguous: %s", e.Name, strings.Join(e.Candidates, ", "))
}

// RefError reports a ref that does not parse.
type RefError struct {
	Ref    string
	Reason string
}

func (e *RefError) Error() string { return fmt.Sprintf("bad ref %q: %s", e.Ref, e.Reason) }

// UnsafePathError reports a path that is refused because it could lead out of
// the repository, into git's folder, or to something that is no regular file.
type UnsafePathError struct {
	Path   string
	Reason string
}

func (e *UnsafePathError) Error() string { return fmt.Sprintf("refusing %q: %s", e.Path, e.Reason) }

// ChangedError reports files that do not hold the bytes that the change was
// computed from. Nothing was written.
type ChangedError struct {
	Paths []string // sorted
}

func (e *ChangedError) Error() string {
	if len(e.Paths) == 1 {
		return fmt.Sprintf("%s was changed by someone else in the meantime", e.Paths[0])
	}
	return fmt.Sprintf("%d files were changed by someone else in the meantime: %s",
		len(e.Paths), strings.Join(e.Paths, ", "))
}

// LockedError reports that another process held the lock for too long.
type LockedError struct {
	Holder string        // what the lock file says of its holder; may be empty
	Waited time.Duration // how long this process waited
}

func (e *LockedError) Error() string {
	who := "another process"
	if e.Holder != "" {
		who = e.Holder
	}
	return fmt.Sprintf("the repository is locked by %s (waited %s)", who, e.Waited.Round(time.Millisecond))
}

// UnfinishedError reports a change that was decided but could neither be
// finished nor taken back, because the file system failed twice. Its intent
// record is still there: the next [Open] or [Repo.Lock] tries again.
type UnfinishedError struct {
	Err error
}

func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("the change is only partly on disk and the next run will finish or undo it: %v", e.Err)
}

// Unwrap returns what stopped the change.
func (e *UnfinishedError) Unwrap() error { return e.Err }

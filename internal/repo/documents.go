package repo

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Documents lists the documents under policy as sorted paths: the regular
// files below secrets/, or those that [Repo.Covering] chose. README*,
// *.template and dot files are no documents, what git and keyreeve keep for
// themselves is not looked into, and symbolic links are left out ([Repo.Links]
// names them).
func (r *Repo) Documents() ([]string, error) {
	w, err := r.walk()
	return w.documents, err
}

// Links lists the symbolic links where documents lie, sorted. keyreeve neither
// reads nor writes through them.
func (r *Repo) Links() ([]string, error) {
	w, err := r.walk()
	return w.links, err
}

// Others lists the regular files below secrets/ that are no documents by their
// name, sorted. One that is encrypted all the same is under nobody's policy.
func (r *Repo) Others() ([]string, error) {
	w, err := r.walk()
	return w.others, err
}

// walked is what lies where documents lie.
type walked struct{ documents, links, others []string }

func (r *Repo) walk() (w walked, err error) {
	start := SecretsDir
	if r.covers != nil {
		start = "."
	}
	s, err := r.files.stat(start)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return w, nil
	case err != nil:
		return w, err
	case !s.isDir():
		return w, &UnsafePathError{Path: start, Reason: "not a folder"}
	}
	root, err := os.OpenRoot(r.Root)
	if err != nil {
		return w, err
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), start, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if !walksInto(name) {
				return fs.SkipDir
			}
		case entry.Type()&fs.ModeSymlink != 0:
			if r.isDocument(name) {
				w.links = append(w.links, name)
			}
		case entry.Type().IsRegular():
			switch {
			case r.isDocument(name):
				w.documents = append(w.documents, name)
			case strings.HasPrefix(name, SecretsDir+"/"):
				w.others = append(w.others, name)
			}
		}
		return nil
	})
	// The walk sorts within each folder; `a-b/x` sorts before `a/x`.
	slices.Sort(w.documents)
	slices.Sort(w.links)
	slices.Sort(w.others)
	return w, err
}

// walksInto leaves out what git and keyreeve keep for themselves: no path of a
// document can lead there.
func walksInto(name string) bool {
	return !strings.EqualFold(path.Base(name), ".git") && name != RecordDir
}

// isDocument reports whether a file at this path is a document under policy.
func (r *Repo) isDocument(name string) bool {
	if !documentName(path.Base(name)) {
		return false
	}
	if r.covers != nil {
		return r.covers(name)
	}
	return strings.HasPrefix(name, SecretsDir+"/")
}

func documentName(base string) bool {
	return !strings.HasPrefix(base, ".") &&
		!strings.HasPrefix(base, "README") &&
		!strings.HasSuffix(base, ".template")
}

// Rel turns a path of the operating system, relative to dir or absolute, into
// one relative to the root. It only computes: the file may be absent. A path
// outside the root is an [*UnsafePathError].
func (r *Repo) Rel(dir, name string) (string, error) {
	full := name
	if !filepath.IsAbs(full) {
		full = filepath.Join(dir, name)
	}
	full = filepath.Clean(full)
	// The root has its links resolved, so the folder of the file has to be too.
	if resolved, err := filepath.EvalSymlinks(filepath.Dir(full)); err == nil {
		full = filepath.Join(resolved, filepath.Base(full))
	}
	rel, err := filepath.Rel(r.Root, full)
	if err != nil || !filepath.IsLocal(rel) {
		return "", &UnsafePathError{Path: name, Reason: "it lies outside the repository"}
	}
	rel = filepath.ToSlash(rel)
	return rel, checkPath(rel)
}

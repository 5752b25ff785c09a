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
	docs, _, err := r.walk()
	return docs, err
}

// Links lists the symbolic links where documents lie, sorted. keyreeve neither
// reads nor writes through them.
func (r *Repo) Links() ([]string, error) {
	_, links, err := r.walk()
	return links, err
}

func (r *Repo) walk() (docs, links []string, err error) {
	start := SecretsDir
	if r.covers != nil {
		start = "."
	}
	s, err := r.files.stat(start)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, nil
	case err != nil:
		return nil, nil, err
	case !s.isDir():
		return nil, nil, &UnsafePathError{Path: start, Reason: "not a folder"}
	}
	root, err := os.OpenRoot(r.Root)
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), start, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if !walksInto(entry.Name()) {
				return fs.SkipDir
			}
		case entry.Type()&fs.ModeSymlink != 0:
			if r.isDocument(name) {
				links = append(links, name)
			}
		case entry.Type().IsRegular():
			if r.isDocument(name) {
				docs = append(docs, name)
			}
		}
		return nil
	})
	// The walk sorts within each folder; `a-b/x` sorts before `a/x`.
	slices.Sort(docs)
	slices.Sort(links)
	return docs, links, err
}

func walksInto(name string) bool { return !strings.EqualFold(name, ".git") && name != RecordDir }

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

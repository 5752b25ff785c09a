package repo

import (
	"path"
	"slices"
	"strings"
)

// stemEndings are the endings that a name may leave out, in the order in which
// ambiguous names are listed. Files with other endings are binary documents.
var stemEndings = []string{".env", ".ini", ".json", ".yaml", ".yml"}

// stem returns a path without its ending where that may be left out.
func stem(name string) (string, bool) {
	ending := path.Ext(name)
	if !slices.Contains(stemEndings, ending) {
		return name, false
	}
	return strings.TrimSuffix(name, ending), true
}

// Resolve finds the file that the document part of a ref names: the file of
// exactly this name, else the only one with this name and one of the endings
// .yaml .yml .json .env .ini. The errors are [*NotFoundError],
// [*AmbiguousError], [*RefError] and [*UnsafePathError].
func (r *Repo) Resolve(doc string) (string, error) {
	full, found, err := r.lookup(doc)
	if err != nil {
		return "", err
	}
	if !found {
		return "", r.notFound(doc, full)
	}
	return full, nil
}

// Target is [Repo.Resolve] for a write that may make the document: where there
// is none, it returns the path to make and false. That is a .yaml file unless
// the name has one of the endings, or the ref has no key path and so means a
// binary document under its full name.
func (r *Repo) Target(ref Ref) (full string, exists bool, err error) {
	full, exists, err = r.lookup(ref.Doc)
	if err != nil || exists {
		return full, exists, err
	}
	if _, known := stem(full); !known && (len(ref.Path) > 0 || ref.Tree > 0) {
		full += ".yaml"
	}
	if !documentName(path.Base(full)) {
		return "", false, &RefError{Ref: ref.Doc, Reason: "README*, *.template and dot files are no documents"}
	}
	return full, false, nil
}

// lookup returns the path of a document, or the plain path where it is absent.
func (r *Repo) lookup(doc string) (full string, found bool, err error) {
	if reason := checkDoc(doc); reason != "" {
		return "", false, &RefError{Ref: doc, Reason: reason}
	}
	full, outside := strings.CutPrefix(doc, "./")
	if !outside {
		full = SecretsDir + "/" + doc
	}
	if err := checkPath(full); err != nil {
		return "", false, err
	}
	if ok, err := r.present(full); ok || err != nil {
		return full, ok, err
	}
	var candidates []string
	for _, ending := range stemEndings {
		ok, err := r.present(full + ending)
		if err != nil {
			return "", false, err
		}
		if ok {
			candidates = append(candidates, full+ending)
		}
	}
	switch len(candidates) {
	case 0:
		return full, false, nil
	case 1:
		return candidates[0], true, nil
	}
	for i, name := range candidates {
		candidates[i] = plainName(name)
	}
	return "", false, &AmbiguousError{Name: doc, Candidates: candidates}
}

// present reports whether a document lies at the path. A symbolic link in its
// place is an error rather than an absent document.
func (r *Repo) present(name string) (bool, error) {
	if !documentName(path.Base(name)) {
		return false, nil
	}
	s, err := r.files.stat(name)
	switch {
	case isAbsent(err):
		return false, nil
	case err != nil:
		return false, err
	case s.isLink():
		return false, &UnsafePathError{Path: name, Reason: "a symbolic link"}
	}
	return s.regular(), nil
}

func (r *Repo) notFound(doc, full string) error {
	docs, err := r.Documents()
	if err != nil {
		return &NotFoundError{Name: doc}
	}
	// Someone who typed the path of a document means that document.
	if i, ok := slices.BinarySearch(docs, strings.TrimPrefix(full, SecretsDir+"/")); ok {
		return &NotFoundError{Name: doc, Nearest: Names(docs)[i]}
	}
	return &NotFoundError{Name: doc, Nearest: nearest(doc, Names(docs))}
}

// Name returns how refs name the document at a path: the name below secrets/,
// or ./ and the path elsewhere, without its ending unless another file would
// be meant. It looks at the disk; for a whole list use [Names].
func (r *Repo) Name(full string) string {
	return shortName(full, func(other string) bool {
		ok, err := r.present(other)
		return ok || err != nil
	})
}

// Names is [Repo.Name] for the documents of a list, in its order; they may be
// of another revision. The list has to hold all documents of their folders.
func Names(paths []string) []string {
	all := make(map[string]bool, len(paths))
	for _, p := range paths {
		all[p] = true
	}
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = shortName(p, func(other string) bool { return all[other] })
	}
	return names
}

// shortName leaves out the ending where nothing else has the name then.
func shortName(full string, exists func(string) bool) string {
	short, known := stem(full)
	if !known || !documentName(path.Base(short)) || exists(short) {
		return plainName(full)
	}
	for _, ending := range stemEndings {
		if other := short + ending; other != full && exists(other) {
			return plainName(full)
		}
	}
	return plainName(short)
}

// plainName writes a path the way refs do, ending and all.
func plainName(full string) string {
	if name, ok := strings.CutPrefix(full, SecretsDir+"/"); ok {
		return name
	}
	return "./" + full
}

// nearest returns the candidate with the fewest edits to name, or nothing
// where all are too different for it to be a slip.
func nearest(name string, candidates []string) string {
	best, found := max(2, len(name)/3)+1, ""
	for _, c := range candidates {
		if d := distance(name, c, best); d < best {
			best, found = d, c
		}
	}
	return found
}

// distance is the Levenshtein distance of two names in bytes, or limit where
// it is no less.
func distance(a, b string, limit int) int {
	if max(len(a), len(b))-min(len(a), len(b)) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next := min(row[j]+1, row[j+1]+1, diagonal+cost)
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return min(row[len(b)], limit)
}

package repo

import (
	"bytes"
	"context"
	"slices"
	"strings"
)

// ChangedDocuments lists the documents whose bytes differ between two revisions,
// sorted; an empty to is the working tree, with documents that git does not
// know yet. It compares what git has recorded and reads no document.
func (r *Repo) ChangedDocuments(ctx context.Context, from, to string) ([]string, error) {
	before, err := r.DocumentsAt(ctx, from)
	if err != nil {
		return nil, err
	}
	var after []string
	if to == "" {
		after, err = r.Documents()
	} else {
		after, err = r.DocumentsAt(ctx, to)
	}
	if err != nil {
		return nil, err
	}
	commit, err := r.commit(ctx, from)
	if err != nil {
		return nil, err
	}
	args := []string{"diff", "--name-only", "-z", "--no-renames", commit}
	if to != "" {
		if commit, err = r.commit(ctx, to); err != nil {
			return nil, err
		}
		args = append(args, commit)
	}
	out, err := r.Git(ctx, append(args, "--", ".")...)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, path := range before {
		known[path] = true
	}
	var changed []string
	for _, path := range after {
		if !known[path] {
			changed = append(changed, path) // perhaps untracked
		}
		known[path] = true
	}
	for name := range bytes.SplitSeq(out, []byte{0}) {
		if path := strings.TrimPrefix(string(name), r.Prefix()); known[path] {
			changed = append(changed, path)
		}
	}
	slices.Sort(changed)
	return slices.Compact(changed), nil
}

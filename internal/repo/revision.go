package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Head returns the commit that is checked out; empty before the first one.
func (r *Repo) Head(ctx context.Context) (string, error) {
	out, err := r.Git(ctx, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
	if failed := (*GitError)(nil); errors.As(err, &failed) && failed.Code == 1 {
		return "", nil
	}
	return strings.TrimSpace(string(out)), err
}

// commit resolves a revision that a person named.
func (r *Repo) commit(ctx context.Context, rev string) (string, error) {
	if rev == "" || strings.HasPrefix(rev, "-") {
		return "", fmt.Errorf("%q is no revision", rev)
	}
	out, err := r.Git(ctx, "rev-parse", "--verify", "--quiet", rev+"^{commit}")
	if failed := (*GitError)(nil); errors.As(err, &failed) && failed.Code == 1 {
		return "", fmt.Errorf("%q is no revision", rev)
	}
	return strings.TrimSpace(string(out)), err
}

// A treeFile is one file of a commit.
type treeFile struct {
	path string // relative to the root
	blob string
	link bool
}

// filesAt lists the files of a commit at or below a path of the repository,
// "" for all of it.
func (r *Repo) filesAt(ctx context.Context, rev, below string) ([]treeFile, error) {
	commit, err := r.commit(ctx, rev)
	if err != nil {
		return nil, err
	}
	args := []string{"ls-tree", "-r", "-z", "--full-tree", commit}
	if at := r.Prefix() + below; at != "" {
		args = append(args, "--", at)
	}
	out, err := r.Git(ctx, args...)
	if err != nil {
		return nil, err
	}
	var files []treeFile
	for line := range bytes.SplitSeq(out, []byte{0}) {
		// "100644 blob 8a0c…\tpath"; a submodule is a commit instead.
		info, name, ok := strings.Cut(string(line), "\t")
		fields := strings.Fields(info)
		if !ok || len(fields) != 3 || fields[1] != "blob" {
			continue
		}
		files = append(files, treeFile{
			path: strings.TrimPrefix(name, r.Prefix()), blob: fields[2], link: fields[0] == "120000",
		})
	}
	return files, nil
}

// DocumentsAt is [Repo.Documents] for a revision.
func (r *Repo) DocumentsAt(ctx context.Context, rev string) ([]string, error) {
	below := ""
	if r.covers == nil {
		below = SecretsDir + "/"
	}
	files, err := r.filesAt(ctx, rev, below)
	if err != nil {
		return nil, err
	}
	var docs []string
	for _, f := range files {
		if !f.link && r.walkedTo(f.path) && r.isDocument(f.path) {
			docs = append(docs, f.path)
		}
	}
	slices.Sort(docs)
	return docs, nil
}

// walkedTo reports whether the walk of the working tree comes to this path.
func (r *Repo) walkedTo(name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if !walksInto(dir) {
			return false
		}
	}
	return true
}

// ReadAt is [Repo.Read] for a revision. An absent file is a [*NotFoundError].
func (r *Repo) ReadAt(ctx context.Context, rev, name string) ([]byte, error) {
	if err := checkPath(name); err != nil {
		return nil, err
	}
	files, err := r.filesAt(ctx, rev, name)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		switch {
		case f.path != name:
		case f.link:
			return nil, &UnsafePathError{Path: name, Reason: "a symbolic link"}
		default:
			return r.Git(ctx, "cat-file", "blob", f.blob)
		}
	}
	return nil, &NotFoundError{Name: name}
}

// A FileStatus is a file that differs from the last commit.
type FileStatus struct {
	Path string // relative to the root
	Code string // git's two letters: the index, then the working tree; ?? untracked
}

// Uncommitted lists what differs from the last commit below the root.
func (r *Repo) Uncommitted(ctx context.Context) ([]FileStatus, error) {
	out, err := r.Git(ctx, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--", ".")
	if err != nil {
		return nil, err
	}
	var list []FileStatus
	for line := range bytes.SplitSeq(out, []byte{0}) {
		if len(line) < 4 {
			continue
		}
		list = append(list, FileStatus{
			Code: string(line[:2]), Path: strings.TrimPrefix(string(line[3:]), r.Prefix()),
		})
	}
	return list, nil
}

// Committed reports whether the last commit holds any part of a change, in
// which case it is too late to undo it.
func (r *Repo) Committed(ctx context.Context, undo *Undo) (bool, error) {
	if !r.HasGit() {
		return false, nil
	}
	head, err := r.Head(ctx)
	if err != nil || head == "" {
		return false, err
	}
	for _, c := range undo.Changes {
		data, err := r.ReadAt(ctx, head, c.Path)
		switch {
		case isAbsent(err) && c.Old == nil:
			// Removed, and not in the commit: committed if it ever was there.
			out, err := r.Git(ctx, "rev-list", "-1", head, "--", c.Path)
			if err != nil || len(out) > 0 {
				return err == nil, err
			}
		case isAbsent(err):
		case err != nil:
			return false, err
		case c.Old != nil && bytes.Equal(data, c.Old):
			return true, nil
		}
	}
	return false, nil
}

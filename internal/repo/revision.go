package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
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

// An Origin says who last changed lines of a file.
type Origin struct {
	First, Last int    // lines, from 1
	Commit      string // empty where they are not committed
	Author      string
	Mail        string // without angle brackets
	Time        time.Time
	Summary     string // first line of the commit's message
}

// Origins says who last changed the lines first to last of a file in the
// working tree, in order and joined where neighbours have one commit.
func (r *Repo) Origins(ctx context.Context, name string, first, last int) ([]Origin, error) {
	if err := checkPath(name); err != nil {
		return nil, err
	}
	lines := fmt.Sprintf("%d,%d", first, last)
	out, err := r.Git(ctx, "blame", "--porcelain", "-L", lines, "--", name)
	if err != nil {
		return nil, err
	}
	return parseBlame(string(out)), nil
}

// parseBlame reads git's porcelain format: for every line its commit and
// numbers, at a commit's first line what is known of it, then a tab and the
// line itself.
func parseBlame(out string) []Origin {
	known := map[string]*Origin{}
	var list []Origin
	var commit string
	for line := range strings.SplitSeq(out, "\n") {
		name, value, _ := strings.Cut(line, " ")
		at := known[commit]
		switch {
		case strings.HasPrefix(line, "\t"):
			if n := len(list) - 1; n >= 0 && list[n].Last+1 == at.First && list[n].Commit == at.Commit {
				list[n].Last = at.First
				continue
			}
			list = append(list, *at)
		case isCommit(name):
			commit = name
			if known[commit] == nil {
				known[commit] = &Origin{Commit: commit}
				if strings.Trim(commit, "0") == "" {
					known[commit].Commit = ""
				}
			}
			if fields := strings.Fields(value); len(fields) >= 2 {
				n, _ := strconv.Atoi(fields[1])
				known[commit].First, known[commit].Last = n, n
			}
		case at == nil:
		case name == "author":
			at.Author = value
		case name == "author-mail":
			at.Mail = strings.Trim(value, "<>")
		case name == "author-time":
			seconds, _ := strconv.ParseInt(value, 10, 64)
			at.Time = time.Unix(seconds, 0).UTC()
		case name == "summary":
			at.Summary = value
		}
	}
	return list
}

func isCommit(word string) bool {
	return (len(word) == 40 || len(word) == 64) && strings.Trim(word, "0123456789abcdef") == ""
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

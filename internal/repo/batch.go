package repo

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// ChangedSince returns those of the paths that may differ from a revision, in
// their order: the working tree's or the index's bytes are others, or were
// touched. Nothing is left out; a path that did not change may be among them.
// Without a commit there are none.
func (r *Repo) ChangedSince(ctx context.Context, rev string, names []string) ([]string, error) {
	if !r.HasGit() || len(names) == 0 {
		return nil, nil
	}
	if head, err := r.Head(ctx); err != nil || head == "" {
		return nil, err
	}
	out, err := r.Git(ctx, "diff-index", "--name-only", "-z", "--no-renames", rev, "--")
	if err != nil {
		return nil, err
	}
	differs := map[string]bool{}
	for name := range bytes.SplitSeq(out, []byte{0}) {
		differs[strings.TrimPrefix(string(name), r.Prefix())] = true
	}
	var changed []string
	for _, name := range names {
		if differs[name] {
			changed = append(changed, name)
		}
	}
	return changed, nil
}

// ReadAllAt is [Repo.ReadAt] for many files in one run of git. What is absent,
// or a symbolic link, is nil.
func (r *Repo) ReadAllAt(ctx context.Context, rev string, names []string) ([][]byte, error) {
	files, err := r.filesAt(ctx, rev, "")
	if err != nil {
		return nil, err
	}
	blobs := map[string]string{}
	for _, f := range files {
		if !f.link {
			blobs[f.path] = f.blob
		}
	}
	var input strings.Builder
	for _, name := range names {
		if blob := blobs[name]; blob != "" {
			input.WriteString(blob + "\n")
		}
	}
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	cmd := r.GitCommand(ctx, "cat-file", "--batch")
	cmd.Stdin = strings.NewReader(input.String())
	out, err := cmd.Output()
	if err != nil {
		return nil, &GitError{Verb: "cat-file", Code: -1, Err: err}
	}
	contents := make([][]byte, len(names))
	reader := bufio.NewReader(bytes.NewReader(out))
	for i, name := range names {
		if blobs[name] == "" {
			continue
		}
		if contents[i], err = readBlob(reader); err != nil {
			return nil, fmt.Errorf("reading %s at %s: %w", name, rev, err)
		}
	}
	return contents, nil
}

// readBlob reads one answer of cat-file --batch: "ID blob SIZE", the bytes and a
// line end.
func readBlob(r *bufio.Reader) ([]byte, error) {
	head, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(head)
	if len(fields) != 3 {
		return nil, fmt.Errorf("git says %q", strings.TrimSpace(head))
	}
	size, err := strconv.Atoi(fields[2])
	if err != nil {
		return nil, err
	}
	data := make([]byte, size+1)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, err
	}
	return data[:size], nil
}

package lockstep

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"keyreeve/internal/repo"
	"keyreeve/sops"
)

// A Verdict says of one document whether it decrypts and its MAC holds.
type Verdict struct {
	Document string
	Err      error // nil; a *[LockedError]; a *[sops.IntegrityError]; or another
}

// VerifyOptions say what is verified. The zero value is every document of the
// working tree.
type VerifyOptions struct {
	Revision string
	Paths    []string // documents, or folders above them
	Progress func(done, total int)
}

// Verify decrypts documents, several at a time. It calls the progress function
// after each, from several goroutines.
func (s *Session) Verify(ctx context.Context, opts VerifyOptions) ([]Verdict, error) {
	paths, err := s.Repo.Documents()
	if opts.Revision != "" {
		paths, err = s.Repo.DocumentsAt(ctx, opts.Revision)
	}
	if err != nil {
		return nil, err
	}
	paths = slices.DeleteFunc(paths, func(p string) bool { return !PlanOptions{Paths: opts.Paths}.covers(p) })
	read := func(i int) ([]byte, error) { return s.Repo.Read(paths[i]) }
	if opts.Revision != "" {
		contents, err := s.Repo.ReadAllAt(ctx, opts.Revision, paths)
		if err != nil {
			return nil, err
		}
		read = func(i int) ([]byte, error) { return contents[i], nil }
	}
	verdicts := make([]Verdict, len(paths))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	count := counter(opts.Progress, len(paths))
	for i, path := range paths {
		group.Go(func() error {
			data, err := read(i)
			if err == nil {
				err = s.verify(path, data)
			}
			verdicts[i] = Verdict{path, err}
			count()
			return ctx.Err()
		})
	}
	return verdicts, group.Wait()
}

func (s *Session) verify(path string, data []byte) error {
	d, err := sops.Parse(data, sops.FormatOf(path))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return s.Decrypt(path, d)
}

// A ReturnError reports an undo that would bring a removed reader back.
type ReturnError struct{ Path, Reader string }

func (e *ReturnError) Error() string {
	return fmt.Sprintf("undoing this would let %s read %s again", e.Reader, e.Path)
}

// CheckUndo refuses to bring a removed reader back.
func (s *Session) CheckUndo(undo *repo.Undo) error {
	for _, c := range undo.Changes {
		now, err := sops.Parse(c.Old, sops.FormatOf(c.Path))
		before, err2 := sops.Parse(c.New, sops.FormatOf(c.Path))
		if errors.Join(err, err2) != nil {
			continue
		}
		for _, recipient := range before.Metadata.Recipients() {
			if !slices.Contains(now.Metadata.Recipients(), recipient) {
				return &ReturnError{c.Path, s.Name(recipient)}
			}
		}
	}
	return nil
}

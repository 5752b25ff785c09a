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

// Verify decrypts every document, in the working tree or at a revision. It calls
// progress, unless that is nil, after each from several goroutines.
func (s *Session) Verify(ctx context.Context, revision string, progress func(done, total int)) ([]Verdict, error) {
	paths, err := s.Repo.Documents()
	if revision != "" {
		paths, err = s.Repo.DocumentsAt(ctx, revision)
	}
	if err != nil {
		return nil, err
	}
	verdicts := make([]Verdict, len(paths))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	count := counter(progress, len(paths))
	for i, path := range paths {
		group.Go(func() error {
			verdicts[i] = Verdict{path, s.verify(ctx, path, revision)}
			count()
			return ctx.Err()
		})
	}
	return verdicts, group.Wait()
}

func (s *Session) verify(ctx context.Context, path, revision string) error {
	data, err := s.Repo.Read(path)
	if revision != "" {
		data, err = s.Repo.ReadAt(ctx, revision, path)
	}
	if err != nil {
		return err
	}
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

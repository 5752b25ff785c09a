package lockstep

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

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

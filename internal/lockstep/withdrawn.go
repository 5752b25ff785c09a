package lockstep

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"keyreeve/fleet"
	"keyreeve/internal/repo"
)

// head returns the commit that is checked out, or "".
func (s *Session) head(ctx context.Context) (string, error) {
	if !s.Repo.HasGit() {
		return "", nil
	}
	return s.Repo.Head(ctx)
}

// unpinWithdrawn takes from pins what a commit since then withdrew, and a later
// one may have brought back: that was not accepted here. Where the history since
// then is not known, as after it was rewritten, pins stay as they are.
func (s *Session) unpinWithdrawn(ctx context.Context, pins *repo.Pins, head string) error {
	if pins.Head == "" || head == "" || pins.Head == head {
		return nil
	}
	out, err := s.Repo.Git(ctx, "log", "--full-history", fmt.Sprintf("--max-count=%d", maxOrigins), "--format=%H %P", pins.Head+".."+head, "--", repo.InventoryName)
	if err != nil {
		return ctx.Err()
	}
	granted := map[string]map[repo.Grant]bool{}
	at := func(commit string) (map[repo.Grant]bool, error) {
		if granted[commit] == nil {
			grants, err := s.grantedAt(ctx, commit)
			if err != nil {
				return nil, err
			}
			granted[commit] = pinnedOf(grants)
		}
		return granted[commit], nil
	}
	for line := range strings.Lines(string(out)) {
		commits := strings.Fields(line)
		after, err := at(commits[0])
		if err != nil {
			return err
		}
		for _, parent := range commits[1:] {
			before, err := at(parent)
			if err != nil {
				return err
			}
			pins.Grants = slices.DeleteFunc(pins.Grants, func(g repo.Grant) bool { return before[g] && !after[g] })
		}
	}
	return nil
}

// pinnedOf returns grants as they are recorded.
func pinnedOf(grants map[fleet.Grant]bool) map[repo.Grant]bool {
	all := make(map[repo.Grant]bool, len(grants))
	for g := range grants {
		all[pinned(g)] = true
	}
	return all
}

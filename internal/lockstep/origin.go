package lockstep

import (
	"context"
	"fmt"
	"strings"
	"time"

	"keyreeve/fleet"
	"keyreeve/internal/repo"
)

// maxOrigins bounds how many versions of the inventory are looked at.
const maxOrigins = 500

// An Origin says which commit brought a grant. It has no Commit where the grant
// is not committed, or where it is older than what was looked at.
type Origin struct {
	Grant   fleet.Grant
	Commit  string
	Author  string
	Time    time.Time
	Summary string
}

// Origins finds the commits that brought grants, by what the inventory granted
// at each commit that changed it: a line about a group, a scope or an admin can
// bring a grant as well as the recipient's own line.
func (s *Session) Origins(ctx context.Context, grants []fleet.Grant) ([]Origin, error) {
	origins := make([]Origin, len(grants))
	open := map[fleet.Grant]int{}
	for i, g := range grants {
		origins[i].Grant = g
		open[g] = i
	}
	if !s.Repo.HasGit() {
		return origins, nil
	}
	if head, err := s.Repo.Head(ctx); err != nil || head == "" {
		return origins, err
	}
	commits, err := s.inventoryCommits(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range commits {
		granted, err := s.grantedAt(ctx, c.Commit)
		if err != nil {
			return nil, err
		}
		for g, i := range open {
			if !granted[g] {
				delete(open, g)
				continue
			}
			c.Grant = g
			origins[i] = c
		}
		if len(open) == 0 {
			break
		}
	}
	return origins, nil
}

// inventoryCommits lists the commits that changed the inventory, newest first.
func (s *Session) inventoryCommits(ctx context.Context) ([]Origin, error) {
	out, err := s.Repo.Git(ctx, "log", "-z", fmt.Sprintf("--max-count=%d", maxOrigins), "--format=%H%n%an%n%aI%n%s", "--", repo.InventoryName)
	if err != nil {
		return nil, err
	}
	var commits []Origin
	for record := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		fields := strings.SplitN(record, "\n", 4)
		if len(fields) < 4 {
			break
		}
		at, _ := time.Parse(time.RFC3339, fields[2])
		commits = append(commits, Origin{Commit: fields[0], Author: fields[1], Time: at, Summary: fields[3]})
	}
	return commits, nil
}

// grantedAt returns what the inventory granted at a commit; nothing where it was
// absent or no inventory.
func (s *Session) grantedAt(ctx context.Context, commit string) (map[fleet.Grant]bool, error) {
	granted := map[fleet.Grant]bool{}
	data, err := s.Repo.ReadAt(ctx, commit, repo.InventoryName)
	if _, absent := err.(*repo.NotFoundError); absent {
		return granted, nil
	}
	if err != nil {
		return nil, err
	}
	if inventory, _ := fleet.Parse(repo.InventoryName, data); inventory != nil {
		for _, g := range inventory.Policy().Grants() {
			granted[g] = true
		}
	}
	return granted, nil
}

package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyreeve/fleet"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
)

func today() string { return time.Now().UTC().Format(time.DateOnly) }

// principalCommand is user, host or recovery.
func (a *app) principalCommand(kind fleet.PrincipalKind) *cobra.Command {
	short := map[fleet.PrincipalKind]string{fleet.UserKind: "People and robots", fleet.HostKind: "Machines", fleet.RecoveryKind: "Recovery recipients, kept offline"}[kind]
	c := family(string(kind), short)
	c.AddCommand(a.addCommand(kind), a.removeCommand(kind), a.listCommand(kind), a.showCommand(kind), a.renameCommand(kind))
	if kind != fleet.RecoveryKind {
		c.AddCommand(a.recipientCommand(kind))
	}
	if kind == fleet.UserKind {
		c.AddCommand(a.userSetCommand())
	}
	return c
}

// edit changes the inventory and brings everything else to it.
func (a *app) edit(name, asks string, edit func(*fleet.Inventory) error) error {
	return a.write(name, func(s *lockstep.Session) (*change, error) { return a.planned(s, asks, lockstep.PlanOptions{}, edit) })
}

// planned is the change that an edit of the inventory leads to.
func (a *app) planned(s *lockstep.Session, asks string, opts lockstep.PlanOptions, edit func(*fleet.Inventory) error) (*change, error) {
	next := s.Inventory.Clone()
	if err := edit(next); err != nil {
		return nil, err
	}
	progress := a.progress("rekey")
	opts.Progress = progress.Update
	plan, err := s.Plan(a.ctx, next, opts)
	progress.Stop()
	if err != nil {
		return nil, err
	}
	return &change{next: next, files: plan.Changes, pending: plan.Pending, failed: plan.Failed, plan: plan, preview: preview(s, plan), asks: asks}, nil
}

// ownDocuments returns the documents in a principal's own folder.
func ownDocuments(s *lockstep.Session, p fleet.Principal) ([]string, error) {
	folder := map[fleet.PrincipalKind]string{fleet.UserKind: "users/" + p.Name, fleet.HostKind: p.Name, fleet.GroupKind: "groups/" + p.Name}[p.Kind]
	if folder == "" || s.Inventory.Layout() != fleet.LayoutStandard {
		return nil, nil
	}
	paths, err := s.Repo.Documents()
	return slices.DeleteFunc(paths, func(path string) bool {
		return !strings.HasPrefix(path, repo.SecretsDir+"/"+folder+"/")
	}), err
}

// count puts a number before its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

package cli

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"keyreeve/internal/lockstep"
)

func (a *app) rekeyCommand() *cobra.Command {
	var only bool
	var opts lockstep.PlanOptions
	c := command("rekey [PATH…]", "Bring the documents' recipients and .sops.yaml to policy", "  keyreeve rekey\n  keyreeve rekey --check secrets/common", cobra.ArbitraryArgs, func(args []string) error {
		if only {
			a.dryRun = true
		}
		drifted := false
		err := a.write("rekey", func(s *lockstep.Session) (*change, error) {
			dir, err := filepath.Abs(a.dir)
			if err != nil {
				return nil, err
			}
			for _, name := range args {
				path, err := s.Repo.Rel(dir, name)
				if err != nil {
					return nil, err
				}
				opts.Paths = append(opts.Paths, path)
			}
			progress := a.progress("rekey")
			opts.Progress = progress.Update
			plan, err := s.Plan(a.ctx, nil, opts)
			progress.Stop()
			if err != nil {
				return nil, err
			}
			drifted = len(plan.Changes)+len(plan.Pending)+len(plan.Failed) > 0
			lines := preview(s, plan)
			if !drifted {
				lines = []string{"everything is as policy says"}
			}
			return &change{files: plan.Changes, pending: plan.Pending, failed: plan.Failed, noUndo: opts.NewDataKey, report: only, plan: plan, preview: lines}, nil
		})
		if err == nil && only && drifted {
			return &findingsError{}
		}
		return err
	})
	c.Flags().BoolVar(&opts.NewDataKey, "new-data-key", false, "replace the data keys even without a removal")
	c.Flags().BoolVar(&opts.Rewrap, "rewrap", false, "wrap the data keys afresh even without drift")
	c.Flags().BoolVar(&only, "check", false, "write nothing; exit 3 if there is drift")
	return a.writes(c)
}

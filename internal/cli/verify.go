package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"keyreeve/internal/lockstep"
	"keyreeve/sops"
)

func (a *app) verifyCommand() *cobra.Command {
	var revision string
	c := command("verify", "Decrypt every document and check its MAC", "  keyreeve verify\n  keyreeve verify --at HEAD~10", cobra.NoArgs, func([]string) error {
		s, err := a.session()
		if err != nil {
			return err
		}
		start := time.Now()
		progress := a.progress("verify")
		verdicts, err := s.Verify(a.ctx, revision, progress.Update)
		progress.Stop()
		if err != nil {
			return err
		}
		var locked []string
		var worst error
		good := 0
		rows := []map[string]any{}
		for _, v := range verdicts {
			row := map[string]any{"document": v.Document, "ok": v.Err == nil}
			_, isLocked := as[*lockstep.LockedError](v.Err)
			switch {
			case v.Err == nil:
				good++
			case isLocked:
				locked = append(locked, v.Document)
			default:
				if _, tampered := as[*sops.IntegrityError](v.Err); tampered || worst == nil {
					worst = v.Err
				}
				if !a.json {
					fmt.Fprintln(a.out, v.Err)
				}
			}
			if v.Err != nil {
				row["error"] = v.Err.Error()
			}
			rows = append(rows, row)
		}
		if a.json {
			if err := a.printJSON(map[string]any{"documents": rows}); err != nil {
				return err
			}
		} else if !a.quiet {
			fmt.Fprintf(a.out, "%d of %s verified in %.2f s\n", good, count(len(verdicts), "document", "documents"), time.Since(start).Seconds())
		}
		if worst == nil && len(locked) > 0 {
			return &partialError{locked}
		}
		return worst
	})
	c.Flags().StringVar(&revision, "at", "", "verify the documents of this git `REVISION`")
	return c
}

package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"keyreeve/internal/lockstep"
	"keyreeve/internal/term"
	"keyreeve/sops"
)

func (a *app) verifyCommand() *cobra.Command {
	var opts lockstep.VerifyOptions
	c := command("verify [PATH…]", "Decrypt documents and check their MACs, now or at a revision",
		"  keyreeve verify\n  keyreeve verify --at HEAD~10 secrets/common", cobra.ArbitraryArgs, func(args []string) error {
			s, err := a.session()
			if err != nil {
				return err
			}
			if opts.Paths, err = a.relative(s.Repo, args); err != nil {
				return err
			}
			start := time.Now()
			progress := a.progress("verify")
			opts.Progress = progress.Update
			verdicts, err := s.Verify(a.ctx, opts)
			progress.Stop()
			if err != nil {
				return err
			}
			return a.reportVerdicts(s, verdicts, time.Since(start))
		})
	c.Flags().StringVar(&opts.Revision, "at", "", "verify the documents of this git `REVISION`")
	return c
}

// reportVerdicts prints what does not verify and returns the worst of it:
// tampering, then other faults, then documents that no key opens.
func (a *app) reportVerdicts(s *lockstep.Session, verdicts []lockstep.Verdict, took time.Duration) error {
	var locked []string
	var tampered, broken error
	good := 0
	rows := []map[string]any{}
	for _, v := range verdicts {
		state := "ok"
		if v.Err == nil {
			good++
		} else if _, ok := as[*lockstep.LockedError](v.Err); ok {
			state, locked = "locked", append(locked, v.Document)
		} else if _, ok := as[*sops.IntegrityError](v.Err); ok {
			state, tampered = "tampered", firstError(tampered, v.Err)
		} else {
			state, broken = "error", firstError(broken, v.Err)
		}
		row := map[string]any{"document": s.Repo.Name(v.Document), "path": v.Document, "ok": v.Err == nil, "state": state}
		if v.Err != nil {
			row["error"] = v.Err.Error()
			if !a.json {
				fmt.Fprintf(a.out, "%-8s  %s\n", state, term.Printable(v.Err.Error()))
			}
		}
		rows = append(rows, row)
	}
	if a.json {
		if err := a.printJSON(map[string]any{"documents": rows}); err != nil {
			return err
		}
	} else if !a.quiet {
		fmt.Fprintf(a.out, "%d of %s verified in %.2f s\n", good, count(len(verdicts), "document", "documents"), took.Seconds())
	}
	switch {
	case tampered != nil:
		return tampered
	case broken != nil:
		return broken
	case len(verdicts) == 1:
		return verdicts[0].Err
	case len(locked) > 0:
		return &partialError{pending: locked}
	}
	return nil
}

func firstError(first, next error) error {
	if first != nil {
		return first
	}
	return next
}

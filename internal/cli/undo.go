package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/internal/term"
)

func (a *app) undoCommand() *cobra.Command {
	return a.writes(command("undo", "Take back the last change, if it is not committed", "  keyreeve undo\n  keyreeve undo --yes", cobra.NoArgs, func([]string) error {
		r, err := repo.Open(a.dir)
		if err != nil {
			return err
		}
		lock, err := a.lock(r, "undo")
		if err != nil {
			return err
		}
		defer lock.Unlock()
		s, err := lockstep.OpenRepo(r, a.ring())
		if err != nil {
			return err
		}
		undo, err := r.LastChange()
		if err != nil {
			return err
		}
		if committed, err := r.Committed(a.ctx, undo); err != nil || committed {
			return errors.Join(err, &conflictError{"the change is committed already", "git revert"})
		}
		if err := s.CheckUndo(undo); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "takes back %s of %s:\n", undo.Command, undo.Time.Format(time.DateTime))
		for _, c := range undo.Changes {
			fmt.Fprintln(a.out, "  "+term.Printable(c.Path))
		}
		if a.dryRun {
			return nil
		}
		if err := a.confirm("Take it back?"); err != nil {
			return err
		}
		if err := r.Undo(a.ctx, undo); err != nil {
			return err
		}
		if s, err = lockstep.OpenRepo(r, a.ring()); err != nil {
			return err
		}
		return s.Forget(a.pinDir())
	}))
}

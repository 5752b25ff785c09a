package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"keyreeve/internal/edit"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/internal/term"
)

func (a *app) editCommand() *cobra.Command {
	return a.writes(command("edit DOC", "Edit a document in your editor; plaintext stays in memory", "  keyreeve edit common/services\n  EDITOR=nano keyreeve edit potato/wifi", cobra.ExactArgs(1), func(args []string) error {
		ref, err := repo.ParseRef(args[0])
		if err != nil {
			return err
		}
		if len(ref.Path) > 0 {
			return &usageError{"edit opens a whole document", "keyreeve edit " + ref.Doc}
		}
		if editorCommand() == fallbackEditor && !term.IsTerminal(a.in) {
			return &usageError{"there is no terminal to edit on, and no EDITOR", "EDITOR=PROGRAM keyreeve edit " + args[0] + ", or keyreeve set"}
		}
		e := edit.Editor{Command: editorCommand(), In: a.in, Out: a.out, Err: a.err, Warn: func(w string) { a.note("%s", w) }}
		if !e.Quiet() {
			a.note("%s may write copies of the plaintext elsewhere", e.Command)
		}
		if term.IsTerminal(a.in) {
			e.Again = func(err error) bool {
				fmt.Fprintf(a.err, "keyreeve: %s\n", err)
				return a.confirm("Edit again?") == nil
			}
		}
		return a.write("edit", func(s *lockstep.Session) (*change, error) {
			files, err := edit.Edit(a.ctx, s, ref, e)
			c := &change{files: files}
			if err == nil && files == nil {
				c.preview = []string{"unchanged"}
			}
			return c, err
		})
	}))
}

// fallbackEditor is started where a person has chosen none, as by sops.
const fallbackEditor = "vi"

// editorCommand is the editor of the person's choice, as sops looks for it.
func editorCommand() string {
	for _, name := range []string{"SOPS_EDITOR", "VISUAL", "EDITOR"} {
		if command := os.Getenv(name); command != "" {
			return command
		}
	}
	return fallbackEditor
}

package cli

import (
	"fmt"
	"os"
	"text/tabwriter"

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
		e := edit.Editor{In: a.in, Out: a.out, Err: a.err, Warn: func(w string) { a.note("%s", w) }}
		for _, name := range []string{"SOPS_EDITOR", "VISUAL", "EDITOR"} {
			if e.Command == "" {
				e.Command = os.Getenv(name)
			}
		}
		if e.Command == "" {
			e.Command = "vi"
		}
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

func (a *app) statusCommand() *cobra.Command {
	return command("status", "My identities, what I can open, what is pending", "  keyreeve status\n  keyreeve status --json", cobra.NoArgs, func([]string) error {
		s, err := a.session()
		if err != nil {
			return err
		}
		rows, err := accessRows(s)
		if err != nil {
			return err
		}
		opens, drift := 0, 0
		type identity struct {
			Recipient string `json:"recipient"`
			Principal string `json:"principal"`
			Source    string `json:"source"`
		}
		mine := []identity{}
		for _, id := range a.ring().Identities() {
			mine = append(mine, identity{id.Recipient(), s.Name(id.Recipient()), id.Source().String()})
		}
		for _, r := range rows {
			for _, recipient := range r.document.Metadata.Recipients() {
				if a.ring().Has(recipient) {
					opens++
					break
				}
			}
			if change, err := s.Compare(r.path, r.document); err != nil || change != nil {
				drift++
			}
		}
		changed, err := s.Repo.Uncommitted(a.ctx)
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(map[string]any{"identities": mine, "documents": len(rows), "opens": opens, "drift": drift, "uncommitted": len(changed)})
		}
		w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
		for _, id := range mine {
			fmt.Fprintf(w, "%s\t%s\t%s\n", id.Principal, id.Recipient, id.Source)
		}
		w.Flush()
		fmt.Fprintf(a.out, "opens %d of %s\n", opens, count(len(rows), "document", "documents"))
		if drift > 0 {
			fmt.Fprintf(a.out, "%s out of step: keyreeve check\n", count(drift, "document is", "documents are"))
		}
		if len(changed) > 0 {
			fmt.Fprintf(a.out, "%s not committed: git status\n", count(len(changed), "file is", "files are"))
		}
		return nil
	})
}

package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyreeve/internal/edit"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/internal/run"
	"keyreeve/sops"
)

func (a *app) rmCommand() *cobra.Command {
	return a.writes(command("rm REF", "Remove an entry, or a whole document", "  keyreeve rm common/services#postgres/password\n  keyreeve rm potato/old --yes", cobra.ExactArgs(1), func(args []string) error {
		ref, err := repo.ParseRef(args[0])
		if err != nil {
			return err
		}
		return a.write("rm", func(s *lockstep.Session) (*change, error) {
			files, err := edit.Remove(s, ref)
			return &change{files: files, asks: "Remove " + args[0] + "?"}, err
		})
	}))
}

// copyCommand is cp, or mv.
func (a *app) copyCommand(name, short string, move bool) *cobra.Command {
	var replace bool
	c := command(name+" FROM TO", short, fmt.Sprintf("  keyreeve %s common/web#token potato/web#token\n  keyreeve %s common/web common/site", name, name), cobra.ExactArgs(2), func(args []string) error {
		from, err := repo.ParseRef(args[0])
		if err != nil {
			return err
		}
		to, err := repo.ParseRef(args[1])
		if err != nil {
			return err
		}
		if len(from.Path) == 0 && len(to.Path) > 0 {
			return &usageError{"a whole document does not go into an entry", "name the entry: " + args[0] + "#KEY"}
		}
		return a.write(name, func(s *lockstep.Session) (*change, error) {
			files, err := edit.Copy(s, from, to, move, replace)
			if err != nil {
				return nil, err
			}
			return &change{files: files, preview: []string{args[1] + " is for " + readers(s, files[0].Path)}}, nil
		})
	})
	c.Flags().BoolVar(&replace, "replace", false, "replace what is there")
	return a.writes(c)
}

// readers names who may read a document.
func readers(s *lockstep.Session, path string) string {
	d, _ := s.Policy.For(path)
	var names []string
	for _, r := range d.Readers {
		names = append(names, r.Principal.String())
	}
	return strings.Join(names, ", ")
}

func (a *app) execCommand() *cobra.Command {
	var docs, maps []string
	c := command("exec [--env DOC] [--map NAME=REF] -- COMMAND", "Run a program with secrets in its environment", "  keyreeve exec --env common/app -- ./server\n  keyreeve exec --map PGPASSWORD=common/services#postgres/password -- psql", cobra.MinimumNArgs(1), func(args []string) error {
		s, err := a.session()
		if err != nil {
			return err
		}
		values, err := environment(s, docs, maps)
		if err != nil {
			return err
		}
		return run.Command(a.ctx, args, values, a.in, a.out, a.err)
	})
	c.Flags().StringArrayVar(&docs, "env", nil, "every value of this flat `DOC`, by its key")
	c.Flags().StringArrayVar(&maps, "map", nil, "one value: `NAME=REF`")
	c.Flags().SetInterspersed(false)
	return c
}

func environment(s *lockstep.Session, docs, maps []string) (map[string]string, error) {
	values := map[string]string{}
	for _, doc := range docs {
		found, err := edit.Environment(s, doc)
		if err != nil {
			return nil, err
		}
		for name, value := range found {
			if err := run.CheckName(name, false); err != nil {
				return nil, fmt.Errorf("%s: %w", doc, err)
			}
			values[name] = value
		}
	}
	for _, m := range maps {
		name, text, ok := strings.Cut(m, "=")
		if !ok {
			return nil, &usageError{"--map wants NAME=REF", ""}
		}
		if err := run.CheckName(name, true); err != nil {
			return nil, err
		}
		ref, err := repo.ParseRef(text)
		if err != nil {
			return nil, err
		}
		data, err := edit.Get(s, ref)
		if err != nil {
			return nil, err
		}
		values[name] = string(data)
	}
	return values, nil
}

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
			fmt.Fprintln(a.out, "  "+c.Path)
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

package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"keyreeve/internal/diff"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/internal/term"
)

type diffOptions struct {
	from, to         string
	values, exitCode bool
}

func (a *app) diffCommand() *cobra.Command {
	var o diffOptions
	c := command("diff [DOC | REF REF]", "Say how documents differ, between revisions or from each other",
		"  keyreeve diff\n  keyreeve diff --from HEAD~3 common/services\n  keyreeve diff common/web#api groups/servers/web#api --values", cobra.MaximumNArgs(2), func(args []string) error {
			s, err := a.session()
			if err != nil {
				return err
			}
			documents, err := a.differences(s, args, o)
			if err != nil {
				return err
			}
			if a.json {
				err = a.printJSON(map[string]any{"documents": diffJSON(documents, o.values)})
			} else {
				err = a.printDiff(documents, o.values)
			}
			if err != nil {
				return err
			}
			var locked []string
			for _, d := range documents {
				if d.Locked {
					locked = append(locked, d.Name)
				}
			}
			switch {
			case len(locked) > 0:
				return &unreadError{locked}
			case o.exitCode && len(documents) > 0:
				return &findingsError{}
			}
			return nil
		})
	c.Long = `Say how documents differ, between revisions or from each other.

Without arguments the working tree is compared with the last commit; --from and --to
name other revisions. Both sides are decrypted and verified. Values are masked, and so
are their lengths, unless --values asks for them. Nothing is printed where nothing
differs.`
	f := c.Flags()
	f.StringVar(&o.from, "from", "", "the older `REVISION` (default HEAD)")
	f.StringVar(&o.to, "to", "", "the newer `REVISION` (default the working tree)")
	f.BoolVar(&o.values, "values", false, "show values")
	f.BoolVar(&o.exitCode, "exit-code", false, "exit 3 if anything differs")
	return c
}

func (a *app) differences(s *lockstep.Session, args []string, o diffOptions) ([]diff.Document, error) {
	if len(args) == 2 {
		if o.from != "" || o.to != "" {
			return nil, &usageError{"--from and --to compare one document with itself", ""}
		}
		first, err := repo.ParseRef(args[0])
		if err != nil {
			return nil, err
		}
		second, err := repo.ParseRef(args[1])
		if err != nil {
			return nil, err
		}
		return diff.Refs(s, first, second)
	}
	if o.from == "" {
		o.from = "HEAD"
	}
	only := ""
	if len(args) == 1 {
		ref, err := repo.ParseRef(args[0])
		if err != nil {
			return nil, err
		}
		if len(ref.Path) > 0 {
			return nil, &usageError{"revisions are compared by whole documents", "keyreeve diff " + ref.Doc}
		}
		if only, err = a.documentIn(s, ref.Doc, o); err != nil {
			return nil, err
		}
	}
	return diff.Revisions(a.ctx, s, o.from, o.to, only)
}

// documentIn finds a document by name, also one that only a revision has.
func (a *app) documentIn(s *lockstep.Session, doc string, o diffOptions) (string, error) {
	path, missing := s.Repo.Resolve(doc)
	if missing == nil {
		return path, nil
	}
	for _, revision := range []string{o.from, o.to} {
		if revision == "" {
			continue
		}
		paths, err := s.Repo.DocumentsAt(a.ctx, revision)
		if err != nil {
			return "", err
		}
		for i, name := range repo.Names(paths) {
			if name == doc {
				return paths[i], nil
			}
		}
	}
	return "", missing
}

// unreadError says that some documents could not be compared.
type unreadError struct{ documents []string }

func (e *unreadError) Error() string {
	return "none of your keys opens both sides of:\n          " + strings.Join(e.documents, "\n          ")
}

var diffMarks = map[string]string{diff.Added: "+", diff.Removed: "-", diff.Changed: "~", diff.TypeChanged: "~"}

func (a *app) printDiff(documents []diff.Document, values bool) error {
	styles := map[string]term.Style{"+": term.Green, "-": term.Red, "~": term.Yellow}
	paint := func(mark, text string) string { return a.outTerm.Paint(styles[mark], text) }
	var b strings.Builder
	for i, d := range documents {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(a.outTerm.Paint(term.Bold, term.Printable(d.Name)))
		if d.Change != diff.Changed {
			b.WriteString("  " + d.Change)
		}
		b.WriteByte('\n')
		width := 0
		for _, e := range d.Entries {
			width = max(width, min(term.Columns(entryName(e)), 40))
		}
		for _, e := range d.Entries {
			mark := diffMarks[e.Change]
			line := term.Pad(entryName(e), width) + "  " + typeChange(e)
			if values {
				line = term.Pad(line, width+13) + "  " + valueChange(e)
			}
			fmt.Fprintf(&b, "  %s %s\n", paint(mark, mark), strings.TrimRight(line, " "))
		}
		if d.Rearranged {
			b.WriteString("  only comments, or the order of keys\n")
		}
		if d.Locked {
			b.WriteString("  none of your keys opens it: entries are not compared\n")
		}
		for _, who := range d.ReadersAdded {
			fmt.Fprintf(&b, "  %s reader %s\n", paint("+", "+"), who)
		}
		for _, who := range d.ReadersRemoved {
			fmt.Fprintf(&b, "  %s reader %s\n", paint("-", "-"), who)
		}
	}
	_, err := a.out.WriteString(b.String())
	return err
}

func entryName(e diff.Entry) string {
	if e.Path == "" {
		return "the value"
	}
	return term.Printable(e.Path)
}

func typeChange(e diff.Entry) string {
	switch e.Change {
	case diff.TypeChanged:
		return e.OldType + " → " + e.NewType
	case diff.Removed:
		return e.OldType
	}
	return e.NewType
}

func valueChange(e diff.Entry) string {
	old, new := e.Values()
	switch e.Change {
	case diff.Added:
		return new
	case diff.Removed:
		return old
	}
	return old + " → " + new
}

func diffJSON(documents []diff.Document, values bool) []map[string]any {
	all := []map[string]any{}
	for _, d := range documents {
		entries := []map[string]any{}
		for _, e := range d.Entries {
			entry := map[string]any{"path": e.Path, "change": e.Change, "old_type": e.OldType, "new_type": e.NewType}
			if values {
				entry["old_value"], entry["new_value"] = e.Values()
			}
			entries = append(entries, entry)
		}
		all = append(all, map[string]any{"document": d.Name, "change": d.Change, "entries": entries, "rearranged": d.Rearranged, "locked": d.Locked,
			"readers_added": append([]string{}, d.ReadersAdded...), "readers_removed": append([]string{}, d.ReadersRemoved...)})
	}
	return all
}

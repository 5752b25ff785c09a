package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"keyreeve/internal/edit"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/internal/term"
	"keyreeve/sops"
)

// The words of ls --values.
const (
	valuesOnTerminal = "terminal"
	valuesAlways     = "always"
)

type listedDocument struct {
	Document string        `json:"document"`
	Path     string        `json:"path"`
	Entries  []listedEntry `json:"entries"`
}

type listedEntry struct {
	edit.Entry
	Value *string `json:"value,omitempty"`
}

func (a *app) lsCommand() *cobra.Command {
	var values string
	c := command("ls [DOC|FOLDER]", "List documents and entries with their types; needs no key",
		"  keyreeve ls\n  keyreeve ls common/services --json\n  keyreeve ls | cut -f1", cobra.MaximumNArgs(1), func(args []string) error {
			switch {
			case values != "" && values != valuesOnTerminal && values != valuesAlways:
				return &usageError{fmt.Sprintf("--values is %s or %s", valuesOnTerminal, valuesAlways), ""}
			case values == valuesOnTerminal && (a.json || !a.outTerm.IsTerminal()):
				return &usageError{"values are shown on a terminal only", "say --values=always if they may go to a file or a pipe"}
			}
			s, err := a.session()
			if err != nil {
				return err
			}
			paths, err := chosen(s, args)
			if err != nil {
				return err
			}
			documents, failed := listDocuments(s, paths, values != "")
			if a.json {
				err = a.printJSON(map[string]any{"documents": documents})
			} else {
				err = a.printList(documents)
			}
			return errors.Join(err, failed)
		})
	c.Long = `List documents and entries with their types; needs no key.

On a terminal it is a tree by folders; elsewhere each line is a ref, a tab and a type.
Values are never shown unless --values asks for them: on a terminal only, or anywhere
with --values=always. Lines that do not fit the terminal are cut.`
	c.Flags().StringVar(&values, "values", "", "show values too, which needs a key: terminal or always")
	c.Flags().Lookup("values").NoOptDefVal = valuesOnTerminal
	return c
}

// chosen returns the documents that a name means: one, or all of a folder.
func chosen(s *lockstep.Session, args []string) ([]string, error) {
	paths, err := s.Repo.Documents()
	if err != nil || len(args) == 0 {
		return paths, err
	}
	folder, outside := strings.CutPrefix(strings.TrimSuffix(args[0], "/"), "./")
	if !outside {
		folder = repo.SecretsDir + "/" + folder
	}
	var within []string
	for _, p := range paths {
		if strings.HasPrefix(p, folder+"/") {
			within = append(within, p)
		}
	}
	doc, _, _ := strings.Cut(args[0], "#")
	path, err := s.Repo.Resolve(doc)
	if err == nil {
		return []string{path}, nil
	}
	if len(within) > 0 {
		return within, nil
	}
	return nil, err
}

// listDocuments lists what can be listed; the error names the rest.
func listDocuments(s *lockstep.Session, paths []string, values bool) ([]listedDocument, error) {
	documents := []listedDocument{}
	reader := edit.NewReader(s, sops.DecryptOptions{})
	var failed []error
	for _, path := range paths {
		entries, err := edit.List(s, path)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		d := listedDocument{Document: s.Repo.Name(path), Path: path, Entries: []listedEntry{}}
		for _, e := range entries {
			listed := listedEntry{Entry: e}
			if values && err == nil {
				var value string
				if value, err = valueOf(reader, e); err == nil {
					listed.Value = &value
				}
			}
			d.Entries = append(d.Entries, listed)
		}
		if err != nil {
			failed = append(failed, err)
		}
		documents = append(documents, d)
	}
	return documents, errors.Join(failed...)
}

func valueOf(r *edit.Reader, e edit.Entry) (string, error) {
	ref, err := repo.ParseRef(e.Ref)
	if err != nil {
		return "", err
	}
	data, err := r.Get(ref)
	return string(data), err
}

func (a *app) printList(documents []listedDocument) error {
	if a.outTerm.IsTerminal() {
		return a.printTree(documents)
	}
	var t term.Table
	for _, d := range documents {
		if len(d.Entries) == 0 {
			t.Row(d.Document, "")
		}
		for _, e := range d.Entries {
			row := []string{e.Ref, e.Type}
			if e.Value != nil {
				row = append(row, *e.Value)
			}
			t.Row(row...)
		}
	}
	return t.Write(a.outTerm)
}

// A treeLine is one line of the tree: a folder, a document, a key or an entry.
type treeLine struct {
	text, kind, value string
	bold              bool
}

// printTree writes folders, documents and key paths, each level indented once,
// with the types in a column of their own.
func (a *app) printTree(documents []listedDocument) error {
	var lines []treeLine
	var open []string
	descend := func(path []string, last treeLine, depth int) {
		same := 0
		for same < len(path)-1 && same < len(open) && open[same] == path[same] {
			same++
		}
		for i := same; i < len(path)-1; i++ {
			ending := "/"
			if i+1 == depth {
				ending = ""
			}
			lines = append(lines, treeLine{text: strings.Repeat("  ", i) + term.Printable(path[i]) + ending, bold: i < depth})
		}
		last.text = strings.Repeat("  ", len(path)-1) + term.Printable(path[len(path)-1])
		lines = append(lines, last)
		open = path[:len(path)-1]
	}
	for _, d := range documents {
		folders := strings.Split(d.Document, "/")
		if len(d.Entries) == 0 {
			descend(folders, treeLine{kind: "empty", bold: true}, len(folders))
		}
		for _, e := range d.Entries {
			ref, err := repo.ParseRef(e.Ref)
			if err != nil {
				return err
			}
			path := append([]string{}, folders...)
			if ref.Tree > 0 {
				path = append(path, fmt.Sprintf("~d%d", ref.Tree))
			}
			line := treeLine{kind: e.Type, bold: len(ref.Path) == 0}
			if e.Value != nil {
				line.value = term.Printable(*e.Value)
			}
			descend(append(path, ref.Path...), line, len(folders))
		}
	}
	return a.writeTree(lines)
}

func (a *app) writeTree(lines []treeLine) error {
	width, screen := 0, a.outTerm.Width()
	for _, l := range lines {
		if l.kind != "" {
			width = max(width, term.Columns(l.text))
		}
	}
	width = min(width, max(screen-20, 20))
	var b strings.Builder
	for _, l := range lines {
		text := term.Shorten(l.text, screen)
		if l.kind != "" {
			text = term.Shorten(l.text, width)
		}
		shown := text
		if l.bold {
			shown = a.outTerm.Paint(term.Bold, text)
		}
		b.WriteString(shown)
		if l.kind != "" {
			b.WriteString(strings.Repeat(" ", width-term.Columns(text)+2) + a.outTerm.Paint(term.Faint, l.kind))
		}
		if l.value != "" {
			b.WriteString("  " + term.Shorten(l.value, max(screen-width-4-len(l.kind), 8)))
		}
		b.WriteByte('\n')
	}
	_, err := a.out.WriteString(b.String())
	return err
}

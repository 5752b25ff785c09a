package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"keyreeve/internal/edit"
	"keyreeve/internal/term"
)

func (a *app) lsCommand() *cobra.Command {
	return command("ls [DOC]", "List documents and entries, never a value", "  keyreeve ls\n  keyreeve ls common/services --json", cobra.MaximumNArgs(1), func(args []string) error {
		s, err := a.session()
		if err != nil {
			return err
		}
		paths, err := s.Repo.Documents()
		if err != nil {
			return err
		}
		if len(args) == 1 {
			name, err := s.Repo.Resolve(args[0])
			if err != nil {
				return err
			}
			paths = []string{name}
		}
		type document struct {
			Document string       `json:"document"`
			Path     string       `json:"path"`
			Entries  []edit.Entry `json:"entries"`
		}
		documents := []document{}
		for _, name := range paths {
			entries, err := edit.List(s, name)
			if err != nil {
				return err
			}
			documents = append(documents, document{s.Repo.Name(name), name, append([]edit.Entry{}, entries...)})
		}
		if a.json {
			return a.printJSON(map[string]any{"documents": documents})
		}
		for _, d := range documents {
			fmt.Fprintln(a.out, term.Printable(d.Document))
			for _, e := range d.Entries {
				_, keyPath, _ := strings.Cut(e.Ref, "#")
				if keyPath != "" {
					fmt.Fprintf(a.out, "  %s\n", term.Printable(keyPath))
				}
			}
		}
		return nil
	})
}

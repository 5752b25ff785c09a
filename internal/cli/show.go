package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"keyreeve/fleet"
	"keyreeve/internal/term"
)

func (a *app) listCommand(kind fleet.PrincipalKind) *cobra.Command {
	return command("ls", "List them", fmt.Sprintf("  keyreeve %s ls\n  keyreeve %s ls --json", kind, kind), cobra.NoArgs, func([]string) error {
		s, err := a.session()
		if err != nil {
			return err
		}
		type row struct {
			Principal  string   `json:"principal"`
			Recipients []string `json:"recipients"`
			Members    []string `json:"members,omitempty"` // of a group
		}
		rows := []row{}
		w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
		for _, p := range s.Inventory.Principals() {
			if p.Kind != kind {
				continue
			}
			r := row{Principal: p.String(), Recipients: []string{}}
			for _, n := range s.Inventory.Recipients(p) {
				r.Recipients = append(r.Recipients, n.Recipient)
			}
			if kind == fleet.GroupKind {
				for _, g := range s.Inventory.Groups() {
					if g.Name == p.Name {
						for _, m := range g.Members() {
							r.Members = append(r.Members, m.String())
						}
					}
				}
			}
			rows = append(rows, r)
			if !a.json {
				fmt.Fprintf(w, "%s\t%s\n", r.Principal, strings.Join(append(r.Recipients, r.Members...), ", "))
			}
		}
		if a.json {
			return a.printJSON(map[string]any{"principals": rows})
		}
		return w.Flush()
	})
}

func (a *app) showCommand(kind fleet.PrincipalKind) *cobra.Command {
	return command("show NAME", "Show one and what it may read", fmt.Sprintf("  keyreeve %s show NAME\n  keyreeve %s show NAME --json", kind, kind), cobra.ExactArgs(1), func(args []string) error {
		s, err := a.session()
		if err != nil {
			return err
		}
		p, err := s.Inventory.Find(string(kind) + "/" + args[0])
		if err != nil {
			return err
		}
		paths, err := s.Repo.Documents()
		if err != nil {
			return err
		}
		reads := []string{}
		for _, path := range paths {
			if d, ok := s.Policy.For(path); ok {
				if _, ok := d.Reader(p); ok {
					reads = append(reads, path)
				}
			}
		}
		recipients := map[string]string{}
		for _, r := range s.Inventory.Recipients(p) {
			recipients[r.Name] = r.Recipient
		}
		if a.json {
			return a.printJSON(map[string]any{"principal": p.String(), "recipients": recipients, "documents": reads})
		}
		fmt.Fprintln(a.out, p)
		for _, r := range s.Inventory.Recipients(p) {
			fmt.Fprintf(a.out, "  recipient %s %s\n", r.Name, r.Recipient)
		}
		for _, path := range reads {
			fmt.Fprintf(a.out, "  reads %s\n", term.Printable(path))
		}
		return nil
	})
}

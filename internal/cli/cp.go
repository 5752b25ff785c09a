package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"keyreeve/fleet"
	"keyreeve/internal/edit"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
)

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
			source, err := s.Repo.Resolve(from.Doc)
			if err != nil {
				return nil, err
			}
			lines := []string{args[1] + " is for " + readers(s, files[0].Path)}
			return &change{files: files, preview: append(lines, readersChange(s, source, files[0].Path, move)...)}, nil
		})
	})
	c.Flags().BoolVar(&replace, "replace", false, "replace what is there")
	return a.writes(c)
}

// readersChange says who reads what a value comes to and not where it was, and
// the reverse if it moves.
func readersChange(s *lockstep.Session, from, to string, move bool) []string {
	before, _ := s.Policy.For(from)
	after, _ := s.Policy.For(to)
	only := func(these, those fleet.Decision) string {
		var names []string
		for _, r := range these.Readers {
			if _, both := those.Reader(r.Principal); !both {
				names = append(names, r.Principal.String())
			}
		}
		return few(names)
	}
	var lines []string
	if names := only(after, before); names != "" {
		lines = append(lines, "  now also read by "+names)
	}
	if names := only(before, after); names != "" && move {
		lines = append(lines, "  no longer read by "+names+", who keep what they saw: rotate it if that matters")
	} else if names != "" {
		lines = append(lines, "  not read by "+names)
	}
	return lines
}

// few lists names, as many as a person reads.
func few(names []string) string {
	const most = 6
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// readers names who may read a document.
func readers(s *lockstep.Session, path string) string {
	d, _ := s.Policy.For(path)
	var names []string
	for _, r := range d.Readers {
		names = append(names, r.Principal.String())
	}
	return few(names)
}

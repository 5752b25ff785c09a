package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"keyreeve/internal/edit"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/internal/run"
)

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

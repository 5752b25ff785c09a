package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"keyreeve/internal/edit"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/internal/run"
	"keyreeve/sops"
)

func (a *app) execCommand() *cobra.Command {
	var docs, maps []string
	c := command("exec [--env DOC] [--map NAME=REF] -- COMMAND", "Run a program with secrets in its environment",
		"  keyreeve exec --env common/app -- ./server\n  keyreeve exec --map PGPASSWORD=common/services#postgres/password -- psql", cobra.MinimumNArgs(1), func(args []string) error {
			s, err := a.session()
			if err != nil {
				return &execError{err}
			}
			values, err := environment(s, docs, maps)
			if err != nil {
				return &execError{err}
			}
			return run.Command(a.ctx, args, values, a.in, a.out, a.err)
		})
	c.Long = `Run a program with secrets in its environment.

Identities are taken out of the environment, so the program cannot open documents
with them. Names that steer loaders and interpreters, such as LD_PRELOAD or PATH,
need an explicit --map. Where a name is given twice the last --map wins.

The exit code is the program's own, 128+n if signal n ended it, 126 if it cannot be
run, 127 if there is none, and 125 if keyreeve itself failed.`
	c.Flags().StringArrayVar(&docs, "env", nil, "every value of this flat `DOC`, by its key")
	c.Flags().StringArrayVar(&maps, "map", nil, "one value: `NAME=REF`")
	c.Flags().SetInterspersed(false)
	arguments := c.Args
	c.Args = func(c *cobra.Command, args []string) error {
		if err := arguments(c, args); err != nil {
			return &execError{err}
		}
		return nil
	}
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return &execError{&usageError{err.Error(), "see keyreeve exec --help"}}
	})
	return c
}

func environment(s *lockstep.Session, docs, maps []string) (map[string]string, error) {
	values := map[string]string{}
	r := edit.NewReader(s, sops.DecryptOptions{})
	for _, doc := range docs {
		found, err := r.Environment(doc)
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
		data, err := r.Get(ref)
		if err != nil {
			return nil, err
		}
		values[name] = string(data)
	}
	for name, value := range values {
		if strings.ContainsRune(value, 0) {
			return nil, fmt.Errorf("the value for %s holds a zero byte, which no environment can", name)
		}
	}
	return values, nil
}

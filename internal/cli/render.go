package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"keyreeve/internal/edit"
	"keyreeve/internal/memdir"
	"keyreeve/internal/render"
	"keyreeve/internal/repo"
	"keyreeve/sops"
)

func (a *app) renderCommand() *cobra.Command {
	var out string
	var disk bool
	c := command("render FILE", "Fill a template with values",
		"  keyreeve render app.conf.tmpl\n  keyreeve render app.conf.tmpl --out /run/app/app.conf\n  keyreeve render - <app.conf.tmpl", cobra.ExactArgs(1), func(args []string) error {
			data, err := a.template(args[0])
			if err != nil {
				return err
			}
			if out != "" && !disk && !memdir.Holds(filepath.Dir(out)) {
				return &usageError{out + " is on a disk, and plaintext stays when the file is removed",
					"write below /run or /dev/shm, pipe it, or say --allow-disk"}
			}
			text, err := a.fill(args[0], data)
			if err != nil {
				return err
			}
			if out == "" {
				_, err = a.out.Write(text)
				return err
			}
			return render.WriteFile(out, text)
		})
	c.Long = `Fill a template with values.

A placeholder is {{ keyreeve://common/services#postgres/password }}. Everything else is
copied byte for byte, also the braces of other template languages, and values that are
put in are not looked at again. If one placeholder cannot be filled, all that cannot be
are named and nothing is written.`
	c.Flags().StringVarP(&out, "out", "o", "", "write to this `FILE`, readable for you only, instead of stdout")
	c.Flags().BoolVar(&disk, "allow-disk", false, "let --out write to a disk")
	return c
}

func (a *app) template(name string) ([]byte, error) {
	if name == "-" {
		return readAll(a.in)
	}
	return os.ReadFile(name)
}

func (a *app) fill(name string, data []byte) ([]byte, error) {
	t, err := render.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", name, err)
	}
	s, err := a.session()
	if err != nil {
		return nil, err
	}
	reader := edit.NewReader(s, sops.DecryptOptions{})
	text, err := t.Fill(func(text string) ([]byte, error) {
		ref, err := repo.ParseRef(text)
		if err != nil {
			return nil, err
		}
		return reader.Get(ref)
	})
	failed, ok := as[*render.FailedError](err)
	if !ok {
		return text, err
	}
	e := &renderError{err: failed}
	for _, f := range failed.Failures {
		line := fmt.Sprintf("%s:%d:%d: %s", name, f.Line, f.Column, f.Err)
		if code, hint := classify(f.Err); code == exitNotFound && errorHasNearest(f.Err) {
			line += "; " + hint
		}
		e.lines = append(e.lines, line)
	}
	return nil, e
}

// errorHasNearest reports whether the hint for an error names what may be meant.
func errorHasNearest(err error) bool {
	var e *sops.PathError
	return errors.As(err, &e) && e.Nearest != ""
}

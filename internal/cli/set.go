package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"keyreeve/internal/edit"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/internal/term"
	"keyreeve/sops"
)

const maxValue = 64 << 20

func readAll(in *os.File) ([]byte, error) {
	if wasClosed(in) {
		return nil, errors.New("stdin is closed; an empty value is given as </dev/null")
	}
	data, err := io.ReadAll(io.LimitReader(in, maxValue+1))
	if err != nil {
		return nil, &usageError{"there is no input: " + err.Error(), "printf %s VALUE | keyreeve set REF"}
	}
	if len(data) > maxValue {
		return nil, &usageError{"the input is larger than 64 MiB", ""}
	}
	return data, nil
}

// onlyRef refuses a value as an argument: the shell's history has it then.
func onlyRef(c *cobra.Command, args []string) error {
	if len(args) == 2 {
		return &usageError{"a value is never an argument: the shell's history and the list of processes keep it", "printf %s VALUE | keyreeve set REF, or keyreeve set REF alone asks for it"}
	}
	return cobra.ExactArgs(1)(c, args)
}

func (a *app) setCommand() *cobra.Command {
	var file, kind string
	var opts sops.SetOptions
	c := command("set REF", "Store a value from stdin, a prompt or a file",
		"  printf %s hunter2 | keyreeve set common/services#postgres/password\n  keyreeve set potato/tls#key --file key.pem", onlyRef, func(args []string) error {
			ref, err := repo.ParseRef(args[0])
			if err != nil {
				return err
			}
			if len(ref.Path) == 0 && (path.Ext(ref.Doc) == "" || sops.FormatOf(ref.Doc) != sops.Binary) {
				return &usageError{"set needs a key path", "such as " + args[0] + "#password;\n          a binary document has an ending of its own, such as " + args[0] + ".bin"}
			}
			data, err := a.value(args[0], file)
			if err != nil {
				return err
			}
			value, err := typed(kind, string(data))
			if err != nil {
				return err
			}
			return a.write("set", func(s *lockstep.Session) (*change, error) {
				was, is := edit.KindOf(s, ref), value.KindOf().String()
				wanted, err := edit.Wanted(s, ref)
				if err != nil {
					return nil, err
				}
				files, err := edit.Set(s, ref, value, opts)
				if err == nil && len(wanted) > 0 {
					a.note("a new document; its template also has %s", fewOf(wanted, 2))
				}
				if len(files) > 0 && was != "" && was != is {
					a.note("%s was of type %s and is now of type %s", args[0], was, is)
				}
				return &change{files: files}, err
			})
		})
	c.Flags().StringVar(&file, "file", "", "take the value from this `FILE`, byte for byte")
	c.Flags().StringVar(&kind, "type", "str", "str, int, float, bool or json")
	c.Flags().BoolVar(&opts.Replace, "replace", false, "let a value take the place of a map, or the reverse")
	return a.writes(c)
}

// value reads what to store.
func (a *app) value(ref, file string) ([]byte, error) {
	if file != "" {
		return os.ReadFile(file)
	}
	if !term.IsTerminal(a.in) {
		return readAll(a.in)
	}
	return term.AskHidden(a.ctx, a.in, a.errTerm, "value of "+ref+" (not shown): ")
}

// typed turns input into a value of the type asked for.
func typed(kind, text string) (*sops.Node, error) {
	var err error
	switch kind {
	case "str":
		return sops.StringNode(text), nil
	case "int":
		_, err = strconv.ParseInt(text, 10, 64)
	case "float":
		if _, err = strconv.ParseFloat(text, 64); err == nil && !strings.ContainsAny(text, ".eE") {
			text += ".0"
		}
	case "bool":
		if text != "true" && text != "false" {
			err = strconv.ErrSyntax
		}
	case "json":
	default:
		return nil, &usageError{"there is no type " + strconv.Quote(kind), "str, int, float, bool or json"}
	}
	if err != nil {
		return nil, fmt.Errorf("the value is no %s", kind)
	}
	d, err := sops.ParsePlain([]byte(`{"v":`+text+`}`), sops.JSON)
	if err != nil {
		return nil, fmt.Errorf("the value is no %s", kind)
	}
	return d.Lookup(0, []string{"v"})
}

// fewOf names the first of a list and counts the others.
func fewOf(names []string, most int) string {
	if more := len(names) - most; more > 1 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}

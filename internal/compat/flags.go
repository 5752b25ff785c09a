package compat

import (
	"flag"
	"io"
	"slices"
	"strconv"
	"strings"
)

type valueKind int

const (
	boolean valueKind = iota
	text
	list
	number
)

// A flagSpec is one flag: its names, as in "in-place, i", and the variable that
// stands for it.
type flagSpec struct {
	names string
	kind  valueKind
	env   string
	help  string
}

func (f flagSpec) split() []string {
	names := strings.Split(f.names, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}

// A flagSet holds the values of parsed flags, by their first names.
type flagSet struct {
	values map[string]*value
}

// A value is what was given for one flag, in a form that package flag can set.
type value struct {
	kind  valueKind
	text  string
	list  []string
	given bool // on the command line
}

func (v *value) String() string {
	if v == nil {
		return ""
	}
	return v.text
}

func (v *value) IsBoolFlag() bool { return v.kind == boolean }

func (v *value) Set(s string) error {
	switch v.kind {
	case boolean:
		if _, err := strconv.ParseBool(s); err != nil {
			return err
		}
	case number:
		if _, err := strconv.ParseInt(s, 0, 64); err != nil {
			return err
		}
	case list:
		v.list = append(v.list, s)
	}
	v.text, v.given = s, true
	return nil
}

func (s *flagSet) text(name string) string {
	if v := s.values[name]; v != nil {
		return v.text
	}
	return ""
}

func (s *flagSet) list(name string) []string {
	if v := s.values[name]; v != nil {
		return v.list
	}
	return nil
}

func (s *flagSet) is(name string) bool {
	b, _ := strconv.ParseBool(s.text(name))
	return b
}

func (s *flagSet) number(name string) int {
	n, _ := strconv.ParseInt(s.text(name), 0, 64)
	return int(n)
}

func (s *flagSet) given(name string) bool { return s.values[name] != nil && s.values[name].given }

// parseFlags reads flags up to the first operand, as package flag does and with
// it the command line library of sops (urfave/cli 1.22).
func parseFlags(specs []flagSpec, args []string, getenv func(string) string) (*flagSet, []string, error) {
	set := &flagSet{map[string]*value{}}
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	for _, spec := range specs {
		v := &value{kind: spec.kind}
		if spec.env != "" {
			if env := getenv(spec.env); env != "" {
				if err := v.Set(env); err != nil {
					return nil, nil, fail(codeGeneric, "%s: invalid value %q", spec.env, env)
				}
				v.given = false
			}
		}
		for i, name := range spec.split() {
			if i == 0 {
				set.values[name] = v
			}
			fs.Var(v, name, "")
		}
	}
	if err := fs.Parse(args); err != nil {
		return nil, nil, fail(codeGeneric, "%s", err)
	}
	return set, fs.Args(), nil
}

// reorder moves the flags of a command before its operands, as urfave/cli 1.22
// does for subcommands. It takes what follows any flag for the flag's value: after
// "-i FILE" no further flag is seen.
func reorder(specs []flagSpec, args []string) []string {
	var flags, rest []string
	valueMayFollow := false
	for i, arg := range args {
		switch known := isFlag(specs, arg); {
		case valueMayFollow && !known:
			valueMayFollow = false
			flags = append(flags, arg)
		case arg == "--":
			rest = append([]string{"--"}, rest...)
			return slices.Concat(flags, rest, args[i+1:])
		case known:
			flags = append(flags, arg)
			valueMayFollow = !strings.Contains(arg, "=")
		default:
			rest = append(rest, arg)
		}
	}
	return append(flags, rest...)
}

func isFlag(specs []flagSpec, arg string) bool {
	if arg == "-" || arg == "--" || !strings.HasPrefix(arg, "-") {
		return false
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
	return slices.ContainsFunc(specs, func(f flagSpec) bool { return slices.Contains(f.split(), name) })
}

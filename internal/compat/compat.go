// Package compat is the command line of sops 3.13.3 for what users of age need:
// its commands and flags, the bytes that it prints and its exit codes. What needs
// another kind of key is refused by name.
package compat

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"keyreeve/keys"
)

// A Program is one run of the command line.
type Program struct {
	Name         string // how it was called, for messages: sops, or keyreeve sops
	In, Out, Err *os.File
	Getenv       func(string) string
	Ring         func() *keys.Ring
	// QuietArgs returns the options that keep an editor from leaving copies.
	QuietArgs func(editor string) []string
}

// The exit codes of sops (cmd/sops/codes).
const (
	codeGeneric     = 1
	codeRead        = 2
	codeWrite       = 3
	codeEmit        = 4
	codeSet         = 7
	codeConflict    = 8
	codeEncrypt     = 23
	codeDecrypt     = 25
	codeNoFileToKey = 49
	codeMAC         = 51
	codePath        = 91
	codeEmpty       = 92
	codeNoFile      = 100
	codeOrder       = 112
	codeNoKey       = 128
	codeUnchanged   = 200
	codeEditor      = 201
	codeEncrypted   = 203
)

// A failure is an error with the exit code of sops.
type failure struct {
	code int
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func fail(code int, format string, args ...any) error {
	return &failure{code: code, err: fmt.Errorf(format, args...)}
}

// failed gives an error a code, unless it has one.
func failed(code int, err error) error {
	var f *failure
	if err == nil || errors.As(err, &f) {
		return err
	}
	return &failure{code: code, err: err}
}

// A childError is the exit code of a command that was run.
type childError struct{ code int }

func (e *childError) Error() string { return fmt.Sprintf("the command ended with %d", e.code) }

// Run runs one command line, without the program's name, and returns the exit
// code.
func (p *Program) Run(ctx context.Context, args []string) int {
	err := p.dispatch(ctx, args)
	if err == nil {
		return 0
	}
	var child *childError
	if errors.As(err, &child) {
		return child.code
	}
	fmt.Fprintf(p.Err, "%s: %s\n", p.Name, err)
	f := &failure{code: codeGeneric}
	if errors.As(err, &f) && f.hint != "" {
		fmt.Fprintf(p.Err, "      %s\n", f.hint)
	}
	return f.code
}

func (p *Program) warn(format string, args ...any) {
	fmt.Fprintf(p.Err, "%s: warning: %s\n", p.Name, fmt.Sprintf(format, args...))
}

func (p *Program) note(format string, args ...any) {
	fmt.Fprintf(p.Err, format+"\n", args...)
}

// A call is one command with its flags and operands.
type call struct {
	*Program
	ctx    context.Context
	cmd    *command
	flags  *flagSet
	global *flagSet // the same as flags in the old form
	args   []string
	warned bool // of a .sops.yml
}

// path returns the absolute path of the first operand, and warns of others.
func (c *call) path() (string, error) {
	if len(c.args) == 0 {
		return "", fail(codeNoFile, "no file specified")
	}
	c.warnMore()
	return absolute(c.args[0])
}

func absolute(path string) (string, error) {
	abs, err := filepath.Abs(path)
	return abs, failed(codeGeneric, err)
}

// warnMore says which operands are not used.
func (c *call) warnMore() {
	if len(c.args) < 2 {
		return
	}
	c.warn("only the first file is used, not %q", c.args[1])
	for _, arg := range c.args[1:] {
		if len(arg) > 1 && arg[0] == '-' {
			c.warn("%q was not read as a flag: it stands after a file, or after a flag without a value", arg)
		}
	}
}

// override returns the path that decides about the type and the rule.
func (c *call) override(path string) (string, error) {
	if name := c.flags.text("filename-override"); name != "" {
		return absolute(name)
	}
	return path, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}

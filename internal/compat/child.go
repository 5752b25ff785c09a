package compat

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"keyreeve/internal/memdir"
	"keyreeve/sops"
)

// execInput opens the document that a command is to get.
func (c *call) execInput() (*sops.Document, string, error) {
	if len(c.args) != 2 {
		return nil, "", fail(codeGeneric, "%s needs a file and a command, which is one operand: %d operands were given", c.cmd.name, len(c.args))
	}
	if c.flags.text("user") != "" {
		return nil, "", fail(codeGeneric, "--user is not offered: let the command change the user, as with setpriv or sudo -u")
	}
	s, err := c.stores(c.args[0])
	if err != nil {
		return nil, "", err
	}
	d, err := c.open(c.args[0], s)
	return d, c.args[1], err
}

func (c *call) execEnvCommand() error {
	if c.flags.is("background") && c.flags.is("same-process") {
		return fail(codeConflict, "--same-process and --background exclude each other")
	}
	d, line, err := c.execInput()
	if err != nil {
		return err
	}
	values, err := environment(d)
	if err != nil {
		return failed(codeGeneric, err)
	}
	var env []string
	if !c.flags.is("pristine") {
		env = os.Environ()
	}
	env = append(env, values...)
	if c.flags.is("same-process") {
		return failed(codeGeneric, become(line, env))
	}
	return c.runShell(line, env)
}

// environment returns the entries of a flat document as variables.
func environment(d *sops.Document) ([]string, error) {
	var env []string
	for _, item := range d.Trees[0].Values() {
		if !item.Kind.IsScalar() {
			return nil, errors.New(item.Key + " is a map or a list, which no variable can hold")
		}
		if strings.Contains(item.Key, "=") {
			return nil, errors.New("the key " + item.Key + " cannot be a variable: it has a = in it")
		}
		value := item.Text
		if item.Kind != sops.String {
			value = item.FlatText()
		}
		if strings.ContainsRune(item.Key+value, 0) {
			return nil, errors.New(item.Key + " holds a zero byte, which no variable can hold")
		}
		env = append(env, item.Key+"="+value)
	}
	return env, nil
}

// fallbackName is what sops calls the temporary file.
const fallbackName = "tmp-file"

func (c *call) execFileCommand() error {
	if c.flags.is("background") {
		return fail(codeGeneric, "exec-file --background is not offered: the file would be gone before the command reads it")
	}
	d, line, err := c.execInput()
	if err != nil {
		return err
	}
	data, err := emitPlain(d, nil)
	if err != nil {
		return err
	}
	name := c.flags.text("filename")
	if name == "" {
		name = fallbackName
	} else if !filepath.IsLocal(name) {
		return fail(codeGeneric, "--filename %s leads out of the temporary folder", name)
	}
	folder, err := memdir.New()
	if err != nil {
		return failed(codeGeneric, err)
	}
	defer folder.Remove()
	if folder.Warning != "" {
		c.warn("%s", folder.Warning)
	}
	path := filepath.Join(folder.Path, name)
	if c.flags.is("no-fifo") {
		err = os.WriteFile(path, data, 0o600)
	} else if err = makePipe(path); err == nil {
		defer os.Remove(path)
		go feed(path, data)
	}
	if err != nil {
		return failed(codeGeneric, err)
	}
	return c.runShell(strings.ReplaceAll(line, "{}", path), os.Environ())
}

// feed waits until somebody opens the pipe, and writes to it once.
func feed(path string, data []byte) {
	if f, err := os.OpenFile(path, os.O_WRONLY, 0); err == nil {
		f.Write(data)
		f.Close()
	}
}

// runShell runs a command line and passes its code on. The command gets the
// environment as it is, identities too: it may call sops itself.
func (c *call) runShell(line string, env []string) error {
	cmd := exec.Command("/bin/sh", "-c", line)
	cmd.Env = env
	if c.flags.is("background") {
		c.warn("--background is deprecated by sops")
		return failed(codeGeneric, cmd.Start())
	}
	return c.wait(cmd)
}

// wait runs a child on the program's terminal. A terminal's interrupt reaches the
// child by itself; other signals are passed on.
func (c *call) wait(cmd *exec.Cmd) error {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.In, c.Out, c.Err
	if err := cmd.Start(); err != nil {
		return failed(codeGeneric, err)
	}
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-c.ctx.Done():
			if !strings.Contains(context.Cause(c.ctx).Error(), os.Interrupt.String()) {
				cmd.Process.Signal(syscall.SIGTERM)
			}
		case <-done:
		}
	}()
	if err := cmd.Wait(); err != nil {
		if cmd.ProcessState == nil {
			return failed(codeGeneric, err)
		}
		return &childError{waitStatus(cmd.ProcessState)}
	}
	return nil
}

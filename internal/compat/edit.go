package compat

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"keyreeve/internal/memdir"
	"keyreeve/keys"
	"keyreeve/sops"
)

func (c *call) editCommand() error {
	path, err := c.path()
	if err != nil {
		return err
	}
	s, err := c.stores(path)
	if err != nil {
		return err
	}
	return c.edit(path, s, func() (*plan, error) { return c.plan(path, s.in) })
}

// edit lets a person change a document, or begin a new one after a plan.
func (c *call) edit(path string, s stores, newPlan func() (*plan, error)) error {
	if c.flags.is("show-master-keys") {
		return fail(codeGeneric, "--show-master-keys is not offered: change recipients with rotate --add-age and --rm-age, or updatekeys")
	}
	if err := c.checkOrder(); err != nil {
		return err
	}
	d, err := c.editable(path, s, newPlan)
	if err != nil {
		return err
	}
	before, err := emitPlain(d, nil)
	if err != nil {
		return err
	}
	folder, err := memdir.New()
	if err != nil {
		return failed(codeWrite, err)
	}
	defer folder.Remove()
	if folder.Warning != "" {
		c.warn("%s", folder.Warning)
	}
	file := filepath.Join(folder.Path, filepath.Base(path))
	if err := os.WriteFile(file, before, 0o600); err != nil {
		return failed(codeWrite, err)
	}
	for {
		data, again, err := c.editOnce(d, s, file, before)
		if err == nil {
			return c.replace(path, data)
		}
		if !again {
			return err
		}
		c.note("%s: %s\nPress enter to return to the editor, or Ctrl+C to exit.", c.Name, err)
		if n, _ := c.In.Read(make([]byte, 1)); n == 0 || c.ctx.Err() != nil {
			return err
		}
	}
}

// editable opens the document, or makes a new one that holds an example.
func (c *call) editable(path string, s stores, newPlan func() (*plan, error)) (*sops.Document, error) {
	if exists(path) {
		d, err := c.open(path, s)
		if err == nil {
			d.KeepVersion = isNewer(d.Metadata.Version, sops.FormatVersion)
		}
		return d, err
	}
	p, err := newPlan()
	if err != nil {
		return nil, err
	}
	d, err := sops.ParsePlain([]byte(examples[s.in]), s.in)
	if err != nil {
		return nil, failed(codeRead, err)
	}
	if err := p.apply(d); err != nil {
		return nil, failed(codeNoKey, err)
	}
	d.Format, d.Indent = s.out, s.indent
	return d, nil
}

// editOnce runs the editor and returns the new bytes of the file. again says that
// the error is one which the person can mend in the editor.
func (c *call) editOnce(d *sops.Document, s stores, file string, before []byte) (data []byte, again bool, err error) {
	if err := c.runEditor(file); err != nil {
		return nil, false, failed(codeEditor, err)
	}
	after, err := os.ReadFile(file)
	if err != nil {
		return nil, false, failed(codeRead, err)
	}
	if bytes.Equal(before, after) {
		return nil, false, fail(codeUnchanged, "the file has not changed")
	}
	next, err := plain(after, filepath.Base(file), s.in)
	if err != nil {
		return nil, true, err
	}
	if err := next.Reuse(d); err != nil {
		return nil, false, failed(codeGeneric, err)
	}
	next.Format, next.Indent, next.KeepVersion = s.out, s.indent, d.KeepVersion
	data, err = seal(next)
	return data, true, err
}

// isNewer compares two versions by their numbers.
func isNewer(a, b string) bool {
	as, bs := strings.Split(strings.TrimPrefix(a, "v"), "."), strings.Split(b, ".")
	for i := range bs {
		if i >= len(as) {
			return false
		}
		x, _ := strconv.Atoi(as[i])
		y, _ := strconv.Atoi(bs[i])
		if x != y {
			return x > y
		}
	}
	return false
}

// runEditor runs the editor of SOPS_EDITOR, EDITOR, or one that is installed. It
// gets no identity from the environment.
func (c *call) runEditor(file string) error {
	words, err := c.editor()
	if err != nil {
		return err
	}
	cmd := exec.Command(words[0], append(words[1:], file)...)
	cmd.Env = keys.ChildEnv(os.Environ())
	var child *childError
	if err := c.wait(cmd); errors.As(err, &child) {
		return fmt.Errorf("the editor %s ended with %d: nothing was changed", words[0], child.code)
	} else if err != nil {
		return fail(codeEditor, "the editor %s: %w", words[0], err)
	}
	return nil
}

func (c *call) editor() ([]string, error) {
	for _, name := range []string{"SOPS_EDITOR", "EDITOR"} {
		if line := c.Getenv(name); line != "" {
			words, err := shellWords(line)
			if err != nil || len(words) == 0 {
				return nil, fmt.Errorf("%s is no command: %q", name, line)
			}
			return append(words, c.QuietArgs(words[0])...), nil
		}
	}
	for _, name := range []string{"vim", "nano", "vi"} {
		if path, err := exec.LookPath(name); err == nil {
			return append([]string{path}, c.QuietArgs(name)...), nil
		}
	}
	return nil, errors.New("there is no editor: set SOPS_EDITOR or EDITOR, or install vim, nano or vi")
}

// shellWords splits a command line at blanks, with quotes and backslashes as in
// a shell.
func shellWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	inWord, escaped := false, false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, inWord = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			inWord = false
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("a quote is not closed")
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// examples are what sops begins new documents with.
var examples = map[sops.Format]string{
	sops.YAML: `hello: Welcome to SOPS! Edit this file as you please!
example_key: example_value
# Example comment
example_array:
    - example_value1
    - example_value2
example_number: 1234.56789
example_booleans:
    - true
    - false
`,
	sops.JSON:   `{"hello": "Welcome to SOPS! Edit this file as you please!", "example_key": "example_value", "example_array": ["example_value1", "example_value2"], "example_number": 1234.56789, "example_booleans": [true, false]}`,
	sops.Dotenv: "# This is an example file.\nhello=Welcome to SOPS! Edit this file as you please!\nexample_key=example_value\nexample_multiline=foo\\nbar\\nbaz\n",
	sops.INI:    "; This is an example file.\n[Welcome!]\nhello       = Welcome to SOPS! Edit this file as you please!\nexample_key = example_value\n",
	sops.Binary: "Welcome to SOPS! Edit this file as you please!",
}

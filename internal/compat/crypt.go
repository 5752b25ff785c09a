package compat

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"keyreeve/sops"
)

// source returns the path that a command reads, "" for standard input, and the
// path that decides about type and rule.
func (c *call) source() (path, name string, err error) {
	c.warnMore()
	if c.flags.is("in-place") && c.flags.text("output") != "" {
		return "", "", fail(codeConflict, "--output and --in-place exclude each other")
	}
	if len(c.args) > 0 {
		if path, err = absolute(c.args[0]); err != nil {
			return "", "", err
		}
		if !exists(path) {
			return "", "", fail(codeNoFile, "there is no file %s", path)
		}
	}
	name, err = c.override(path)
	return path, name, err
}

func (c *call) decryptCommand() error {
	if len(c.args) == 0 && c.flags.is("in-place") {
		return fail(codeConflict, "--in-place needs a file")
	}
	path, name, err := c.source()
	if err != nil {
		return err
	}
	return c.decrypt(path, name)
}

func (c *call) decrypt(path, name string) error {
	s, err := c.stores(name)
	if err != nil {
		return err
	}
	if err := c.checkOrder(); err != nil {
		return err
	}
	at, err := parsePath(c.flags.text("extract"))
	if err != nil {
		return failed(codePath, err)
	}
	d, err := c.open(path, s)
	if err != nil {
		return err
	}
	data, err := emitPlain(d, at)
	if err != nil {
		return err
	}
	return c.emitTo(path, data)
}

func (c *call) encryptCommand() error {
	if len(c.args) == 0 {
		if c.flags.is("in-place") {
			return fail(codeConflict, "--in-place needs a file")
		}
		if c.flags.text("filename-override") == "" {
			return fail(codeConflict, "standard input has no name: say --filename-override NAME, which decides about type and rule")
		}
	}
	path, name, err := c.source()
	if err != nil {
		return err
	}
	s, err := c.stores(name)
	if err != nil {
		return err
	}
	p, err := c.plan(name, s.in)
	if err != nil {
		return err
	}
	return c.encrypt(path, s, p)
}

func (c *call) encrypt(path string, s stores, p *plan) error {
	data, err := c.read(path)
	if err != nil {
		return err
	}
	d, err := plain(data, nameOf(path), s.in)
	if err != nil {
		return err
	}
	if err := p.apply(d); err != nil {
		return err
	}
	d.Format, d.Indent = s.out, s.indent
	if data, err = seal(d); err != nil {
		return err
	}
	return c.emitTo(path, data)
}

func (c *call) rotateCommand() error {
	if len(c.args) == 0 {
		return fail(codeNoFile, "no file specified")
	}
	c.warnMore()
	if c.flags.is("in-place") && c.flags.text("output") != "" {
		return fail(codeConflict, "--output and --in-place exclude each other")
	}
	path, err := absolute(c.args[0])
	if err != nil {
		return err
	}
	if err := c.refuseNewKeys(path); err != nil {
		return err
	}
	name, err := c.override(path)
	if err != nil {
		return err
	}
	s, err := c.stores(name)
	if err != nil {
		return err
	}
	return c.rotate(path, s)
}

// refuseNewKeys refuses to change the keys of a file that is not there.
func (c *call) refuseNewKeys(path string) error {
	if exists(path) {
		return nil
	}
	for _, f := range changes() {
		if c.flags.text(f.names) != "" {
			return fail(codeNoFileToKey, "there is no file %s whose keys could be changed", path)
		}
	}
	return nil
}

func (c *call) rotate(path string, s stores) error {
	if err := c.refuseForeign("add-", "rm-"); err != nil {
		return err
	}
	add, err := parseRecipients(c.flags.text("add-age"))
	if err != nil {
		return err
	}
	remove, err := parseRecipients(c.flags.text("rm-age"))
	if err != nil {
		return err
	}
	d, err := c.open(path, s)
	if err != nil {
		return err
	}
	groups := groupsOf(d)
	if len(groups) > 0 {
		groups[0] = append(groups[0], add...)
	}
	for i := range groups {
		groups[i] = slices.DeleteFunc(groups[i], func(r string) bool { return slices.Contains(remove, r) })
	}
	if err := d.RenewDataKey(); err != nil {
		return &failure{codeGeneric, err, "run the real sops for this file"}
	}
	if err := rewrap(d, groups, d.Metadata.ShamirThreshold); err != nil {
		return err
	}
	data, err := seal(d)
	if err != nil {
		return err
	}
	return c.emitTo(path, data)
}

// groupsOf returns the recipients of a document.
func groupsOf(d *sops.Document) [][]string {
	groups := make([][]string, len(d.Metadata.Groups))
	for i, g := range d.Metadata.Groups {
		for _, key := range g.Age {
			groups[i] = append(groups[i], key.Recipient)
		}
	}
	return groups
}

func (c *call) setCommand() error {
	if c.flags.is("value-file") && c.flags.is("value-stdin") {
		return fail(codeGeneric, "--value-file and --value-stdin exclude each other")
	}
	want := 3
	if c.flags.is("value-stdin") {
		want = 2
	}
	if len(c.args) != want {
		return fail(codeNoFile, "set needs a file, an index and a value: %d operands here, not %d", want, len(c.args))
	}
	path, s, at, err := c.place()
	if err != nil {
		return err
	}
	data, err := c.setValue()
	if err != nil {
		return err
	}
	value, err := parseValue(data)
	if err != nil {
		return failed(codeSet, err)
	}
	if err := c.checkOrder(); err != nil {
		return err
	}
	return c.set(path, s, at, value)
}

// place reads the first two operands: a file, and an index into it.
func (c *call) place() (path string, s stores, at []step, err error) {
	if path, err = absolute(c.args[0]); err != nil {
		return "", s, nil, err
	}
	if s, err = c.stores(path); err != nil {
		return "", s, nil, err
	}
	if at, err = parsePath(c.args[1]); err != nil {
		return "", s, nil, failed(codeSet, err)
	}
	return path, s, at, nil
}

func (c *call) setValue() ([]byte, error) {
	switch {
	case c.flags.is("value-stdin"):
		data, err := c.read("")
		return data, err
	case c.flags.is("value-file"):
		data, err := os.ReadFile(c.args[2])
		return data, failed(codeGeneric, err)
	}
	return []byte(c.args[2]), nil
}

func (c *call) set(path string, s stores, at []step, value *sops.Node) error {
	if len(at) == 0 {
		return fail(codeSet, "the index is empty: the whole document cannot be set")
	}
	d, err := c.open(path, s)
	if err != nil {
		return err
	}
	root, changed, err := setAt(d.Trees[0], at, value)
	if err != nil {
		return failed(codeGeneric, err)
	}
	d.Trees[0] = root
	data, err := seal(d)
	if err != nil {
		return err
	}
	if !changed && c.flags.is("idempotent") {
		c.note("File not written due to no change")
		return nil
	}
	return c.replace(path, data)
}

func (c *call) unsetCommand() error {
	if len(c.args) != 2 {
		return fail(codeNoFile, "unset needs a file and an index")
	}
	path, s, at, err := c.place()
	if err != nil {
		return err
	}
	if len(at) == 0 {
		return fail(codeSet, "the index is empty: the whole document cannot be unset")
	}
	d, err := c.open(path, s)
	if err != nil {
		return err
	}
	if err := unsetAt(d.Trees[0], at); err != nil {
		if errors.Is(err, errMissing) && c.flags.is("idempotent") {
			return nil
		}
		return failed(codeGeneric, err)
	}
	data, err := seal(d)
	if err != nil {
		return err
	}
	return c.replace(path, data)
}

func (c *call) filestatusCommand() error {
	if len(c.args) == 0 {
		return fail(codeNoFile, "no file specified")
	}
	s, err := c.stores(c.args[0])
	if err != nil {
		return err
	}
	data, err := os.ReadFile(c.args[0])
	if err != nil {
		return failed(codeGeneric, err)
	}
	d, err := sops.Parse(data, s.in)
	if err != nil && !errors.Is(err, sops.ErrNotEncrypted) {
		return fail(codeGeneric, "%s: %w", c.args[0], err)
	}
	_, err = fmt.Fprintf(c.Out, "{\"encrypted\":%t}\n", err == nil && d.Metadata.MAC != "")
	return err
}

// oldForm is the command line without a command: flags say what to do, and a
// file alone is edited.
func (c *call) oldForm() error {
	path, err := c.path()
	if err != nil {
		return err
	}
	if c.flags.is("in-place") && c.flags.text("output") != "" {
		return fail(codeConflict, "--output and --in-place exclude each other")
	}
	if err := c.refuseNewKeys(path); err != nil {
		return err
	}
	var modes []string
	for _, mode := range []string{"encrypt", "decrypt", "rotate"} {
		if c.flags.is(mode) {
			modes = append(modes, "--"+mode)
		}
	}
	if len(modes) > 0 && !exists(path) {
		return fail(codeNoFile, "there is no file %s", path)
	}
	if c.flags.text("set") != "" {
		modes = append(modes, "--set")
	}
	if len(modes) > 1 {
		return fail(codeConflict, "%s exclude each other", strings.Join(modes, " and "))
	}
	name, err := c.override(path)
	if err != nil {
		return err
	}
	if c.flags.is("decrypt") {
		return c.decrypt(path, name)
	}
	rule, err := c.rule(name)
	if err != nil {
		return err
	}
	s, err := c.stores(name)
	if err != nil {
		return err
	}
	switch {
	case c.flags.is("encrypt"):
		p, err := c.planWith(rule, s.in)
		if err != nil {
			return err
		}
		return c.encrypt(path, s, p)
	case c.flags.is("rotate"):
		return c.rotate(path, s)
	case c.flags.text("set") != "":
		return c.oldSet(path, s)
	}
	return c.edit(path, s, func() (*plan, error) { return c.planWith(rule, s.in) })
}

// oldSet is --set 'INDEX VALUE'.
func (c *call) oldSet(path string, s stores) error {
	parts := strings.SplitAfterN(c.flags.text("set"), "] ", 2)
	if len(parts) < 2 {
		return fail(codeSet, `--set wants an index, a blank and a value in JSON, as in '["a"] "text"'`)
	}
	value, err := parseValue([]byte(parts[1]))
	if err != nil {
		return failed(codeSet, err)
	}
	at, err := parsePath(strings.TrimRight(parts[0], " "))
	if err != nil {
		return failed(codeSet, err)
	}
	return c.set(path, s, at, value)
}

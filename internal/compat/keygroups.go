package compat

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"keyreeve/keys"
	"keyreeve/sops"
)

func (c *call) updatekeysCommand() error {
	config, name, err := c.config()
	if err != nil {
		return err
	}
	if config == nil {
		return fail(codeGeneric, "there is no .sops.yaml here or in a folder above")
	}
	if len(c.args) == 0 {
		return fail(codeNoFile, "no file specified")
	}
	if config.Rules == nil {
		return fail(codeGeneric, "%s has no creation rules", name)
	}
	failures := 0
	for _, arg := range c.args {
		err := c.updatekeys(arg)
		if err != nil && len(c.args) == 1 {
			return err
		}
		if err != nil {
			failures++
			c.note("%s", err)
		}
	}
	if failures > 0 {
		return fail(codeGeneric, "%d of %d files were not updated", failures, len(c.args))
	}
	return nil
}

// updatekeys wraps a document's data key for the recipients of its rule. Values,
// MAC and time stay as they are.
func (c *call) updatekeys(arg string) error {
	path, err := absolute(arg)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return failed(codeGeneric, err)
	}
	if info.IsDir() {
		return fail(codeGeneric, "%s is a folder", path)
	}
	s, err := c.stores(path)
	if err != nil {
		return err
	}
	c.note("Syncing keys for file %s", path)
	d, err := c.parse(path, s.in)
	if err != nil {
		return err
	}
	rule, err := c.rule(path)
	if err != nil {
		return err
	}
	if foreign := d.Metadata.ForeignKeys(); len(foreign) > 0 {
		return fail(codeGeneric, "%s lists %s, which keyreeve cannot wrap for: run the real sops, as sops updatekeys %s", path, foreign[0], arg)
	}
	groups, err := ruleGroups(rule)
	if err != nil {
		return err
	}
	threshold := min(d.Metadata.ShamirThreshold, len(groups))
	changed := !sameGroups(groupsOf(d), groups) || threshold != d.Metadata.ShamirThreshold
	if !changed {
		c.note("File %s already up to date", path)
		return nil
	}
	c.report(groupsOf(d), groups, d.Metadata.ShamirThreshold, threshold)
	if ok, err := c.agreed(); err != nil || !ok {
		c.note("File %s left unchanged", path)
		return err
	}
	if err := c.unlock(d, path); err != nil {
		return err
	}
	d.Indent = s.indent
	if err := rewrap(d, groups, threshold); err != nil {
		return err
	}
	data, err := d.Encode()
	if err != nil {
		return failed(codeEmit, err)
	}
	if err := writeFile(path, data); err != nil {
		return failed(codeGeneric, err)
	}
	c.note("File %s synced with new keys", path)
	return nil
}

// sameGroups compares the sets of recipients in each place; order is no change.
func sameGroups(ours, theirs [][]string) bool {
	for i := range max(len(ours), len(theirs)) {
		a, b := groupAt(ours, i), groupAt(theirs, i)
		if len(without(a, b)) > 0 || len(without(b, a)) > 0 {
			return false
		}
	}
	return true
}

func groupAt(groups [][]string, i int) []string {
	if i < len(groups) {
		return groups[i]
	}
	return nil
}

// without returns what of a is not in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(r string) bool { return slices.Contains(b, r) })
}

// report prints what will change, in the words of sops.
func (c *call) report(ours, theirs [][]string, old, next int) {
	fmt.Fprintln(c.Out, "The following changes will be made to the file's groups:")
	if old > 0 && old == next {
		fmt.Fprintf(c.Out, "shamir_threshold: %d\n", next)
	} else {
		if next > 0 {
			fmt.Fprintf(c.Out, "+++ shamir_threshold: %d\n", next)
		}
		if old > 0 {
			fmt.Fprintf(c.Out, "--- shamir_threshold: %d\n", old)
		}
	}
	for i := range max(len(ours), len(theirs)) {
		a, b := groupAt(ours, i), groupAt(theirs, i)
		fmt.Fprintf(c.Out, "Group %d\n", i+1)
		added := without(b, a)
		for _, r := range without(b, added) {
			fmt.Fprintf(c.Out, "    %s\n", r)
		}
		for _, r := range added {
			fmt.Fprintf(c.Out, "+++ %s\n", r)
		}
		for _, r := range without(a, b) {
			fmt.Fprintf(c.Out, "--- %s\n", r)
		}
	}
}

// agreed asks until the answer is y or n.
func (c *call) agreed() (bool, error) {
	if c.flags.is("yes") {
		return true, nil
	}
	for {
		var answer string
		fmt.Fprint(c.Out, "Is this okay? (y/n):")
		if _, err := fmt.Fscanln(c.In, &answer); err != nil {
			return false, &failure{codeGeneric, errors.New("no answer"), "say -y to go on without one"}
		}
		if answer == "y" || answer == "n" {
			return answer == "y", nil
		}
	}
}

func (c *call) groupsAddCommand() error {
	if len(c.args) != 0 {
		return fail(codeGeneric, "groups add takes no operand: the file is given with --file")
	}
	if err := c.refuseForeign(""); err != nil {
		return err
	}
	var group []string
	for _, given := range c.flags.list("age") {
		recipients, err := parseRecipients(given)
		if err != nil {
			return err
		}
		group = append(group, recipients...)
	}
	return c.changeGroups(func(groups [][]string) ([][]string, error) { return append(groups, group), nil })
}

func (c *call) groupsDeleteCommand() error {
	if len(c.args) != 1 {
		return fail(codeGeneric, "groups delete takes one operand, the index of the group, which counts from 0")
	}
	index, err := strconv.ParseUint(c.args[0], 10, 32)
	if err != nil {
		return fail(codeGeneric, "%q is no index of a group", c.args[0])
	}
	return c.changeGroups(func(groups [][]string) ([][]string, error) {
		if index >= uint64(len(groups)) {
			return nil, fmt.Errorf("there is no group %d: the file has %d, counted from 0", index, len(groups))
		}
		return slices.Delete(groups, int(index), int(index)+1), nil
	})
}

// changeGroups wraps the data key for other groups. Values stay as they are.
func (c *call) changeGroups(change func([][]string) ([][]string, error)) error {
	path := c.flags.text("file")
	s, err := c.stores(path)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return failed(codeRead, err)
	}
	d, err := sops.Parse(data, s.in)
	if err != nil {
		return fail(codeGeneric, "%s: %w", path, err)
	}
	if err := keys.Open(c.Ring(), d.Unlock); err != nil {
		return failed(codeGeneric, err)
	}
	groups, err := change(groupsOf(d))
	if err != nil {
		return failed(codeGeneric, err)
	}
	threshold := d.Metadata.ShamirThreshold
	if n := c.flags.number("shamir-secret-sharing-threshold"); n != 0 {
		threshold = n
	}
	if len(groups) < threshold {
		return fail(codeGeneric, "%d of %d groups cannot be asked for: change the threshold too", threshold, len(groups))
	}
	d.Indent = s.indent
	if err := rewrap(d, groups, threshold); err != nil {
		return err
	}
	if data, err = d.Encode(); err != nil {
		return failed(codeEmit, err)
	}
	return c.emitTo(path, data)
}

package compat

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"keyreeve/fleet"
	"keyreeve/keys"
	"keyreeve/sops"
)

// stores say in which formats a document is read and written.
type stores struct {
	in, out sops.Format
	indent  int // negative: the default
}

// configPath returns the .sops.yaml in force, or "": the one named, or the next
// one at or above the working directory, however far the document is from it.
func (c *call) configPath() (string, error) {
	if path := c.global.text("config"); path != "" {
		return path, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", failed(codeGeneric, err)
	}
	for {
		path := filepath.Join(dir, ".sops.yaml")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if other := filepath.Join(dir, ".sops.yml"); !c.warned && exists(other) {
			c.warned = true
			c.warn("%s is not read: the name must be .sops.yaml", other)
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", nil
		}
		dir = up
	}
}

// config reads the .sops.yaml in force; nil without one.
func (c *call) config() (*fleet.SopsConfig, string, error) {
	path, err := c.configPath()
	if err != nil || path == "" {
		return nil, "", err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, "", fail(codeGeneric, "reading the configuration: %w", err)
	}
	config, err := fleet.ParseSopsConfig(data)
	if err != nil {
		return nil, "", fail(codeGeneric, "%s: %w", path, err)
	}
	return config, path, nil
}

// stores decides the formats for a path. An unknown name of a type falls back to
// the ending, as in sops, with a warning.
func (c *call) stores(path string) (stores, error) {
	config, _, err := c.config()
	if err != nil {
		return stores{}, err
	}
	s := stores{in: c.format("input-type", path), out: c.format("output-type", path), indent: -1}
	indents := fleet.Stores{YAML: 0, JSON: -1, JSONBinary: -1}
	if config != nil {
		indents = config.Stores
	}
	if c.global.given("indent") {
		n := c.global.number("indent")
		indents = fleet.Stores{YAML: n, JSON: n, JSONBinary: n}
	}
	switch s.out {
	case sops.YAML:
		if indents.YAML < 0 {
			return s, fail(codeEmit, "a negative indent is not possible in YAML")
		}
		if s.indent = indents.YAML; s.indent == 0 {
			s.indent = -1
		}
	case sops.JSON:
		s.indent = indents.JSON
	case sops.Binary:
		s.indent = indents.JSONBinary
	}
	return s, nil
}

func (c *call) format(flag, path string) sops.Format {
	name := c.flags.text(flag)
	if name == "" {
		return sops.FormatOf(path)
	}
	f, err := sops.ParseFormat(name)
	if err != nil {
		f = sops.FormatOf(path)
		c.warn("--%s %s: %v; taking %s", flag, name, err, f)
	}
	return f
}

// rule returns the creation rule for a path, nil without a configuration.
func (c *call) rule(path string) (*fleet.CreationRule, error) {
	config, name, err := c.config()
	if err != nil || config == nil || config.Rules == nil {
		return nil, err
	}
	dir, err := absolute(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	subject := strings.TrimPrefix(path, dir+string(filepath.Separator))
	rule, ok, err := config.Match(subject)
	if err != nil {
		return nil, fail(codeGeneric, "%s: %w", name, err)
	}
	if !ok {
		return nil, &failure{codeGeneric, errors.New("no creation rule of " + name + " matches " + subject), "add a rule for it, or name another file with --config"}
	}
	return rule, nil
}

// A plan is how a new document is encrypted.
type plan struct {
	groups    [][]string
	threshold int
	selection sops.Selection
	macOnly   bool
}

// plan resolves flags and creation rule for a new document.
func (c *call) plan(path string, in sops.Format) (*plan, error) {
	rule, err := c.rule(path)
	if err != nil {
		return nil, err
	}
	return c.planWith(rule, in)
}

func (c *call) planWith(rule *fleet.CreationRule, in sops.Format) (*plan, error) {
	p := &plan{threshold: c.flags.number(threshold.names), macOnly: c.global.is("mac-only-encrypted")}
	selection, err := c.selection(rule)
	if err != nil && in != sops.Binary {
		return nil, err
	}
	if rule != nil {
		p.macOnly = p.macOnly || rule.MACOnlyEncrypted
		if p.threshold == 0 {
			p.threshold = rule.Threshold
		}
	}
	if in == sops.Binary {
		if selection != (sops.Selection{}) {
			c.warn("a binary document has one value, which is encrypted whatever the selection rule")
		}
		selection, p.macOnly = sops.Selection{}, false
	} else if selection == (sops.Selection{}) {
		selection.UnencryptedSuffix = sops.DefaultUnencryptedSuffix
	}
	p.selection = selection
	p.groups, err = c.planGroups(rule)
	return p, err
}

func (c *call) planGroups(rule *fleet.CreationRule) ([][]string, error) {
	if err := c.refuseForeign(""); err != nil {
		return nil, err
	}
	if given := c.flags.text("age"); given != "" {
		group, err := parseRecipients(given)
		return [][]string{group}, err
	}
	if rule == nil {
		return nil, &failure{codeGeneric, errors.New("there is no .sops.yaml with creation rules here, and no recipient was given"), "say --age RECIPIENT"}
	}
	return ruleGroups(rule)
}

// ruleGroups returns the recipients of a rule, which must all be age's.
func ruleGroups(rule *fleet.CreationRule) ([][]string, error) {
	var groups [][]string
	for _, g := range rule.Groups {
		if len(g.Foreign) > 0 {
			return nil, fail(codeGeneric, "the rule in .sops.yaml lists keys of the kind %s, which keyreeve cannot encrypt to: run the real sops for this file", g.Foreign[0].Kind)
		}
		if len(g.Age) == 0 {
			return nil, fail(codeGeneric, "the rule in .sops.yaml has no recipient in one of its groups")
		}
		groups = append(groups, g.Age)
	}
	return groups, nil
}

// selection returns the selection rule: of each kind the flag, else the
// configuration's. More than one is a conflict.
func (c *call) selection(rule *fleet.CreationRule) (sops.Selection, error) {
	var s sops.Selection
	var names []string
	for _, f := range []struct {
		name  string
		value *string
	}{
		{"unencrypted-suffix", &s.UnencryptedSuffix}, {"encrypted-suffix", &s.EncryptedSuffix},
		{"unencrypted-regex", &s.UnencryptedRegex}, {"encrypted-regex", &s.EncryptedRegex},
		{"unencrypted-comment-regex", &s.UnencryptedCommentRegex}, {"encrypted-comment-regex", &s.EncryptedCommentRegex},
	} {
		*f.value = c.flags.text(f.name)
		if *f.value == "" && rule != nil && rule.Selection.Key == strings.ReplaceAll(f.name, "-", "_") {
			*f.value = rule.Selection.Value
		}
		if *f.value != "" {
			names = append(names, f.name)
		}
	}
	if len(names) > 1 {
		return s, fail(codeConflict, "%s and %s exclude each other in one file (flags, or .sops.yaml)", names[0], names[1])
	}
	return s, nil
}

// parseRecipients splits and checks the value of --age.
func parseRecipients(given string) ([]string, error) {
	if given == "" {
		return nil, nil
	}
	all := strings.Split(given, ",")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
		if _, err := keys.ParseRecipient(all[i]); err != nil {
			return nil, failed(codeGeneric, err)
		}
	}
	return all, nil
}

package compat

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"keyreeve/sops"
)

// A command is one word of the command line.
type command struct {
	name, operands, help string
	flags                []flagSpec
	run                  func(*call) error
	sub                  []*command
}

var (
	inPlace   = flagSpec{"in-place, i", boolean, "", "write the result back to the file"}
	output    = flagSpec{"output", text, "", "write the result to this file"}
	inType    = flagSpec{"input-type", text, "", "yaml, json, dotenv, ini or binary"}
	outType   = flagSpec{"output-type", text, "", "yaml, json, dotenv, ini or binary"}
	ignoreMAC = flagSpec{"ignore-mac", boolean, "", "accept a wrong or missing MAC"}
	override  = flagSpec{"filename-override", text, "", "decide type and rule by this name"}
	order     = flagSpec{"decryption-order", text, "SOPS_DECRYPTION_ORDER", "types of keys in the order to try"}
	threshold = flagSpec{"shamir-secret-sharing-threshold", number, "", "how many key groups are needed"}
	extractIt = flagSpec{"extract", text, "", `one value, as in '["a"][0]'`}
	masters   = flagSpec{"show-master-keys, s", boolean, "", "not offered"}
	approve   = flagSpec{"yes, y", boolean, "", "do not ask"}
	file      = flagSpec{"file, f", text, "", "the file"}
	context_  = flagSpec{"encryption-context", text, "", "not offered"}
	profile   = flagSpec{"aws-profile", text, "", "not offered"}
	services  = []flagSpec{
		{"enable-local-keyservice", boolean, "SOPS_ENABLE_LOCAL_KEYSERVICE", "on unless set to false"},
		{"keyservice", list, "SOPS_KEYSERVICE", "not offered"},
	}
	suffixes = []flagSpec{
		{"unencrypted-suffix", text, "", "leave keys with this ending readable"},
		{"encrypted-suffix", text, "", "encrypt only keys with this ending"},
		{"unencrypted-regex", text, "", "leave keys that match readable"},
		{"encrypted-regex", text, "", "encrypt only keys that match"},
	}
	comments = []flagSpec{
		{"unencrypted-comment-regex", text, "", "leave what follows such a comment readable"},
		{"encrypted-comment-regex", text, "", "encrypt only what follows such a comment"},
	}
	recipients = []flagSpec{
		{"age, a", text, "SOPS_AGE_RECIPIENTS", "age recipients, separated by commas"},
		{"kms, k", text, "SOPS_KMS_ARN", "not offered"},
		{"gcp-kms", text, "SOPS_GCP_KMS_IDS", "not offered"},
		{"hckms", text, "SOPS_HUAWEICLOUD_KMS_IDS", "not offered"},
		{"azure-kv", text, "SOPS_AZURE_KEYVAULT_URLS", "not offered"},
		{"hc-vault-transit", text, "SOPS_VAULT_URIS", "not offered"},
		{"pgp, p", text, "SOPS_PGP_FP", "not offered"},
		profile, context_,
	}
	foreign = []string{"kms", "pgp", "gcp-kms", "hckms", "azure-kv", "hc-vault-transit"}
	helping = flagSpec{"help, h", boolean, "", "show this"}
)

// changes are the flags that add and remove keys.
func changes() []flagSpec {
	flags := []flagSpec{{"add-age", text, "", "recipients to add to the first group"}, {"rm-age", text, "", "recipients to remove"}}
	for _, name := range foreign {
		flags = append(flags, flagSpec{"add-" + name, text, "", "not offered"}, flagSpec{"rm-" + name, text, "", "not offered"})
	}
	return flags
}

func flagsOf(specs ...any) []flagSpec {
	var all []flagSpec
	for _, spec := range specs {
		switch spec := spec.(type) {
		case flagSpec:
			all = append(all, spec)
		case []flagSpec:
			all = append(all, spec...)
		}
	}
	return append(slices.Concat(all, services), helping)
}

func bare(names ...string) []flagSpec {
	var specs []flagSpec
	for _, name := range names {
		specs = append(specs, flagSpec{names: name})
	}
	return specs
}

// topFlags are the flags before a command, and those of the old form.
func topFlags() []flagSpec {
	return slices.Concat([]flagSpec{
		{"decrypt, d", boolean, "", "old form of decrypt"}, {"encrypt, e", boolean, "", "old form of encrypt"},
		{"rotate, r", boolean, "", "old form of rotate"}, {"set", text, "", "old form of set"},
		{"disable-version-check", boolean, "SOPS_DISABLE_VERSION_CHECK", "no effect"},
		{"check-for-updates", boolean, "", "no effect"}, {"verbose", boolean, "", "no effect"},
		{"config", text, "SOPS_CONFIG", "the .sops.yaml to use"},
		{"indent", number, "", "spaces a level in YAML and JSON"},
		{"mac-only-encrypted", boolean, "", "the MAC covers encrypted values only"},
		{"version, v", boolean, "", "print the version"},
	}, flagsOf(inPlace, output, extractIt, inType, outType, masters, ignoreMAC, threshold, override, order,
		recipients, suffixes, comments, changes()))
}

func commands() []*command {
	user := flagSpec{"user", text, "", "not offered"}
	return []*command{
		{"decrypt", "[FILE]", "decrypt a file, or standard input", flagsOf(inPlace, extractIt, output, inType, outType, ignoreMAC, override, order), (*call).decryptCommand, nil},
		{"encrypt", "[FILE]", "encrypt a file, or standard input", flagsOf(inPlace, output, recipients, inType, outType, suffixes, threshold, override), (*call).encryptCommand, nil},
		{"edit", "FILE", "edit an encrypted file", flagsOf(recipients, inType, outType, suffixes, threshold, masters, ignoreMAC, order), (*call).editCommand, nil},
		{"set", "FILE INDEX [VALUE]", "set a value, written in JSON", flagsOf(inType, outType, bare("value-file", "value-stdin", "idempotent"), threshold, ignoreMAC, order), (*call).setCommand, nil},
		{"unset", "FILE INDEX", "remove a value", flagsOf(inType, outType, bare("idempotent"), threshold, ignoreMAC, order), (*call).unsetCommand, nil},
		{"rotate", "FILE", "replace the data key", flagsOf(inPlace, output, inType, outType, context_, changes(), override, order), (*call).rotateCommand, nil},
		{"updatekeys", "FILE...", "bring the recipients in step with .sops.yaml", flagsOf(approve, inType), (*call).updatekeysCommand, nil},
		{"exec-env", "FILE COMMAND", "run a command with the values in its environment", flagsOf(bare("background", "pristine", "same-process"), user, order), (*call).execEnvCommand, nil},
		{"exec-file", "FILE COMMAND", "run a command with the plaintext in a file, {}", flagsOf(bare("background", "no-fifo"), user, inType, outType, flagSpec{"filename", text, "", "name of the temporary file"}, order), (*call).execFileCommand, nil},
		{"filestatus", "FILE", "say whether a file is encrypted", append(flagsOf(inType)[:1:1], helping), (*call).filestatusCommand, nil},
		{"groups", "", "add or delete a key group", nil, nil, []*command{
			{"add", "", "add a key group", groupFlags(), (*call).groupsAddCommand, nil},
			{"delete", "INDEX", "delete a key group", flagsOf(file, inPlace, threshold), (*call).groupsDeleteCommand, nil},
		}},
		{"completion", "", "print a completion script", nil, nil, []*command{
			{"bash", "", "for bash", []flagSpec{helping}, (*call).bashCommand, nil},
			{"zsh", "", "for zsh", []flagSpec{helping}, (*call).zshCommand, nil},
		}},
		{"publish", "", "not offered", nil, (*call).notOffered, nil},
		{"keyservice", "", "not offered", nil, (*call).notOffered, nil},
		{"help", "", "show this", nil, nil, nil},
	}
}

func groupFlags() []flagSpec {
	flags := flagsOf(file, inPlace, threshold, profile, context_, flagSpec{"age", list, "", "an age recipient; may be repeated"})
	for _, name := range foreign {
		flags = append(flags, flagSpec{name, list, "", "not offered"})
	}
	return flags
}

// beforeCommands are the flags that count before a command. sops takes the
// others there and ignores them.
var beforeCommands = []string{"config", "indent", "mac-only-encrypted", "disable-version-check", "check-for-updates", "verbose", "help", "version"}

// dispatch finds the command and runs it.
func (p *Program) dispatch(ctx context.Context, args []string) error {
	if len(args) > 0 && args[len(args)-1] == completionFlag {
		return p.complete(args[:len(args)-1])
	}
	global, rest, err := parseFlags(topFlags(), args, p.Getenv)
	if err != nil {
		return err
	}
	switch {
	case global.is("help"):
		return p.usage(nil, commands(), topFlags())
	case global.is("version"):
		_, err := fmt.Fprintf(p.Out, "sops %s\n", sops.FormatVersion)
		return err
	}
	c := &call{Program: p, ctx: ctx, flags: global, global: global, args: rest}
	all := commands()
	if len(rest) == 0 {
		return c.oldForm()
	}
	cmd := named(all, rest[0])
	if cmd == nil {
		return c.oldForm()
	}
	for name, v := range global.values {
		if v.given && !slices.Contains(beforeCommands, name) {
			return fail(codeConflict, "--%s before %s has no effect in sops: put it after %s", name, cmd.name, cmd.name)
		}
	}
	return c.descend(cmd, rest[1:])
}

func named(all []*command, name string) *command {
	for _, cmd := range all {
		if cmd.name == name {
			return cmd
		}
	}
	return nil
}

func (c *call) descend(cmd *command, args []string) error {
	if cmd.sub != nil {
		if len(args) == 0 || slices.Contains([]string{"--help", "-h", "-help", "help"}, args[0]) {
			return c.usage(cmd, cmd.sub, nil)
		}
		sub := named(cmd.sub, args[0])
		if sub == nil {
			return fail(codeGeneric, "unknown command %q for %s", args[0], cmd.name)
		}
		return c.descend(sub, args[1:])
	}
	if cmd.name == "help" {
		if len(args) > 0 {
			if cmd = named(commands(), args[0]); cmd != nil {
				return c.usage(cmd, cmd.sub, cmd.flags)
			}
		}
		return c.usage(nil, commands(), topFlags())
	}
	c.cmd = cmd
	if cmd.flags == nil {
		return cmd.run(c)
	}
	flags, rest, err := parseFlags(cmd.flags, reorder(cmd.flags, args), c.Getenv)
	if err != nil {
		return &failure{codeGeneric, err, c.Name + " " + cmd.name + " --help"}
	}
	c.flags, c.args = flags, rest
	if flags.is("help") {
		return c.usage(cmd, nil, cmd.flags)
	}
	return cmd.run(c)
}

// usage prints help.
func (p *Program) usage(cmd *command, sub []*command, flags []flagSpec) error {
	w := tabwriter.NewWriter(p.Out, 0, 4, 2, ' ', 0)
	if cmd == nil {
		fmt.Fprintf(w, "%s works as sops %s does, for age keys.\n\nUsage:\n  %s COMMAND [flags] [FILE]\n  %s [flags] FILE    (old form; FILE alone edits it)\n", p.Name, sops.FormatVersion, p.Name, p.Name)
	} else {
		fmt.Fprintf(w, "%s %s: %s\n\nUsage:\n  %s %s %s\n", p.Name, cmd.name, cmd.help, p.Name, cmd.name, strings.TrimSpace("[flags] "+cmd.operands))
	}
	if len(sub) > 0 {
		fmt.Fprintln(w, "\nCommands:")
	}
	for _, s := range sub {
		fmt.Fprintf(w, "  %s\t%s\n", s.name, s.help)
	}
	if len(flags) > 0 {
		fmt.Fprintln(w, "\nFlags:")
	}
	for _, f := range flags {
		if f.help == "not offered" {
			continue
		}
		var names []string
		for _, name := range f.split() {
			names = append(names, strings.Repeat("-", min(len(name), 2))+name)
		}
		help := f.help
		if f.env != "" {
			help += " ($" + f.env + ")"
		}
		fmt.Fprintf(w, "  %s\t%s\n", strings.Join(names, ", "), help)
	}
	fmt.Fprintln(w, "\nWhat differs from sops: docs/sops-compatibility.md.")
	return w.Flush()
}

func (c *call) notOffered() error {
	return fail(codeGeneric, "%s is not offered: run the real sops for it, as sops %s", c.cmd.name, c.cmd.name)
}

// refuseForeign refuses flags and variables that ask for keys other than age's.
func (c *call) refuseForeign(prefixes ...string) error {
	if c.flags.text("keyservice") != "" {
		return fail(codeGeneric, "--keyservice is not offered: run the real sops for it")
	}
	if v := c.flags.text("enable-local-keyservice"); v != "" && !c.flags.is("enable-local-keyservice") {
		return fail(codeGeneric, "--enable-local-keyservice=false leaves no way to a key: key services are not offered")
	}
	for _, prefix := range prefixes {
		for _, name := range foreign {
			if c.flags.text(prefix+name) != "" {
				return fail(codeGeneric, "--%s%s is not offered (or the variable for it): run the real sops for keys other than age's", prefix, name)
			}
		}
	}
	return c.checkOrder()
}

// checkOrder refuses a kind of key named twice. The order has no effect: age keys
// are the only ones.
func (c *call) checkOrder() error {
	var seen []string
	if c.flags.text("decryption-order") == "" {
		return nil
	}
	for _, kind := range strings.Split(c.flags.text("decryption-order"), ",") {
		if slices.Contains(seen, kind) {
			return fail(codeOrder, "the kind of key %q stands twice in the decryption order", kind)
		}
		seen = append(seen, kind)
	}
	return nil
}

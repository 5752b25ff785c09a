package cli

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"keyreeve/fleet"
	"keyreeve/internal/edit"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/internal/term"
)

func (a *app) completionCommand() *cobra.Command {
	shells := map[string]func(*cobra.Command) error{
		"bash":       func(root *cobra.Command) error { return root.GenBashCompletionV2(a.out, true) },
		"zsh":        func(root *cobra.Command) error { return root.GenZshCompletion(a.out) },
		"fish":       func(root *cobra.Command) error { return root.GenFishCompletion(a.out, true) },
		"powershell": func(root *cobra.Command) error { return root.GenPowerShellCompletionWithDesc(a.out) },
	}
	names := slices.Sorted(maps.Keys(shells))
	c := command("completion SHELL", "Print a shell's completion: bash, fish, powershell or zsh",
		"  source <(keyreeve completion bash)\n  keyreeve completion fish >~/.config/fish/completions/keyreeve.fish", cobra.ExactArgs(1), nil)
	c.RunE = func(c *cobra.Command, args []string) error {
		if shells[args[0]] == nil {
			return &usageError{fmt.Sprintf("there is no completion for %q", args[0]), strings.Join(names, ", ")}
		}
		return shells[args[0]](c.Root())
	}
	c.ValidArgs = names
	return c
}

// A source offers what a word may be completed to. It opens no identity, asks
// nothing, and has nothing to offer where something is wrong.
type source func(s *lockstep.Session, word string) []string

// argumentSources are the sources of the words that stand in a command's usage.
var argumentSources = map[string]source{
	"REF": refs, "FROM": refs, "TO": refs,
	"DOC":           documents,
	"PATH":          paths,
	"PRINCIPAL":     principals,
	"DOC|PRINCIPAL": either(documents, principals),
	"REF|PRINCIPAL": either(refs, principals),
	"RECOVERY":      names(fleet.RecoveryKind),
	"USER":          names(fleet.UserKind),
	"HOST":          names(fleet.HostKind),
	"GROUP":         names(fleet.GroupKind),
}

// flagSources are those of flags that have a value, by the flag's name.
var flagSources = map[string]source{
	"hosts":    separated(names(fleet.HostKind)),
	"users":    separated(names(fleet.UserKind)),
	"env":      documents,
	"map":      assigned(refs),
	"platform": words("nixos", "darwin", "linux", "wsl"),
	"type":     words("str", "int", "float", "bool", "json"),
	"format":   words("yaml", "json", "dotenv", "ini", "binary"),
	"fail-on":  words("error", "warning", "info", "never"),
}

// complete gives every command below root its completion, found by the words in
// its usage.
func (a *app) complete(root *cobra.Command) {
	for _, c := range root.Commands() {
		a.complete(c)
		if c.Name() == "sops" || c.Name() == "help" {
			continue
		}
		if sources, repeats := argumentsOf(c); len(sources) > 0 && c.ValidArgsFunction == nil {
			c.ValidArgsFunction = a.completer(sources, repeats)
		}
		for name, from := range flagSources {
			complete := a.completer([]source{from}, false)
			if f := c.Flags().Lookup(name); f != nil && f.Value.Type() != "bool" {
				_ = c.RegisterFlagCompletionFunc(name, func(c *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
					return complete(c, nil, word)
				}) // fails only on a second one
			}
		}
	}
}

// flagsInUse are the flags that stand in a usage line, with their values.
var flagsInUse = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\[-[^\]]*\]|--\S+`) })

// argumentsOf returns the source of each argument, and whether the last one
// repeats. Where it knows none, shells complete files.
func argumentsOf(c *cobra.Command) (all []source, repeats bool) {
	kind := kindOf(c)
	ofRecipients := c.HasParent() && c.Parent().Name() == "recipient"
	for _, word := range strings.Fields(flagsInUse().ReplaceAllString(c.Use, ""))[1:] {
		var name string
		name, repeats = strings.CutSuffix(strings.Trim(word, "[]"), "…")
		from, known := argumentSources[name]
		first := len(all) == 0
		switch {
		case known:
		case kind != "" && first && (c.Name() != "add" || ofRecipients):
			from = names(kind)
		case ofRecipients && name == "NAME" && c.Name() != "add":
			from = nil // the completer knows whose
		case slices.Contains([]string{"NAME", "NEW", "RECIPIENT"}, name):
			from = nothing
		default:
			return all, false
		}
		all = append(all, from)
	}
	return all, repeats
}

// kindOf is the kind of principal that a command is about, or "".
func kindOf(c *cobra.Command) fleet.PrincipalKind {
	for ; c.HasParent(); c = c.Parent() {
		if slices.Contains([]string{"user", "host", "group", "recovery"}, c.Name()) {
			return fleet.PrincipalKind(c.Name())
		}
	}
	return ""
}

// completer offers what the source of the next argument has.
func (a *app) completer(sources []source, repeats bool) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= len(sources) && !repeats {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		from := sources[min(len(args), len(sources)-1)]
		if from == nil {
			from = recipientNames(kindOf(c), args[0])
		}
		s, err := lockstep.Open(a.dir, nil)
		if err != nil {
			s = nil
		}
		offers := slices.DeleteFunc(from(s, word), func(offer string) bool {
			return !strings.HasPrefix(offer, word) || !harmless(offer) || repeats && slices.Contains(args, offer)
		})
		return offers, cobra.ShellCompDirectiveNoFileComp
	}
}

// harmless tells names that mean nothing to a shell or a terminal. Others name
// documents as they like, and shells put offers on the command line, and on the
// screen, as they are.
func harmless(offer string) bool {
	return term.Printable(offer) == offer && !strings.ContainsAny(offer, "$`\"'\\;&|<>(){}*?!")
}

func nothing(*lockstep.Session, string) []string { return nil }

func words(all ...string) source {
	return func(*lockstep.Session, string) []string { return all }
}

func either(first, second source) source {
	return func(s *lockstep.Session, word string) []string { return append(first(s, word), second(s, word)...) }
}

func paths(s *lockstep.Session, _ string) []string {
	if s == nil {
		return nil
	}
	all, _ := s.Repo.Documents()
	return all
}

func documents(s *lockstep.Session, word string) []string {
	if s == nil {
		return nil
	}
	return repo.Names(paths(s, word))
}

// refs are documents and, where the word can only mean one, its entries: their
// names are readable without a key.
func refs(s *lockstep.Session, word string) []string {
	name, _, _ := strings.Cut(word, "#")
	all := slices.DeleteFunc(documents(s, word), func(doc string) bool { return !strings.HasPrefix(doc, name) })
	if slices.Contains(all, name) {
		all = []string{name}
	}
	if len(all) != 1 {
		return all
	}
	name = all[0]
	path, err := s.Repo.Resolve(name)
	if err != nil {
		return all
	}
	entries, err := edit.List(s, path)
	if err != nil {
		return all
	}
	for _, e := range entries {
		_, keyPath, _ := strings.Cut(e.Ref, "#")
		all = append(all, name+"#"+keyPath)
	}
	return all
}

func principals(s *lockstep.Session, _ string) []string {
	if s == nil {
		return nil
	}
	var all []string
	for _, p := range s.Inventory.Principals() {
		all = append(all, p.String())
	}
	return all
}

func names(kind fleet.PrincipalKind) source {
	return func(s *lockstep.Session, word string) []string {
		var all []string
		for _, p := range principals(s, word) {
			if name, ok := strings.CutPrefix(p, string(kind)+"/"); ok {
				all = append(all, name)
			}
		}
		return all
	}
}

func recipientNames(kind fleet.PrincipalKind, name string) source {
	return func(s *lockstep.Session, _ string) []string {
		if s == nil {
			return nil
		}
		var all []string
		for _, r := range s.Inventory.Recipients(fleet.Principal{Kind: kind, Name: name}) {
			all = append(all, r.Name)
		}
		return all
	}
}

// separated completes the last of several words with commas between them.
func separated(of source) source {
	return func(s *lockstep.Session, word string) []string {
		before := word[:strings.LastIndex(word, ",")+1]
		var all []string
		for _, offer := range of(s, word) {
			if !slices.Contains(strings.Split(before, ","), offer) {
				all = append(all, before+offer)
			}
		}
		return all
	}
}

// assigned completes what follows NAME=.
func assigned(from source) source {
	return func(s *lockstep.Session, word string) []string {
		name, rest, ok := strings.Cut(word, "=")
		if !ok {
			return nil
		}
		var all []string
		for _, offer := range from(s, rest) {
			all = append(all, name+"="+offer)
		}
		return all
	}
}

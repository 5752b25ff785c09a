package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"keyreeve/internal/cli"
)

// commands returns every command that does something by itself.
func commands() []*cobra.Command {
	var all []*cobra.Command
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		for _, below := range c.Commands() {
			if !below.HasSubCommands() || below.Example != "" {
				all = append(all, below)
			}
			visit(below)
		}
	}
	visit(cli.Root())
	return all
}

func TestCommandsHaveExamplesAndExitStatus(t *testing.T) {
	all := commands()
	if len(all) < 20 {
		t.Fatalf("only %d commands were found", len(all))
	}
	for _, c := range all {
		examples := 0
		for line := range strings.Lines(c.Example) {
			if strings.HasPrefix(line, "  ") && (strings.Contains(line, "keyreeve") || strings.Contains(line, "sops")) {
				examples++
			}
		}
		if examples < 2 {
			t.Errorf("%s: %d examples in its help, want two that name it", c.CommandPath(), examples)
		}
		if !strings.Contains(c.UsageString(), "Exit status:\n  ") {
			t.Errorf("%s: no exit status section in its help", c.CommandPath())
		}
		for line := range strings.Lines(c.UsageString()) {
			if width := len([]rune(strings.TrimRight(line, "\n"))); width > 100 {
				t.Errorf("%s: a line of %d columns in its help: %s", c.CommandPath(), width, line)
			}
		}
	}
}

// scripts returns the commands of all scripts, files that they hold left out.
func scripts(t *testing.T) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, "test/script/testdata/*.txtar"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	var all strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "-- ") {
				break
			}
			if !strings.HasPrefix(line, "#") {
				all.WriteString(line)
			}
		}
	}
	return all.String()
}

// mention matches a command line of keyreeve that runs a command.
func mention(command string) *regexp.Regexp {
	words := strings.Fields(command)[1:]
	return regexp.MustCompile(`\b(keyreeve|kr)( -[^\s]+( [^-\s]\S*)?)*? ` + strings.Join(words, ` `) + `(\s|'|"|$)`)
}

func TestCommandsHaveScripts(t *testing.T) {
	all := scripts(t)
	for _, c := range commands() {
		if !mention(c.CommandPath()).MatchString(all) {
			t.Errorf("%s: no script in test/script/testdata runs it", c.CommandPath())
		}
	}
}

func TestMention(t *testing.T) {
	for line, want := range map[string]bool{
		"exec keyreeve host rm potato\n":     true,
		"code 3 keyreeve --json host rm x\n": true,
		"exec keyreeve -C dir host rm x\n":   true,
		"exec keyreeve host rmdir x\n":       false,
		"exec keyreeve user rm x\n":          false,
		"exec sh -c 'keyreeve host rm'\n":    true,
		"exec notkeyreeve host rm potato\n":  false,
		"stdout 'keyreeve host add a; rm'\n": false,
	} {
		if got := mention("keyreeve host rm").MatchString(line); got != want {
			t.Errorf("%q: %v, want %v", line, got, want)
		}
	}
}

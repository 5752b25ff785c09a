// Package docs holds the documents to the program: the reference is what the
// commands say, links lead somewhere, and what a page runs does what it shows.
package docs

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keyreeve/fleet"
	"keyreeve/internal/cli"
	"keyreeve/internal/manual"
)

const root = "../.."

var update = flag.Bool("update", false, "write the reference instead of comparing it")

func TestReferenceIsCurrent(t *testing.T) {
	inventory, err := manual.Inventory(fleet.Schema())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{"commands.md": manual.Markdown(cli.Root()), "inventory.md": inventory} {
		path := filepath.Join(root, "docs/reference", name)
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("docs/reference/%s is not what the program says (%v): run make docs", name, err)
		}
	}
}

func TestManPagesAreClean(t *testing.T) {
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		t.Skip("mandoc is not installed")
	}
	dir := t.TempDir()
	pages := []string{"-Tlint", "-Wwarning"}
	tree := cli.Root()
	for _, c := range append(manual.Commands(tree), tree) {
		path := filepath.Join(dir, manual.PageName(c))
		if err := os.WriteFile(path, manual.Man(c, "1.2.3"), 0o644); err != nil {
			t.Fatal(err)
		}
		pages = append(pages, path)
	}
	out, _ := exec.Command(mandoc, pages...).CombinedOutput() // fails on any warning
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "missing date") { // pages of one version are the same bytes on any day
			t.Error(line)
		}
	}
}

func TestHelpFits(t *testing.T) {
	tree := cli.Root()
	for _, c := range append(manual.Commands(tree), tree) {
		for line := range strings.Lines(c.Short + "\n\n" + c.UsageString()) {
			if width := len([]rune(strings.TrimRight(line, "\n"))); width > 80 {
				t.Errorf("%s --help has a line of %d columns: %s", c.CommandPath(), width, line)
			}
		}
		if c.Parent() == tree && c.GroupID == "" {
			t.Errorf("%s has no heading in keyreeve --help: name it in groups, internal/cli/help.go", c.CommandPath())
		}
	}
}

package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"keyreeve/internal/cli"
)

var (
	linkTarget  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	commandLine = regexp.MustCompile("(?m)(?:^ {4}|`|[|$] )keyreeve ([a-z]+)(?: ([a-z-]+))?")
)

// pages returns every page by its path, hand-written or made.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all[name] = string(text)
		}
	}
	if len(all) < 10 {
		t.Fatalf("only %d pages were found", len(all))
	}
	return all
}

func TestLinksLeadSomewhere(t *testing.T) {
	for name, text := range pages(t) {
		for _, m := range linkTarget.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := name
			if target != "" {
				path = filepath.Join(filepath.Dir(name), target)
			}
			page, err := os.ReadFile(path)
			if err != nil {
				t.Errorf("%s: %s leads nowhere", name, m[1])
				continue
			}
			if anchor != "" && !anchors(string(page))[anchor] {
				t.Errorf("%s: %s has no such heading", name, m[1])
			}
		}
	}
}

// anchors are the headings of a page, as links name them.
func anchors(page string) map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(page) {
		if heading, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			name := strings.ToLower(strings.TrimSpace(heading))
			all[regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ReplaceAll(name, " ", "-"), "")] = true
		}
	}
	return all
}

func TestPagesNameRealCommands(t *testing.T) {
	named := 0
	for name, text := range pages(t) {
		for _, m := range commandLine.FindAllStringSubmatch(text, -1) {
			named++
			c, rest, err := cli.Root().Find(m[1:])
			if c == nil || err != nil || c.Parent() == nil {
				if m[1] != "help" {
					t.Errorf("%s: there is no command keyreeve %s", name, m[1])
				}
				continue
			}
			if len(rest) > 0 && rest[0] != "" && c.HasSubCommands() && c.Example == "" {
				t.Errorf("%s: there is no command keyreeve %s %s", name, m[1], rest[0])
			}
		}
	}
	if named < 50 {
		t.Errorf("only %d commands were found in the pages", named)
	}
}

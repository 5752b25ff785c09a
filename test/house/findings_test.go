package house

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// codes returns the values of a package's constants that begin with Code and
// hold a code.
func codes(t *testing.T, dir string) []string {
	var found []string
	for _, p := range loadTree(t) {
		if p.dir != dir {
			continue
		}
		for _, s := range p.files {
			ast.Inspect(s.file, func(n ast.Node) bool {
				spec, ok := n.(*ast.ValueSpec)
				if !ok || !strings.HasPrefix(spec.Names[0].Name, "Code") || len(spec.Values) == 0 {
					return true
				}
				if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
					if code, err := strconv.Unquote(literal.Value); err == nil && strings.HasPrefix(code, "KR") {
						found = append(found, code)
					}
				}
				return true
			})
		}
	}
	return found
}

// Every code is described in docs/findings.md, with a fix, and none besides.
func TestFindingsAreDocumented(t *testing.T) {
	known := append(codes(t, "fleet"), codes(t, "internal/check")...)
	if len(known) < 40 {
		t.Fatalf("only %d codes were found", len(known))
	}
	text, err := os.ReadFile(filepath.Join(root, "docs/findings.md"))
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, section := range regexp.MustCompile(`(?m)^### `).Split(string(text), -1)[1:] {
		code, body, _ := strings.Cut(section, "\n")
		documented = append(documented, code)
		if !strings.Contains(body, "\nFix: ") || !strings.Contains(body, "\nError. ") && !strings.Contains(body, "\nWarning. ") {
			t.Errorf("docs/findings.md: %s says no severity or no fix", code)
		}
	}
	slices.Sort(known)
	slices.Sort(documented)
	if !slices.Equal(known, documented) {
		t.Errorf("docs/findings.md describes\n%v, the code has\n%v", documented, known)
	}
}

package house

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// Each test that docs/invariants.md names exists.
func TestInvariantsHaveTests(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/invariants.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, p := range loadTree(t) {
		for _, s := range p.tests {
			for _, declared := range s.file.Decls {
				if f, ok := declared.(*ast.FuncDecl); ok && f.Recv == nil {
					tests[f.Name.Name] = true
				}
			}
		}
	}
	scripts, err := filepath.Glob(filepath.Join(root, "test/script/testdata/*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range scripts {
		tests[filepath.Base(name)] = true
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+|\\w+\\.txtar)`").FindAllStringSubmatch(string(text), -1)
	if len(named) < 20 {
		t.Fatalf("only %d tests are named", len(named))
	}
	for _, m := range named {
		if !tests[m[1]] {
			t.Errorf("docs/invariants.md names %s, which does not exist", m[1])
		}
	}
}

// Package house holds the project's rules about its own source as tests: which
// package may import which and why, what production code must not contain, and
// what every package has. A rule that a machine can check is written here and
// not left to reviewers.
package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/go/packages"
)

const (
	module = "keyreeve"
	root   = "../.."
)

// A source is one parsed Go file.
type source struct {
	name string // slash path from the root of the repository
	file *ast.File
	fset *token.FileSet
}

func (s source) place(pos token.Pos) string {
	p := s.fset.Position(pos)
	p.Filename = s.name
	p.Column = 0
	return p.String()
}

// A pkg is one package of this module with its files for every platform.
type pkg struct {
	dir   string // slash path from the root of the repository, "." for the root
	files []source
	tests []source
}

// production reports whether the package can end up in a program for users.
func (p pkg) production() bool { return !slices.Contains(support, placeOf(p.dir).layer) }

var tree = sync.OnceValues(func() ([]pkg, error) {
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedModule,
		Dir:  root,
	}, "./...")
	if err != nil {
		return nil, err
	}
	var all []pkg
	for _, l := range loaded {
		p, err := parse(l)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
})

// parse reads all Go files of a package's directory: those of other platforms
// and build tags obey the rules too.
func parse(l *packages.Package) (pkg, error) {
	p := pkg{dir: dirOf(l.PkgPath)}
	names, err := filepath.Glob(filepath.Join(root, p.dir, "*.go"))
	if err != nil {
		return p, err
	}
	for _, name := range names {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return p, err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return p, err
		}
		s := source{name: filepath.ToSlash(rel), file: file, fset: fset}
		if strings.HasSuffix(name, "_test.go") {
			p.tests = append(p.tests, s)
		} else {
			p.files = append(p.files, s)
		}
	}
	return p, nil
}

// dirOf turns an import path of this module into a directory.
func dirOf(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

func loadTree(t *testing.T) []pkg {
	t.Helper()
	all, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no packages found")
	}
	return all
}

// parseText is a source for the tests of the rules themselves.
func parseText(t *testing.T, text string) source {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "x.go", text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return source{name: "x.go", file: file, fset: fset}
}

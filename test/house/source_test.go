package house

import (
	"bytes"
	"go/ast"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// vague are package names that say nothing about what belongs in the package,
// so that everything ends up there.
var vague = []string{"util", "utils", "common", "helper", "helpers", "misc"}

func TestPackageNames(t *testing.T) {
	for _, p := range loadTree(t) {
		for _, segment := range strings.Split(p.dir, "/") {
			if slices.Contains(vague, segment) {
				t.Errorf("%s: name the package for what it does: everything could go into %q", p.dir, segment)
			}
		}
		for _, s := range p.files {
			if name := s.file.Name.Name; slices.Contains(vague, name) {
				t.Errorf("%s: name the package for what it does: everything could go into %q", s.name, name)
			}
		}
	}
}

// docProblem returns what is wrong with the package documentation in files.
func docProblem(files []source) string {
	var documented []source
	for _, s := range files {
		if s.file.Doc != nil {
			documented = append(documented, s)
		}
	}
	switch len(documented) {
	case 0:
		return "no file documents the package"
	case 1:
	default:
		var names []string
		for _, s := range documented {
			names = append(names, s.name)
		}
		return "one package, one documentation, but several files have some: " + strings.Join(names, ", ")
	}
	name, text := documented[0].file.Name.Name, documented[0].file.Doc.Text()
	if name != "main" && !strings.HasPrefix(text, "Package "+name+" ") {
		return documented[0].name + ": the documentation begins with \"Package " + name + " \""
	}
	return ""
}

func TestPackageDocs(t *testing.T) {
	for _, p := range loadTree(t) {
		files := p.files
		if len(files) == 0 {
			files = p.tests
		}
		if problem := docProblem(files); problem != "" {
			t.Errorf("%s: %s", p.dir, problem)
		}
	}
}

// exits are the calls that end the process past every deferred wipe of plaintext.
var exits = map[string][]string{
	"os":      {"Exit"},
	"log":     {"Fatal", "Fatalf", "Fatalln"},
	"syscall": {"Exit"},
}

// clock are the calls that make a result depend on when it was computed.
var clock = map[string][]string{"time": {"Now", "Since", "Until", "Sleep", "After", "NewTimer"}}

// calls returns the places in a file that use one of the named functions,
// whatever name their package is imported under.
func calls(s source, functions map[string][]string) []string {
	local := map[string]string{}
	for _, spec := range s.file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil || functions[path] == nil {
			continue
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		local[name] = path
	}
	var found []string
	ast.Inspect(s.file, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := selector.X.(*ast.Ident)
		if ok && slices.Contains(functions[local[x.Name]], selector.Sel.Name) {
			found = append(found, s.place(n.Pos())+": "+local[x.Name]+"."+selector.Sel.Name)
		}
		return true
	})
	return found
}

func TestOnlyProgramsExit(t *testing.T) {
	for _, p := range loadTree(t) {
		if !p.production() || placeOf(p.dir).layer == program {
			continue
		}
		for _, s := range p.files {
			for _, call := range calls(s, exits) {
				t.Errorf("%s ends the process past every deferred wipe: return an error, main exits", call)
			}
		}
	}
}

func TestLibrariesHaveNoClock(t *testing.T) {
	for _, p := range loadTree(t) {
		if unit := placeOf(p.dir).unit; unit != "sops" && unit != "fleet" {
			continue
		}
		for _, s := range p.files {
			for _, call := range calls(s, clock) {
				t.Errorf("%s makes the same input give another output: take the time as an argument", call)
			}
		}
	}
}

// unfinished matches the marks of work that was left for later.
var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX)\b`)

func TestNothingLeftForLater(t *testing.T) {
	for _, p := range loadTree(t) {
		for _, s := range append(slices.Clone(p.files), p.tests...) {
			for _, place := range marks(s) {
				t.Errorf("%s: do it, or open an issue: nobody returns for a mark in the code", place)
			}
		}
	}
}

// marks returns the places of comments that leave work for later.
func marks(s source) []string {
	var found []string
	for _, group := range s.file.Comments {
		for _, comment := range group.List {
			if unfinished.MatchString(comment.Text) {
				found = append(found, s.place(comment.Pos()))
			}
		}
	}
	return found
}

func TestFormatted(t *testing.T) {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".")) {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		formatted, err := format.Source(text)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		} else if !bytes.Equal(text, formatted) {
			t.Errorf("%s: run gofmt -w on it", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSourceRules(t *testing.T) {
	for _, c := range []struct {
		text string
		want int
	}{
		{"package x\nimport \"os\"\nfunc f() { os.Exit(1) }", 1},
		{"package x\nimport system \"os\"\nfunc f() { system.Exit(1) }", 1},
		{"package x\nimport \"os\"\nvar exit = os.Exit", 1},
		{"package x\nimport \"log\"\nfunc f() { log.Fatalf(\"no\") }", 1},
		{"package x\nimport \"os\"\nfunc f() { os.Getpid() }", 0},
		{"package x\nvar os struct{ Exit func() }\nfunc f() { os.Exit() }", 0},
	} {
		if got := calls(parseText(t, c.text), exits); len(got) != c.want {
			t.Errorf("%q: found %v, want %d", c.text, got, c.want)
		}
	}
	for text, want := range map[string]int{
		"package x\n// TO" + "DO: later":           1,
		"package x\nfunc f() { /* FIX" + "ME */ }": 1,
		"package x\nvar s = \"TO" + "DO\"":         0,
	} {
		if got := marks(parseText(t, text)); len(got) != want {
			t.Errorf("%q: found %v, want %d", text, got, want)
		}
	}
	good, bare, wrong := parseText(t, "// Package x does.\npackage x"), parseText(t, "package x"), parseText(t, "// Does.\npackage x")
	for _, c := range []struct {
		files []source
		ok    bool
	}{
		{[]source{good, bare}, true},
		{[]source{bare}, false},
		{[]source{good, good}, false},
		{[]source{wrong}, false},
	} {
		if problem := docProblem(c.files); (problem == "") != c.ok {
			t.Errorf("package documentation: %q, want ok %v", problem, c.ok)
		}
	}
}

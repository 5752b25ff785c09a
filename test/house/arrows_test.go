package house

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// A layer is a row of the layout. The unit within it is one library, feature or
// program; packages nested below a unit belong to it.
type layer string

const (
	library  layer = "library"  // sops keys fleet: public
	beneath  layer = "beneath"  // internal/{repo,lockstep,memdir,history,journal}
	terminal layer = "terminal" // internal/term
	feature  layer = "feature"  // every other internal/*
	wiring   layer = "wiring"   // internal/cli
	program  layer = "program"  // cmd/*
	tests    layer = "test support"
	benches  layer = "benchmarks"
	unknown  layer = "unknown"
)

// support are the layers that never reach a user.
var support = []layer{tests, benches}

type place struct {
	layer layer
	unit  string
}

// placeOf says where a directory stands in the layout.
func placeOf(dir string) place {
	segments := strings.Split(dir, "/")
	unit := segments[0]
	if (unit == "internal" || unit == "cmd") && len(segments) > 1 {
		unit += "/" + segments[1]
	}
	switch {
	case unit == "sops" || unit == "keys" || unit == "fleet":
		return place{library, unit}
	case unit == "internal/repo" || unit == "internal/lockstep" || unit == "internal/memdir" || unit == "internal/history" || unit == "internal/journal":
		return place{beneath, unit}
	case unit == "internal/term":
		return place{terminal, unit}
	case unit == "internal/cli":
		return place{wiring, unit}
	case strings.HasPrefix(unit, "internal/"):
		return place{feature, unit}
	case strings.HasPrefix(unit, "cmd/"):
		return place{program, unit}
	case unit == "test":
		return place{tests, unit}
	case unit == "bench":
		return place{benches, unit}
	}
	return place{unknown, unit}
}

// forbidden returns why package from must not import package to, both of this
// module; the empty string allows it.
func forbidden(from, to string) string {
	f, t := placeOf(from), placeOf(to)
	switch {
	case f.unit == t.unit || slices.Contains(support, f.layer):
		return ""
	case slices.Contains(support, t.layer):
		return "test support must not reach a user's program"
	case t.layer == program:
		return "a program is nobody's library"
	case f.unit == "fleet":
		if t.unit == "keys" {
			return ""
		}
		return "fleet is pure policy over names and recipients: it may know how a recipient is written (keys) and nothing else"
	case f.unit == "sops":
		return "sops is a codec to import alone: it takes wrap and unwrap functions and knows no keys, policy or files"
	case f.unit == "keys":
		return "keys is a library to import alone: identities exist without documents and without an inventory"
	case f.layer == terminal:
		return "the terminal knows nothing of secrets"
	case f.layer == beneath && (t.layer == feature || t.layer == wiring || t.layer == terminal):
		return "the working tree, history and journal lie beneath the features: they neither call upwards nor talk to a person"
	case f.layer == feature && t.layer == feature:
		return "features do not import each other: internal/cli wires them together, so that each can be read and tested alone"
	case f.layer == feature && t.layer == wiring:
		return "only a program imports the command tree: a feature takes plain arguments and returns plain results"
	case f.layer == program && t.layer != wiring:
		return "a program builds the command tree of internal/cli and exits; everything else would be logic in main"
	}
	return ""
}

// A ban keeps something outside this module from a unit.
type ban struct {
	unit   string
	path   string // the import path, and what lies below it
	reason string
}

var bans = []ban{
	{"sops", "os", "sops is bytes in, bytes out: no files, no environment"},
	{"sops", "net", "sops is bytes in, bytes out: no network"},
	{"sops", "syscall", "sops is bytes in, bytes out: no files, no environment"},
	{"sops", "golang.org/x/sys", "sops is bytes in, bytes out: no files, no environment"},
	{"sops", "filippo.io/age", "sops takes wrap and unwrap functions, so that it can be used with any kind of key"},
	{"fleet", "os", "fleet is pure: no files, no environment"},
	{"fleet", "net", "fleet is pure: no network"},
	{"fleet", "syscall", "fleet is pure: no files, no environment"},
	{"fleet", "golang.org/x/sys", "fleet is pure: no files, no environment"},
}

// banned returns why a unit must not import a path outside this module.
func banned(unit, path string) string {
	for _, b := range bans {
		if b.unit == unit && (path == b.path || strings.HasPrefix(path, b.path+"/")) {
			return b.reason
		}
	}
	return ""
}

func ours(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

func TestImportArrows(t *testing.T) {
	for _, p := range loadTree(t) {
		from := placeOf(p.dir)
		if from.layer == unknown {
			t.Errorf("%s: a package outside the layout: give it a place in the layers, or a place in an existing package", p.dir)
		}
		for _, s := range p.files {
			for _, spec := range s.file.Imports {
				path, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				reason := banned(from.unit, path)
				if ours(path) {
					reason = forbidden(p.dir, dirOf(path))
				}
				if reason != "" {
					t.Errorf("%s: %s must not import %s: %s", s.place(spec.Pos()), p.dir, path, reason)
				}
			}
		}
	}
}

// testOnly are packages that have no business in a program for users, not even
// through a dependency.
var testOnly = []string{"testing", "pgregory.net/rapid", "github.com/rogpeppe/go-internal/testscript"}

func TestNoTestCodeInPrograms(t *testing.T) {
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedImports | packages.NeedDeps,
		Dir:  root,
	}, "./sops/...", "./keys/...", "./fleet/...", "./internal/...", "./cmd/...")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var visit func(p *packages.Package, chain []string)
	visit = func(p *packages.Package, chain []string) {
		chain = append(slices.Clone(chain), p.PkgPath)
		if slices.Contains(testOnly, p.PkgPath) {
			t.Errorf("production code imports %s: test code in the binary is a door and a weight: %s",
				p.PkgPath, strings.Join(chain, " -> "))
			return
		}
		if seen[p.PkgPath] {
			return
		}
		seen[p.PkgPath] = true
		for _, imported := range p.Imports {
			visit(imported, chain)
		}
	}
	for _, p := range loaded {
		visit(p, nil)
	}
}

func TestArrowRules(t *testing.T) {
	for _, c := range []struct {
		from, to string
		allowed  bool
	}{
		{"sops", "keys", false},
		{"sops", "sops/internal/shamir", true},
		{"keys", "sops", false},
		{"keys", "internal/term", false},
		{"fleet", "keys", true},
		{"fleet", "sops", false},
		{"internal/repo", "fleet", true},
		{"internal/history", "internal/repo", true},
		{"internal/repo", "internal/edit", false},
		{"internal/journal", "internal/cli", false},
		{"internal/term", "keys", false},
		{"internal/edit", "internal/repo", true},
		{"internal/edit", "internal/term", true},
		{"internal/edit", "internal/install", false},
		{"internal/edit/nested", "internal/edit", true},
		{"internal/edit", "internal/cli", false},
		{"internal/cli", "internal/edit", true},
		{"internal/cli", "sops", true},
		{"internal/cli", "cmd/keyreeve", false},
		{"cmd/keyreeve", "internal/cli", true},
		{"cmd/keyreeve", "sops", false},
		{"cmd/keyreeve", "internal/edit", false},
		{"internal/edit", "test/peers", false},
		{"sops", "bench", false},
		{"test/script", "internal/cli", true},
	} {
		if got := forbidden(c.from, c.to) == ""; got != c.allowed {
			t.Errorf("%s -> %s: allowed %v, want %v", c.from, c.to, got, c.allowed)
		}
	}
	if placeOf("misplaced").layer != unknown || placeOf(".").layer != unknown {
		t.Error("a package outside the layout is not noticed")
	}
	for path, want := range map[string]bool{"os": true, "os/exec": true, "net/http": true, "osmosis": false, "io": false} {
		if got := banned("sops", path) != ""; got != want {
			t.Errorf("sops importing %s: banned %v, want %v", path, got, want)
		}
	}
}

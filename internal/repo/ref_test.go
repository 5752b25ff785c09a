package repo_test

import (
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyreeve/internal/repo"
)

func TestParseRef(t *testing.T) {
	for _, c := range []struct {
		in   string
		want repo.Ref
	}{
		{"common/services", repo.Ref{Doc: "common/services"}},
		{"common/services#postgres/password", repo.Ref{Doc: "common/services", Path: []string{"postgres", "password"}}},
		{"a#b~1c/d~0e", repo.Ref{Doc: "a", Path: []string{"b/c", "d~e"}}},
		{"a#~01", repo.Ref{Doc: "a", Path: []string{"~1"}}},
		{"a#list/0", repo.Ref{Doc: "a", Path: []string{"list", "0"}}},
		{"a#list/-", repo.Ref{Doc: "a", Path: []string{"list", "-"}}},
		{"a#~d1/x", repo.Ref{Doc: "a", Tree: 1, Path: []string{"x"}}},
		{"a#~d12", repo.Ref{Doc: "a", Tree: 12}},
		{"a#~d0/", repo.Ref{Doc: "a", Path: []string{""}}},
		{"a#~0d1", repo.Ref{Doc: "a", Path: []string{"~d1"}}},
		{"a#x/", repo.Ref{Doc: "a", Path: []string{"x", ""}}},
		{"a#b#c", repo.Ref{Doc: "a", Path: []string{"b#c"}}},
		{"./hosts/potato/secrets.yaml#wifi", repo.Ref{Doc: "./hosts/potato/secrets.yaml", Path: []string{"wifi"}}},
	} {
		got, err := repo.ParseRef(c.in)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("ParseRef(%q) = %#v, %v; want %#v", c.in, got, err, c.want)
		}
		if got.String() != c.in {
			t.Errorf("%q comes back as %q", c.in, got)
		}
	}
	for _, in := range []string{
		"", "#", "#x", "a#", "a#~", "a#~2", "a#x~", "a#~d", "a#~dx", "a#~d01", "a#~d-1", "a#~d+1", "a#~d99999", "a#~d0",
		"../a", "a/../b", "a/./b", "a//b", "/a", ".//a", "./", ".", "a/", "./../a", "a\x00", "\xff",
		strings.Repeat("a", 1<<17),
	} {
		if got, err := repo.ParseRef(in); !errors.As(err, new(*repo.RefError)) {
			t.Errorf("ParseRef(%.40q) = %#v, %v; want a RefError", in, got, err)
		}
	}
}

func TestRefRoundTrip(t *testing.T) {
	docs := rapid.StringMatching(`(\./)?[a-z.][a-z0-9._-]{1,8}x(/[a-zé ]{1,5}x){0,3}(\.yaml)?`)
	keys := rapid.OneOf(rapid.StringMatching(`[~/#a-z0-9d-]{0,6}`), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		ref := repo.Ref{
			Doc:  docs.Draw(t, "doc"),
			Tree: rapid.IntRange(0, 3).Draw(t, "tree"),
			Path: rapid.SliceOfN(keys, 0, 4).Draw(t, "path"),
		}
		if len(ref.Path) == 0 {
			ref.Path = nil
		}
		got, err := repo.ParseRef(ref.String())
		if err != nil || !reflect.DeepEqual(got, ref) {
			t.Fatalf("%#v is written %q, which is %#v, %v", ref, ref, got, err)
		}
	})
}

func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"common/services#postgres/password", "./a#~d1/b~1c/0/-", "a#~d0/", "a#~", "../a#"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := repo.ParseRef(s)
		if err != nil {
			if !errors.As(err, new(*repo.RefError)) {
				t.Fatalf("%q: %T", s, err)
			}
			return
		}
		again, err := repo.ParseRef(ref.String())
		if err != nil || !reflect.DeepEqual(again, ref) {
			t.Fatalf("%q is %#v, written %q, which is %#v, %v", s, ref, ref, again, err)
		}
		// Only the first document said aloud is written another way.
		if ref.String() != s && !strings.Contains(s, "#~d0/") {
			t.Fatalf("%q comes back as %q", s, ref)
		}
		for _, elem := range strings.Split(strings.TrimPrefix(ref.Doc, "./"), "/") {
			if elem == "" || elem == "." || elem == ".." {
				t.Fatalf("%q leads to document %q", s, ref.Doc)
			}
		}
	})
}

func TestResolve(t *testing.T) {
	root := newRoot(t, map[string]string{
		"secrets/common/services.yaml": "", "secrets/common/both.yaml": "", "secrets/common/both.env": "",
		"secrets/common/bin": "", "secrets/common/bin.yaml": "", "secrets/common/tls.key": "",
		"secrets/common/services/inner.json": "", "secrets/common/a.b.ini": "", "secrets/README.yaml": "",
		"hosts/potato/secrets.yaml": "", "hosts/x.template": "",
	})
	os.Symlink("services.yaml", root+"/secrets/common/link.yaml")
	r := mustOpen(t, root)
	for doc, want := range map[string]string{
		"common/services":                "secrets/common/services.yaml",
		"common/services.yaml":           "secrets/common/services.yaml",
		"common/services/inner":          "secrets/common/services/inner.json",
		"common/both.env":                "secrets/common/both.env",
		"common/bin":                     "secrets/common/bin",
		"common/bin.yaml":                "secrets/common/bin.yaml",
		"common/a.b":                     "secrets/common/a.b.ini",
		"common/tls.key":                 "secrets/common/tls.key",
		"./hosts/potato/secrets.yaml":    "hosts/potato/secrets.yaml",
		"./hosts/potato/secrets":         "hosts/potato/secrets.yaml",
		"./secrets/common/services.yaml": "secrets/common/services.yaml",
	} {
		got, err := r.Resolve(doc)
		if got != want || err != nil {
			t.Errorf("Resolve(%q) = %q, %v; want %q", doc, got, err, want)
		}
		if name := r.Name(got); name != "" {
			if back, err := r.Resolve(name); back != got || err != nil {
				t.Errorf("%q is named %q, which is %q, %v", got, name, back, err)
			}
		}
	}
	ambiguous := &repo.AmbiguousError{}
	if _, err := r.Resolve("common/both"); !errors.As(err, &ambiguous) ||
		!slices.Equal(ambiguous.Candidates, []string{"common/both.env", "common/both.yaml"}) {
		t.Errorf("ambiguous: %v", err)
	}
	for doc, nearest := range map[string]string{
		"common/servces":               "common/services",
		"secrets/common/services.yaml": "common/services",
		"completely/else":              "",
		"common/tls":                   "",
		"README":                       "",
		"common/both.jsn":              "common/both.env",
	} {
		missing := &repo.NotFoundError{}
		if _, err := r.Resolve(doc); !errors.As(err, &missing) || missing.Nearest != nearest && nearest != "" {
			t.Errorf("Resolve(%q): %v; nearest wanted %q", doc, err, nearest)
		}
	}
	for _, doc := range []string{"common/link", "common/link.yaml", "./.git/HEAD"} {
		if _, err := r.Resolve(doc); !errors.As(err, new(*repo.UnsafePathError)) {
			t.Errorf("Resolve(%q): %v", doc, err)
		}
	}
	for in, want := range map[string]string{
		"common/services#x": "secrets/common/services.yaml true",
		"new/doc#x":         "secrets/new/doc.yaml false",
		"new/doc.v2#x":      "secrets/new/doc.v2.yaml false",
		"new/doc.json#x":    "secrets/new/doc.json false",
		"new/tls.key":       "secrets/new/tls.key false",
		"./hosts/new#x":     "hosts/new.yaml false",
		"new/README#x":      "bad",
		"new/.env":          "bad",
	} {
		ref, err := repo.ParseRef(in)
		if err != nil {
			t.Fatal(err)
		}
		got, exists, err := r.Target(ref)
		switch {
		case want == "bad" && !errors.As(err, new(*repo.RefError)):
			t.Errorf("Target(%q) = %q, %v", in, got, err)
		case want != "bad" && (err != nil || want != got+map[bool]string{true: " true", false: " false"}[exists]):
			t.Errorf("Target(%q) = %q, %v, %v; want %q", in, got, exists, err, want)
		}
	}
}

func TestNames(t *testing.T) {
	paths := []string{
		"hosts/potato/secrets.yaml", "secrets/a.yaml", "secrets/b", "secrets/b.yaml", "secrets/c.env", "secrets/c.ini",
		"secrets/d.key", "secrets/e.yaml", "secrets/e/f.yml",
	}
	want := []string{
		"./hosts/potato/secrets", "a", "b", "b.yaml", "c.env", "c.ini", "d.key", "e", "e/f",
	}
	if got := repo.Names(paths); !slices.Equal(got, want) {
		t.Errorf("Names: %q\nwant %q", got, want)
	}
}

// Whatever files there are, the name of each resolves to it.
func TestNamesResolve(t *testing.T) {
	root := newRoot(t, nil)
	files := rapid.SliceOfNDistinct(rapid.StringMatching(`[ab](\.[ab])?(\.yaml|\.yml|\.json|\.env|\.ini|\.txt)?`), 1, 12, rapid.ID)
	rapid.Check(t, func(t *rapid.T) {
		os.RemoveAll(root + "/secrets")
		os.MkdirAll(root+"/secrets", 0o755)
		for _, name := range files.Draw(t, "files") {
			os.WriteFile(root+"/secrets/"+name, nil, 0o644)
		}
		r, err := repo.Open(root)
		if err != nil {
			t.Fatal(err)
		}
		docs, err := r.Documents()
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range repo.Names(docs) {
			if got, err := r.Resolve(name); got != docs[i] || err != nil {
				t.Fatalf("%q of %q is named %q, which is %q, %v", docs[i], docs, name, got, err)
			}
			if other := r.Name(docs[i]); other != name {
				t.Fatalf("%q is named %q and %q", docs[i], name, other)
			}
		}
	})
}

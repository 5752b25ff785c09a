package repo_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keyreeve/internal/repo"
)

// newRoot makes a folder with an inventory, the files given, and as much of a
// git folder as finding it takes.
func newRoot(t testing.TB, files map[string]string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, root, ".git/HEAD", "ref: refs/heads/main\n")
	writeFile(t, root, "keyreeve.yaml", "version: 1\n")
	for name, content := range files {
		writeFile(t, root, name, content)
	}
	return root
}

func writeFile(t testing.TB, root, name, content string) {
	t.Helper()
	full := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mustOpen(t testing.TB, dir string) *repo.Repo {
	t.Helper()
	r, err := repo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustLock(t testing.TB, r *repo.Repo) *repo.Lock {
	t.Helper()
	lock, err := r.Lock(context.Background(), repo.LockOptions{Timeout: 10 * time.Second, Command: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lock.Unlock() })
	return lock
}

// contents reads all files below root but git's, with their permissions.
func contents(t testing.TB, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		if entry.IsDir() {
			if rel == ".git" {
				return fs.SkipDir
			}
			if list, _ := os.ReadDir(name); len(list) == 0 {
				files[rel+"/"] = "empty folder"
			}
			return nil
		}
		data, err := os.ReadFile(name)
		files[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestOpen(t *testing.T) {
	root := newRoot(t, map[string]string{"secrets/common/a.yaml": "a"})
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(root, link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{root, root + "/secrets/common", link, link + "/secrets"} {
		if r := mustOpen(t, dir); r.Root != root || r.Recovery != nil {
			t.Errorf("Open(%s): root %s, recovery %v", dir, r.Root, r.Recovery)
		}
	}

	// An inventory above the work tree is another repository's.
	writeFile(t, root, "sub/.git/HEAD", "ref: refs/heads/main\n")
	if _, err := repo.Open(root + "/sub"); err != repo.ErrNoInventory {
		t.Errorf("below another work tree: %v", err)
	}
	if _, err := repo.Open(t.TempDir()); err != repo.ErrNoInventory {
		t.Errorf("without an inventory: %v", err)
	}
	linked := newRoot(t, nil)
	os.Rename(linked+"/keyreeve.yaml", linked+"/other.yaml")
	os.Symlink("other.yaml", linked+"/keyreeve.yaml")
	if _, err := repo.Open(linked); !errors.As(err, new(*repo.UnsafePathError)) {
		t.Errorf("with a linked inventory: %v", err)
	}
	nested := newRoot(t, map[string]string{"secrets/common/keyreeve.yaml": "version: 1\n", "secrets/common/deep/a.yaml": "a"})
	if _, err := repo.Open(nested + "/secrets/common/deep"); !errors.As(err, new(*repo.NestedError)) {
		t.Errorf("below a nested inventory: %v", err)
	}
	if r := mustOpen(t, nested+"/secrets/common"); r.Root != nested+"/secrets/common" {
		t.Errorf("a nested inventory by name: %s", r.Root)
	}
	if _, err := repo.OpenFolder(t.TempDir()); err != nil {
		t.Errorf("OpenFolder: %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	root := newRoot(t, map[string]string{"secrets/common/a.yaml": "a", "out/x": "x"})
	outside := t.TempDir()
	writeFile(t, outside, "b.yaml", "outside")
	for name, target := range map[string]string{
		"secrets/common/link.yaml":   "a.yaml",
		"secrets/common/escape.yaml": outside + "/b.yaml",
		"secrets/folder":             "common",
		"secrets/away":               outside,
	} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	r := mustOpen(t, root)
	if data, err := r.Read("secrets/common/a.yaml"); string(data) != "a" || err != nil {
		t.Fatalf("Read: %q, %v", data, err)
	}
	for _, name := range []string{
		"secrets/common/link.yaml", "secrets/common/escape.yaml", "secrets/folder/a.yaml",
		"secrets/away/b.yaml", "../x", "secrets/../../x", "/etc/hostname", "", ".", "secrets//a",
		".git/HEAD", "secrets/.GIT/x", "secrets/common", "a\x00b", "secrets/\xff",
	} {
		if _, err := r.Read(name); !errors.As(err, new(*repo.UnsafePathError)) {
			t.Errorf("Read(%q): %v", name, err)
		}
	}
	for _, name := range []string{"secrets/none.yaml", "none/none.yaml", "none"} {
		if _, err := r.Read(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Read(%q): %v", name, err)
		}
	}
}

func TestDocuments(t *testing.T) {
	root := newRoot(t, map[string]string{
		"secrets/common/services.yaml":          "",
		"secrets/common/tls.key":                "",
		"secrets/common/README.md":              "",
		"secrets/common/app.yaml.template":      "",
		"secrets/common/.hidden.yaml":           "",
		"secrets/a-b/x.yaml":                    "",
		"secrets/a/x.yaml":                      "",
		"secrets/.old/x.yaml":                   "",
		"secrets/sub/.git/x.yaml":               "",
		"hosts/potato/secrets.yaml":             "",
		".keyreeve/journal.yaml":                "",
		"secrets/common/.keyreeve-0000.tmp.bak": "",
	})
	os.Symlink("services.yaml", root+"/secrets/common/link.yaml")
	r := mustOpen(t, root)
	want := []string{
		"secrets/.old/x.yaml", "secrets/a-b/x.yaml", "secrets/a/x.yaml",
		"secrets/common/services.yaml", "secrets/common/tls.key",
	}
	if got, err := r.Documents(); err != nil || !slices.Equal(got, want) {
		t.Errorf("Documents: %q, %v\nwant %q", got, err, want)
	}
	if got, err := r.Links(); err != nil || !slices.Equal(got, []string{"secrets/common/link.yaml"}) {
		t.Errorf("Links: %q, %v", got, err)
	}
	none := r.Covering(func(path string) bool { return strings.HasSuffix(path, "/secrets.yaml") })
	if got, err := none.Documents(); err != nil || !slices.Equal(got, []string{"hosts/potato/secrets.yaml"}) {
		t.Errorf("Covering: %q, %v", got, err)
	}
	bare := mustOpen(t, newRoot(t, nil))
	if got, err := bare.Documents(); err != nil || len(got) != 0 {
		t.Errorf("without secrets/: %q, %v", got, err)
	}
	linked := newRoot(t, nil)
	os.Symlink(root+"/secrets", linked+"/secrets")
	if _, err := mustOpen(t, linked).Documents(); !errors.As(err, new(*repo.UnsafePathError)) {
		t.Errorf("linked secrets/: %v", err)
	}
}

func TestRel(t *testing.T) {
	root := newRoot(t, map[string]string{"secrets/common/a.yaml": "a"})
	link := filepath.Join(t.TempDir(), "link")
	os.Symlink(root, link)
	r := mustOpen(t, root)
	for _, c := range []struct{ dir, name, want string }{
		{root, "secrets/common/a.yaml", "secrets/common/a.yaml"},
		{root + "/secrets", "common/a.yaml", "secrets/common/a.yaml"},
		{root + "/secrets", "../new.yaml", "new.yaml"},
		{link, "secrets/common/new.yaml", "secrets/common/new.yaml"},
		{"/", root + "/x", "x"},
		{root, "../x", ""},
		{root, "/etc/passwd", ""},
		{root, ".git/config", ""},
	} {
		got, err := r.Rel(c.dir, c.name)
		if c.want == "" && !errors.As(err, new(*repo.UnsafePathError)) || c.want != "" && (got != c.want || err != nil) {
			t.Errorf("Rel(%q, %q) = %q, %v; want %q", c.dir, c.name, got, err, c.want)
		}
	}
}

func BenchmarkDocuments(b *testing.B) {
	root := newRoot(b, nil)
	for i := range 10_000 {
		writeFile(b, root, "secrets/host"+string(rune('a'+i%20))+"/"+string(rune('a'+i/20%25))+"/doc"+
			string(rune('a'+i/500))+".yaml", "x")
	}
	r := mustOpen(b, root)
	b.ResetTimer()
	for b.Loop() {
		if docs, err := r.Documents(); err != nil || len(docs) != 10_000 {
			b.Fatal(len(docs), err)
		}
	}
}

package repo_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"keyreeve/internal/repo"
)

// newGit makes a repository in real git, in a folder of the work tree.
func newGit(t *testing.T, below string, files map[string]string) (r *repo.Repo, git func(args ...string) string) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git here")
	}
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_SYSTEM", os.DevNull)
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		t.Setenv("GIT_"+who+"_NAME", "Tim Test")
		t.Setenv("GIT_"+who+"_EMAIL", "tim@example.org")
		t.Setenv("GIT_"+who+"_DATE", "2026-02-01T12:00:00Z")
	}
	root := filepath.Join(top, below)
	files["keyreeve.yaml"] = "version: 1\nlayout: standard\nusers: {}\n"
	for name, content := range files {
		writeFile(t, root, name, content)
	}
	if err := repo.InitGit(ctx, top); err != nil {
		t.Fatal(err)
	}
	git = func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir = top
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	return mustOpen(t, root), git
}

func TestRevisions(t *testing.T) {
	for _, below := range []string{".", "fleet/ü x"} {
		t.Run(below, func(t *testing.T) {
			r, git := newGit(t, below, map[string]string{
				"secrets/common/a.yaml": "one", "secrets/common/README.md": "", "secrets/host/b.yaml": "b", "other.yaml": "o",
			})
			os.Symlink("a.yaml", r.Root+"/secrets/common/link.yaml")
			if head, err := r.Head(ctx); head != "" || err != nil {
				t.Errorf("Head before the first commit: %q, %v", head, err)
			}
			git("add", "-A")
			git("commit", "-qm", "first things")
			head, err := r.Head(ctx)
			if head != git("rev-parse", "HEAD") || err != nil {
				t.Errorf("Head: %q, %v", head, err)
			}
			writeFile(t, r.Root, "secrets/common/a.yaml", "two")
			writeFile(t, r.Root, "secrets/common/new.yaml", "new")
			writeFile(t, r.Root, "keyreeve.yaml", "version: 1\nlayout: none\nusers: {}\n")

			if data, err := r.ReadAt(ctx, "HEAD", "secrets/common/a.yaml"); string(data) != "one" || err != nil {
				t.Errorf("ReadAt: %q, %v", data, err)
			}
			if _, err := r.ReadAt(ctx, head, "secrets/common/new.yaml"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("ReadAt of what was not there: %v", err)
			}
			if _, err := r.ReadAt(ctx, head, "secrets/common/link.yaml"); !errors.As(err, new(*repo.UnsafePathError)) {
				t.Errorf("ReadAt of a link: %v", err)
			}
			for _, rev := range []string{"", "nonsense", "--output=x", "-h"} {
				if _, err := r.ReadAt(ctx, rev, "other.yaml"); err == nil {
					t.Errorf("ReadAt at %q", rev)
				}
			}
			docs, err := r.DocumentsAt(ctx, "HEAD")
			if want := []string{"secrets/common/a.yaml", "secrets/host/b.yaml"}; !slices.Equal(docs, want) || err != nil {
				t.Errorf("DocumentsAt: %q, %v", docs, err)
			}
			docs, err = r.Covering(func(p string) bool { return p == "other.yaml" }).DocumentsAt(ctx, "HEAD")
			if !slices.Equal(docs, []string{"other.yaml"}) || err != nil {
				t.Errorf("DocumentsAt covering: %q, %v", docs, err)
			}
			status, err := r.Uncommitted(ctx)
			if want := []repo.FileStatus{
				{Path: "keyreeve.yaml", Code: " M"}, {Path: "secrets/common/a.yaml", Code: " M"},
				{Path: "secrets/common/new.yaml", Code: "??"},
			}; !reflect.DeepEqual(status, want) || err != nil {
				t.Errorf("Uncommitted: %+v, %v", status, err)
			}
		})
	}
}

func TestCommitted(t *testing.T) {
	r, git := newGit(t, ".", map[string]string{"secrets/a.yaml": "a", "secrets/b.yaml": "b"})
	git("add", "-A")
	git("commit", "-qm", "first")
	mustLock(t, r)
	err := r.Apply(ctx, "", []repo.Change{change("secrets/a.yaml", "a", "a2"), change("secrets/b.yaml", "b", "-")})
	if err != nil {
		t.Fatal(err)
	}
	undo, err := r.LastChange()
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, want bool) {
		t.Helper()
		if got, err := r.Committed(ctx, undo); got != want || err != nil {
			t.Errorf("%s: %v, %v", what, got, err)
		}
	}
	check("before a commit", false)
	if status := git("status", "--porcelain"); strings.Contains(status, "keyreeve-") || strings.Contains(status, "??") {
		t.Errorf("git sees %q", status)
	}
	writeFile(t, r.Root, "other", "x")
	git("add", "other")
	git("commit", "-qm", "unrelated")
	check("after another commit", false)
	git("rm", "-q", "--cached", "secrets/b.yaml")
	git("commit", "-qm", "removal")
	check("after the removal was committed", true)
	git("reset", "-q", "HEAD~")
	git("add", "secrets/a.yaml")
	git("commit", "-qm", "write")
	check("after a write was committed", true)
}

// Nothing that a repository or the environment names is run, and identities
// stay out of the child's environment.
func TestGitRunsNothingElse(t *testing.T) {
	r, git := newGit(t, ".", map[string]string{"secrets/a.yaml": "one\n", ".gitattributes": "*.yaml diff=evil\n"})
	git("add", "-A")
	git("commit", "-qm", "first")
	mark := filepath.Join(t.TempDir(), "ran")
	script := filepath.Join(t.TempDir(), "evil.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho ran >> "+mark+"\ncat \"$1\" 2>/dev/null\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{
		"diff.evil.textconv", "diff.evil.command", "diff.external", "core.fsmonitor", "core.pager", "gpg.program",
	} {
		git("config", key, script)
	}
	git("config", "log.showSignature", "true")
	for _, hook := range []string{"pre-commit", "post-index-change", "post-checkout"} {
		if err := os.Symlink(script, filepath.Join(r.Root, ".git", "hooks", hook)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GIT_EXTERNAL_DIFF", script)
	writeFile(t, r.Root, "secrets/a.yaml", "two\n")
	for _, args := range [][]string{
		{"diff"}, {"log", "-p"}, {"show", "HEAD"}, {"blame", "-L", "1,1", "--", "secrets/a.yaml"},
		{"status", "--porcelain"}, {"add", "secrets/a.yaml"}, {"commit", "-qm", "second"}, {"diff-tree", "-p", "HEAD"},
	} {
		if _, err := r.Git(ctx, args...); err != nil {
			t.Errorf("git %q: %v", args, err)
		}
		if _, err := os.Stat(mark); err == nil {
			t.Errorf("git %q ran the script", args)
			os.Remove(mark)
		}
	}

	for _, name := range []string{"SOPS_AGE_KEY", "SOPS_AGE_KEY_CMD", "AGE_IDENTITY", "BW_SESSION", "KEYREEVE_X"} {
		t.Setenv(name, "AGE-SECRET-KEY-1TEST")
	}
	t.Setenv("GIT_DIR", "/nonexistent")
	out, err := r.Git(ctx, "-c", "alias.env=!env", "env")
	if err != nil || strings.Contains(string(out), "AGE-SECRET-KEY") || !strings.Contains(string(out), "PATH=") {
		t.Errorf("the child's environment: %v\n%s", err, out)
	}
}

func TestGitFails(t *testing.T) {
	r, _ := newGit(t, ".", map[string]string{})
	failed := new(repo.GitError)
	if _, err := r.Git(ctx, "cat-file", "blob", "nonsense"); !errors.As(err, &failed) || failed.Code != 128 ||
		failed.Verb != "cat-file" || !strings.Contains(failed.Stderr, "nonsense") {
		t.Errorf("%+v", failed)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := r.Git(short, "-c", "alias.hang=!sleep 30", "hang")
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 10*time.Second {
		t.Errorf("a hanging git: %v after %s", err, time.Since(began))
	}
	bare, err := repo.OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bare.Head(ctx); err != repo.ErrNoGit {
		t.Errorf("without git: %v", err)
	}
}

// A linked work tree has a lock and records of its own, but the same pins.
func TestWorkTree(t *testing.T) {
	r, git := newGit(t, ".", map[string]string{"secrets/a.yaml": "a"})
	git("add", "-A")
	git("commit", "-qm", "first")
	dir := filepath.Join(t.TempDir(), "linked")
	git("worktree", "add", "-q", dir)
	linked := mustOpen(t, dir)
	mustLock(t, r)
	mustLock(t, linked)
	pins := t.TempDir()
	if err := r.SavePins(pins, repo.Pins{Grants: []repo.Grant{{Recipient: "age1x", Rule: "common/**"}}}); err != nil {
		t.Fatal(err)
	}
	if found, err := linked.LoadPins(pins); found == nil || len(found.Grants) != 1 || err != nil {
		t.Errorf("LoadPins: %v, %v", found, err)
	}
	// Another fleet in the same git repository is no first use.
	writeFile(t, r.Root, "other/keyreeve.yaml", "version: 1\n")
	if found, err := mustOpen(t, r.Root+"/other").LoadPins(pins); found == nil || len(found.Grants) != 0 || err != nil {
		t.Errorf("a folder beside: %v, %v", found, err)
	}
}

func TestPins(t *testing.T) {
	r := mustOpen(t, newRoot(t, nil))
	env := map[string]string{}
	getenv := func(name string) string { return env[name] }
	if dir := repo.PinDir(getenv, "/home/tim"); dir != "/home/tim/.local/state/keyreeve/pins" {
		t.Error(dir)
	}
	env["XDG_STATE_HOME"] = "relative"
	if dir := repo.PinDir(getenv, "/home/tim"); dir != "/home/tim/.local/state/keyreeve/pins" {
		t.Error(dir)
	}
	env["XDG_STATE_HOME"] = t.TempDir()
	dir := repo.PinDir(getenv, "")
	if pins, err := r.LoadPins(dir); pins != nil || err != nil {
		t.Errorf("never pinned: %v, %v", pins, err)
	}
	a, b := repo.Grant{Recipient: "age1a", Rule: "common/**"}, repo.Grant{Recipient: "age1b", Rule: "common/**"}
	given := []repo.Grant{b, a, b}
	if err := r.SavePins(dir, repo.Pins{Grants: given, Documents: []string{"b", "a", "b"}}); err != nil {
		t.Fatal(err)
	}
	pins, err := r.LoadPins(dir)
	if err != nil || pins == nil || !slices.Equal(pins.Grants, []repo.Grant{a, b}) || !slices.Equal(pins.Documents, []string{"a", "b"}) || given[0] != b {
		t.Errorf("LoadPins: %v, %v", pins, err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	name := filepath.Join(dir, files[0].Name())
	if info, err := os.Stat(name); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := r.SavePins(dir, repo.Pins{}); err != nil {
		t.Fatal(err)
	}
	if pins, err := r.LoadPins(dir); pins == nil || len(pins.Grants) != 0 || err != nil {
		t.Errorf("none accepted: %v, %v", pins, err)
	}
	if pins, err := mustOpen(t, newRoot(t, nil)).LoadPins(dir); pins != nil || err != nil {
		t.Errorf("another repository: %v, %v", pins, err)
	}
	for _, bad := range []string{"", "{", `{"schema_version":3,"grants":[]}`} {
		os.WriteFile(name, []byte(bad), 0o600)
		if _, err := r.LoadPins(dir); err == nil {
			t.Errorf("pins %q were accepted", bad)
		}
	}
}

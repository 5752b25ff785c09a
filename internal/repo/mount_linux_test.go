package repo_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"keyreeve/internal/repo"
)

// newDisk is newRoot on a file system of its own, of some 4 KiB pages.
func newDisk(t *testing.T, pages int, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", pages*4096)); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	writeFile(t, dir, ".git/HEAD", "ref: refs/heads/main\n")
	writeFile(t, dir, "keyreeve.yaml", "version: 1\n")
	for name, content := range files {
		writeFile(t, dir, name, content)
	}
	return dir
}

// A disk that fills up at any point leaves all files as they were.
func TestFullDisk(t *testing.T) {
	old, new := strings.Repeat("o", 4000), strings.Repeat("n", 4000)
	files, changes := map[string]string{}, []repo.Change{}
	for i := range 8 {
		name := fmt.Sprintf("secrets/m%d.yaml", i)
		files[name] = old
		changes = append(changes, change(name, old, new))
	}
	full, fitted := 0, false
	for pages := 14; pages < 40 && !fitted; pages++ {
		root := newDisk(t, pages, files)
		before := contents(t, root)
		r := mustOpen(t, root)
		lock := mustLock(t, r)
		err := r.Apply(ctx, "", changes)
		switch {
		case err == nil:
			fitted = true
		case errors.Is(err, unix.ENOSPC):
			full++
			if !maps.Equal(contents(t, root), before) {
				t.Errorf("%d pages: files changed", pages)
			}
			noLeftovers(t, root)
		default:
			t.Errorf("%d pages: %v", pages, err)
		}
		lock.Unlock()
	}
	if full < 5 || !fitted {
		t.Errorf("full %d times, fitted in the end: %v", full, fitted)
	}
}

// Of a read-only file system one can read, and an interrupted change is named.
func TestReadOnlyDisk(t *testing.T) {
	root := newDisk(t, 100, oldFiles())
	r := mustOpen(t, root)
	lock := mustLock(t, r)
	readOnly := func(flag uintptr) {
		if err := unix.Mount("", root, "", unix.MS_REMOUNT|flag, ""); err != nil {
			t.Fatal(err)
		}
	}
	lock.Unlock()
	writeFile(t, root, ".git/keyreeve/intent.json", "{")
	readOnly(unix.MS_RDONLY)
	other := mustOpen(t, root)
	if rv := other.Recovery; rv == nil || rv.Outcome != repo.Pending || !errors.Is(rv.Err, unix.EROFS) {
		t.Errorf("recovery: %+v", rv)
	}
	if data, err := other.Read("secrets/m0.yaml"); string(data) != "old 0" || err != nil {
		t.Errorf("Read: %q, %v", data, err)
	}
	if _, err := other.Lock(ctx, repo.LockOptions{}); !errors.Is(err, unix.EROFS) {
		t.Errorf("Lock: %v", err)
	}
	readOnly(0)
	if rv := mustOpen(t, root).Recovery; rv == nil || rv.Outcome != repo.Undone {
		t.Errorf("recovery afterwards: %+v", rv)
	}
	if err := os.Remove(root + "/.git/keyreeve/intent.json"); err == nil {
		t.Error("the intent was kept")
	}
}

// A git folder on another file system cannot share files with the work tree.
func TestStateElsewhere(t *testing.T) {
	root := newRoot(t, oldFiles())
	disk := newDisk(t, 100, nil)
	os.RemoveAll(root + "/.git")
	writeFile(t, root, ".git", "gitdir: "+disk+"/.git\n")
	before := contents(t, root)
	r := mustOpen(t, root)
	mustLock(t, r)
	if err := r.Apply(ctx, "", manyChanges()); err != nil {
		t.Fatal(err)
	}
	undo, err := r.LastChange()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Undo(ctx, undo); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, root); !maps.Equal(got, before) {
		t.Errorf("after undo: %q", got)
	}
	if _, err := os.Stat(disk + "/.git/keyreeve/lock"); err != nil {
		t.Error(err)
	}
}

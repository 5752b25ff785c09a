package repo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keyreeve/internal/repo"
)

var ctx = context.Background()

// change makes a Change of texts; "-" stands for an absent file.
func change(path, old, new string) repo.Change {
	c := repo.Change{Path: path, Old: []byte(old), New: []byte(new)}
	if old == "-" {
		c.Old = nil
	}
	if new == "-" {
		c.New = nil
	}
	return c
}

// noLeftovers fails the test where temporaries or records of an unfinished
// change lie about.
func noLeftovers(t testing.TB, root string) {
	t.Helper()
	filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && (strings.HasSuffix(name, ".tmp") || entry.Name() == "intent.json") {
			t.Errorf("%s was left behind", name)
		}
		return err
	})
}

func TestApply(t *testing.T) {
	root := newRoot(t, map[string]string{
		"secrets/a.yaml": "old a", "secrets/x/b.yaml": "old b", "secrets/x/y/c.yaml": "old c", "secrets/same.yaml": "same",
	})
	os.Chmod(root+"/secrets/a.yaml", 0o640)
	before := contents(t, root)
	same, err := os.Stat(root + "/secrets/same.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r := mustOpen(t, root)
	lock := mustLock(t, r)
	err = r.Apply(ctx, "keyreeve test", []repo.Change{
		change("secrets/a.yaml", "old a", "new a"),
		change("secrets/same.yaml", "same", "same"),
		change("secrets/x/y/c.yaml", "old c", "-"),
		change("secrets/x/b.yaml", "old b", "-"),
		change("secrets/n/e/w.yaml", "-", "made"),
		{Path: "run.sh", New: []byte{}, Mode: 0o755},
	})
	if err != nil {
		t.Fatal(err)
	}
	noLeftovers(t, root)
	want := map[string]string{
		"keyreeve.yaml": "version: 1\n", "secrets/a.yaml": "new a", "secrets/same.yaml": "same",
		"secrets/n/e/w.yaml": "made", "run.sh": "",
	}
	if got := contents(t, root); !maps.Equal(got, want) {
		t.Errorf("after the change: %q\nwant %q", got, want)
	}
	for name, mode := range map[string]fs.FileMode{"secrets/a.yaml": 0o640, "secrets/n/e/w.yaml": 0o644, "run.sh": 0o755} {
		if info, err := os.Stat(filepath.Join(root, name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v; want mode %v", name, info.Mode(), err, mode)
		}
	}
	if info, err := os.Stat(root + "/secrets/same.yaml"); err != nil || !os.SameFile(info, same) {
		t.Errorf("a file that stays the same was written")
	}

	undo, err := r.LastChange()
	if err != nil || undo.Command != "keyreeve test" || len(undo.Changes) != 5 || time.Since(undo.Time) > time.Minute {
		t.Fatalf("LastChange: %+v, %v", undo, err)
	}
	if err := r.Undo(ctx, undo); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, root); !maps.Equal(got, before) {
		t.Errorf("after undo: %q\nwant %q", got, before)
	}
	if info, _ := os.Stat(root + "/secrets/a.yaml"); info.Mode() != 0o640 {
		t.Errorf("mode after undo: %v", info.Mode())
	}
	if _, err := r.LastChange(); err != repo.ErrNoUndo {
		t.Errorf("undo after undo: %v", err)
	}
	noLeftovers(t, root)
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := r.Apply(ctx, "", []repo.Change{change("secrets/a.yaml", "old a", "x")}); err != repo.ErrNotLocked {
		t.Errorf("without the lock: %v", err)
	}
}

func TestApplyRefuses(t *testing.T) {
	root := newRoot(t, map[string]string{"secrets/a.yaml": "a", "secrets/b.yaml": "b"})
	outside := t.TempDir()
	os.Symlink(outside, root+"/secrets/away")
	os.Symlink("a.yaml", root+"/secrets/link.yaml")
	r := mustOpen(t, root)
	mustLock(t, r)
	good := change("secrets/b.yaml", "b", "new b")
	changed, unsafe := new(*repo.ChangedError), new(*repo.UnsafePathError)
	for name, c := range map[string]struct {
		change repo.Change
		as     any
	}{
		"other bytes":         {change("secrets/a.yaml", "z", "new"), changed},
		"gone":                {change("secrets/none.yaml", "z", "new"), changed},
		"there already":       {change("secrets/a.yaml", "-", "new"), changed},
		"empty is not absent": {change("secrets/none.yaml", "", "new"), changed},
		"link":                {change("secrets/link.yaml", "a", "new"), unsafe},
		"folder link":         {change("secrets/away/x.yaml", "-", "new"), unsafe},
		"parent":              {change("../x", "-", "new"), unsafe},
		"git":                 {change(".git/config", "-", "new"), unsafe},
		"file as folder":      {change("secrets/a.yaml/x", "-", "new"), nil},
		"twice":               {change("secrets/b.yaml", "b", "again"), nil},
		"nothing":             {change("secrets/a.yaml", "-", "-"), nil},
	} {
		err := r.Apply(ctx, "", []repo.Change{good, c.change})
		if err == nil || c.as != nil && !errors.As(err, c.as) {
			t.Errorf("%s: %v", name, err)
		}
		if data, _ := os.ReadFile(root + "/secrets/b.yaml"); string(data) != "b" {
			t.Fatalf("%s: the other file was written: %q", name, data)
		}
	}
	if list, _ := os.ReadDir(outside); len(list) > 0 {
		t.Errorf("something was written outside")
	}
	noLeftovers(t, root)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := r.Apply(cancelled, "", []repo.Change{good}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	noLeftovers(t, root)
}

func TestUndoOfWhatWasChangedSince(t *testing.T) {
	root := newRoot(t, map[string]string{"secrets/a.yaml": "a", "secrets/b.yaml": "b"})
	r := mustOpen(t, root)
	mustLock(t, r)
	if _, err := r.LastChange(); err != repo.ErrNoUndo {
		t.Errorf("nothing to undo: %v", err)
	}
	apply := func(opts []repo.ApplyOption, changes ...repo.Change) {
		t.Helper()
		if err := r.Apply(ctx, "", changes, opts...); err != nil {
			t.Fatal(err)
		}
	}
	apply(nil, change("secrets/a.yaml", "a", "a2"), change("secrets/b.yaml", "b", "b2"))
	undo, err := r.LastChange()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, root, "secrets/b.yaml", "by hand")
	changed := new(repo.ChangedError)
	if _, err := r.LastChange(); !errors.As(err, &changed) || !slices.Equal(changed.Paths, []string{"secrets/b.yaml"}) {
		t.Errorf("LastChange: %v", err)
	}
	if err := r.Undo(ctx, undo); !errors.As(err, &changed) {
		t.Errorf("Undo: %v", err)
	}
	if data, _ := os.ReadFile(root + "/secrets/a.yaml"); string(data) != "a2" {
		t.Errorf("half an undo: %q", data)
	}
	// A change without undo ends what could be undone.
	apply([]repo.ApplyOption{repo.WithoutUndo()}, change("secrets/a.yaml", "a2", "a3"))
	if _, err := r.LastChange(); err != repo.ErrNoUndo {
		t.Errorf("past a change without undo: %v", err)
	}
	if list, _ := os.ReadDir(root + "/.git/keyreeve/undo"); len(list) > 0 {
		t.Errorf("old bytes are still kept: %v", list)
	}
}

// In a repository without git the state lies in a folder that ignores itself.
func TestWithoutGit(t *testing.T) {
	root := newRoot(t, map[string]string{"secrets/a.yaml": "a"})
	os.RemoveAll(root + "/.git")
	r := mustOpen(t, root)
	mustLock(t, r)
	if err := r.Apply(ctx, "", []repo.Change{change("secrets/a.yaml", "a", "a2")}); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(root + "/.keyreeve/local/.gitignore"); string(data) != "*\n" {
		t.Errorf(".gitignore: %q, %v", data, err)
	}
	if _, err := r.LastChange(); err != nil {
		t.Error(err)
	}
	hostile := newRoot(t, nil)
	os.RemoveAll(hostile + "/.git")
	os.Symlink(t.TempDir(), hostile+"/.keyreeve")
	if _, err := mustOpen(t, hostile).Lock(ctx, repo.LockOptions{}); err == nil {
		t.Error("the lock was made behind a link")
	}
}

func TestLock(t *testing.T) {
	root := newRoot(t, nil)
	lock := mustLock(t, mustOpen(t, root))
	other := mustOpen(t, root)
	var told []string
	waiting := func(holder string) { told = append(told, holder) }
	locked := new(repo.LockedError)
	_, err := other.Lock(ctx, repo.LockOptions{Timeout: 50 * time.Millisecond, Waiting: waiting})
	if !errors.As(err, &locked) || locked.Waited < 50*time.Millisecond {
		t.Fatalf("second lock: %v", err)
	}
	want := fmt.Sprintf("process %d (test)", os.Getpid())
	if locked.Holder != want || !slices.Equal(told, []string{want}) {
		t.Errorf("holder %q, told %q; want %q", locked.Holder, told, want)
	}
	if _, err := other.Lock(ctx, repo.LockOptions{}); !errors.As(err, &locked) {
		t.Errorf("without waiting: %v", err)
	}
	soon, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if _, err := other.Lock(soon, repo.LockOptions{Timeout: time.Hour}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("cancelled: %v", err)
	}
	time.AfterFunc(30*time.Millisecond, func() { lock.Unlock() })
	second, err := other.Lock(ctx, repo.LockOptions{Timeout: 10 * time.Second})
	if err != nil {
		t.Fatalf("after unlock: %v", err)
	}
	if err := errors.Join(second.Unlock(), second.Unlock(), lock.Unlock()); err != nil {
		t.Errorf("unlocking twice: %v", err)
	}
}

// Writers that hold the lock between reading and writing lose no update.
func TestWriters(t *testing.T) {
	root := newRoot(t, map[string]string{"secrets/a.yaml": "", "secrets/b.yaml": ""})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 10 {
				if err := appendBoth(root); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	want := strings.Repeat("x", 40)
	if got := contents(t, root); got["secrets/a.yaml"] != want || got["secrets/b.yaml"] != want {
		t.Errorf("updates were lost: %q", got)
	}
}

// appendBoth adds a letter to two files in one change.
func appendBoth(root string) error {
	r, err := repo.Open(root)
	if err != nil {
		return err
	}
	lock, err := r.Lock(ctx, repo.LockOptions{Timeout: time.Minute})
	if err != nil {
		return err
	}
	defer lock.Unlock()
	var changes []repo.Change
	for _, name := range []string{"secrets/a.yaml", "secrets/b.yaml"} {
		data, err := r.Read(name)
		if err != nil {
			return err
		}
		changes = append(changes, repo.Change{Path: name, Old: data, New: []byte(string(data) + "x")})
	}
	return r.Apply(ctx, "", changes)
}

func TestReadOnlyFolder(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root writes to read-only folders")
	}
	root := newRoot(t, map[string]string{"secrets/a.yaml": "a", "secrets/x/b.yaml": "b"})
	os.Chmod(root+"/secrets/x", 0o555)
	defer os.Chmod(root+"/secrets/x", 0o755)
	r := mustOpen(t, root)
	mustLock(t, r)
	err := r.Apply(ctx, "", []repo.Change{change("secrets/a.yaml", "a", "A"), change("secrets/x/b.yaml", "b", "B")})
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Apply: %v", err)
	}
	if got := contents(t, root); got["secrets/a.yaml"] != "a" {
		t.Errorf("half a change: %q", got)
	}
	noLeftovers(t, root)
}

func BenchmarkApply(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			files := map[string]string{}
			for i := range n {
				files[fmt.Sprintf("secrets/host%d/d%d.yaml", i%20, i)] = strings.Repeat("x", 4000) + "0"
			}
			r := mustOpen(b, newRoot(b, files))
			mustLock(b, r)
			round := 0
			for b.Loop() {
				var changes []repo.Change
				for name := range files {
					changes = append(changes, change(name, strings.Repeat("x", 4000)+fmt.Sprint(round),
						strings.Repeat("x", 4000)+fmt.Sprint(round+1)))
				}
				if err := r.Apply(ctx, "", changes); err != nil {
					b.Fatal(err)
				}
				round++
			}
		})
	}
}

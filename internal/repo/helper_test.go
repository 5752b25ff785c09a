package repo_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"keyreeve/internal/repo"
)

// The test binary runs itself as the program that is killed. In that role the
// main goroutine keeps to the main thread, so that its system calls come in
// the same order every time.
const helperEnv = "REPO_TEST_HELPER"

func init() {
	if os.Getenv(helperEnv) != "" {
		runtime.LockOSThread()
	}
}

func TestMain(m *testing.M) {
	if role := os.Getenv(helperEnv); role != "" {
		os.Exit(helper(role, os.Args[1]))
	}
	os.Exit(m.Run())
}

// Exit codes of the helper.
const (
	helperDone       = 0
	helperFailed     = 10 // all files are to be old
	helperUnfinished = 11 // the next run has to decide
)

func helper(role, root string) int {
	err := perform(role, root)
	switch {
	case err == nil:
		return helperDone
	case errors.As(err, new(*repo.UnfinishedError)):
		fmt.Fprintln(os.Stderr, err)
		return helperUnfinished
	}
	fmt.Fprintln(os.Stderr, err)
	return helperFailed
}

func perform(role, root string) error {
	if role == "append" {
		for range 20 {
			if err := appendBoth(root); err != nil {
				return err
			}
		}
		return nil
	}
	r, err := repo.Open(root)
	if err != nil {
		return err
	}
	if role == "open" {
		if r.Recovery != nil && r.Recovery.Outcome == repo.Pending {
			return r.Recovery.Err
		}
		return nil
	}
	lock, err := r.Lock(ctx, repo.LockOptions{Timeout: 5 * time.Second, Command: role})
	if err != nil {
		return err
	}
	defer lock.Unlock()
	switch role {
	case "many":
		return r.Apply(ctx, "many", manyChanges())
	case "one":
		return r.Apply(ctx, "one", []repo.Change{change("secrets/m0.yaml", "old 0", "new 0")})
	case "undo":
		undo, err := r.LastChange()
		if err != nil {
			return err
		}
		return r.Undo(ctx, undo)
	}
	return fmt.Errorf("unknown role %q", role)
}

// oldFiles is the working tree before manyChanges.
func oldFiles() map[string]string {
	files := map[string]string{"secrets/x/y/gone.yaml": "old gone", "secrets/gone.yaml": "old gone"}
	for i := range 6 {
		files[fmt.Sprintf("secrets/m%d.yaml", i)] = fmt.Sprintf("old %d", i)
	}
	return files
}

// manyChanges replaces six files, removes two and makes two.
func manyChanges() []repo.Change {
	changes := []repo.Change{
		change("secrets/x/y/gone.yaml", "old gone", "-"),
		change("secrets/gone.yaml", "old gone", "-"),
		change("secrets/made.yaml", "-", "made"),
		change("secrets/n/e/w.yaml", "-", "made"),
	}
	for i := range 6 {
		changes = append(changes, change(fmt.Sprintf("secrets/m%d.yaml", i),
			fmt.Sprintf("old %d", i), fmt.Sprintf("new %d", i)))
	}
	return changes
}

package repo_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"keyreeve/internal/repo"
)

// fileCalls are the system calls by which the helper touches files. Reads and
// closes are left out: nothing differs between before and after them.
var fileCalls = []string{
	"openat", "write", "fsync", "renameat", "unlinkat", "linkat", "mkdirat", "fchmod", "ftruncate", "flock", "pwrite64",
}

// strace runs the helper with a fault injected and returns its exit code, -1
// where it was killed, and the log.
func strace(t *testing.T, root, role, fault string) (code int, log string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "log")
	args := []string{"-f", "-qq", "-y", "-o", file, "-e", "trace=" + strings.Join(fileCalls, ",")}
	if fault != "" {
		args = append(args, "-e", "inject="+fault)
	}
	cmd := exec.Command("strace", append(args, os.Args[0], root)...)
	cmd.Env = append(os.Environ(), helperEnv+"="+role)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	_ = cmd.Run()
	data, err := os.ReadFile(file)
	if err != nil || cmd.ProcessState == nil {
		t.Fatalf("strace did not run: %v, %s", err, stderr.Bytes())
	}
	return cmd.ProcessState.ExitCode(), string(data)
}

func needStrace(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the helper hundreds of times")
	}
	if runtime.GOOS != "linux" {
		t.Skip("strace is for Linux")
	}
	if err := exec.Command("strace", "-o", os.DevNull, "true").Run(); err != nil {
		t.Skipf("strace does not run here: %v", err)
	}
}

// A scene is a working tree before and after what the helper does.
type scene struct {
	role     string
	old, new map[string]string
	make     func(t *testing.T) string
}

func scenes(t *testing.T) []scene {
	t.Helper()
	many := func(t *testing.T) string { return newRoot(t, oldFiles()) }
	done := func(t *testing.T) string {
		root := many(t)
		if err := perform("many", root); err != nil {
			t.Fatal(err)
		}
		return root
	}
	root := done(t)
	after := contents(t, root)
	before := contents(t, many(t))
	one := maps.Clone(before)
	one["secrets/m0.yaml"] = "new 0"
	return []scene{
		{"many", before, after, many},
		{"one", before, one, many},
		{"undo", after, before, done},
	}
}

// settled opens the repository after a fault and fails the test unless all
// files are old, or all are new, nothing is left over and writing works.
func (s scene) settled(t *testing.T, root, what string) (isNew bool) {
	t.Helper()
	r, err := repo.Open(root)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if r.Recovery != nil && (r.Recovery.Outcome == repo.Pending || len(r.Recovery.Conflicts) > 0) {
		t.Fatalf("%s: recovery %+v", what, r.Recovery)
	}
	now := contents(t, root)
	isNew = maps.Equal(now, s.new)
	if !isNew && !maps.Equal(now, s.old) {
		t.Fatalf("%s: neither old nor new (recovery %+v):\n%q", what, r.Recovery, now)
	}
	noLeftovers(t, root)
	if r.Recovery != nil && len(r.Recovery.Paths) > 0 && (r.Recovery.Outcome == repo.Finished) != isNew {
		t.Errorf("%s: recovery says %s", what, r.Recovery.Outcome)
	}
	undo, err := r.LastChange()
	switch canUndo := isNew != (s.role == "undo"); {
	case canUndo && err != nil:
		t.Errorf("%s: cannot undo: %v", what, err)
	case canUndo && s.role != "undo" && undo.Command != s.role:
		t.Errorf("%s: undo is of %q", what, undo.Command)
	case !canUndo && err != repo.ErrNoUndo:
		t.Errorf("%s: undo of what did not happen: %v", what, err)
	}
	lock := mustLock(t, r)
	if err := r.Apply(ctx, "", []repo.Change{change("later.yaml", "-", "x")}); err != nil {
		t.Errorf("%s: writing afterwards: %v", what, err)
	}
	lock.Unlock()
	return isNew
}

// A helper that is killed at any system call leaves all or nothing.
func TestKill(t *testing.T) {
	needStrace(t)
	for _, s := range scenes(t) {
		t.Run(s.role, func(t *testing.T) {
			outcomes := map[bool]int{}
			// First all calls in turn. A thread counts its own, and those of the
			// other threads are met one kind at a time.
			for _, call := range append([]string{strings.Join(fileCalls, ",")}, fileCalls[1:]...) {
				for n := 1; ; n++ {
					root := s.make(t)
					what := fmt.Sprintf("killed at %s number %d", call, n)
					code, log := strace(t, root, s.role, fmt.Sprintf("%s:signal=KILL:when=%d", call, n))
					if code == helperDone {
						break
					}
					if !strings.Contains(log, "+++ killed by SIGKILL") {
						t.Fatalf("%s: exit code %d\n%s", what, code, log)
					}
					outcomes[s.settled(t, root, what)]++
				}
			}
			t.Logf("%d times undone, %d times finished", outcomes[false], outcomes[true])
			if outcomes[false] < 10 || outcomes[true] < 3 {
				t.Errorf("too few faults were met: %v", outcomes)
			}
		})
	}
}

// A recovery that is killed itself is taken up again.
func TestKillRecovery(t *testing.T) {
	needStrace(t)
	s := scenes(t)[0]
	for _, first := range []string{
		"renameat:signal=KILL:when=2", // after the decision
		"renameat:signal=KILL:when=5", // some are in place
		"mkdirat:signal=KILL:when=5",  // being prepared
	} {
		for n := 1; ; n++ {
			root := s.make(t)
			if code, _ := strace(t, root, s.role, first); code == helperDone {
				t.Fatalf("%s: was not killed", first)
			}
			code, _ := strace(t, root, "open", fmt.Sprintf("%s:signal=KILL:when=%d", strings.Join(fileCalls, ","), n))
			s.settled(t, root, fmt.Sprintf("%s, then at call %d", first, n))
			if code == helperDone {
				break
			}
		}
	}
}

// A system call that fails leaves all as it was, or all done.
func TestFileSystemErrors(t *testing.T) {
	needStrace(t)
	for _, s := range scenes(t) {
		t.Run(s.role, func(t *testing.T) {
			codes := map[int]int{}
			for _, fault := range []string{
				"write:error=ENOSPC", "write:error=EIO", "fsync:error=EIO", "fsync:error=ENOSPC", "renameat:error=EIO",
				"renameat:error=EPERM", "unlinkat:error=EROFS", "linkat:error=EXDEV", "mkdirat:error=ENOSPC",
				"openat:error=EMFILE", "fchmod:error=EPERM", "ftruncate:error=EIO",
			} {
				if s.role == "undo" && strings.HasPrefix(fault, "openat") {
					continue // hundreds, and no others than when it was made
				}
				for n := 1; ; n++ {
					root := s.make(t)
					what := fmt.Sprintf("%s number %d", fault, n)
					code, log := strace(t, root, s.role, fmt.Sprintf("%s:when=%d", fault, n))
					if !strings.Contains(log, "(INJECTED)") {
						break
					}
					s.afterError(t, root, what, code)
					codes[code]++
				}
			}
			t.Logf("exit codes and their number: %v", codes)
			if codes[helperFailed] < 10 {
				t.Errorf("too few faults were met: %v", codes)
			}
		})
	}
}

// afterError checks what a helper that went on after an error left behind.
func (s scene) afterError(t *testing.T, root, what string, code int) {
	t.Helper()
	now := contents(t, root)
	switch code {
	case helperDone:
		files := maps.Clone(now)
		maps.DeleteFunc(files, func(name, _ string) bool { return strings.HasSuffix(name, "/") })
		if !maps.Equal(files, s.new) {
			t.Errorf("%s: said done, left %q", what, now)
		}
		s.new = now // an emptied folder may stay where it cannot be removed
	case helperFailed:
		if !maps.Equal(now, s.old) {
			t.Errorf("%s: said failed, left %q", what, now)
		}
		noLeftovers(t, root)
	case helperUnfinished:
	default:
		if code == 2 && !strings.Contains(what, "write") { // the runtime itself could not start
			break
		}
		t.Errorf("%s: exit code %d", what, code)
	}
	s.settled(t, root, what)
}

var (
	renameLine = regexp.MustCompile(`renameat\(.*"(\.keyreeve-[0-9a-f]+\.tmp)", .*"([^"]+)"`)
	fsyncLine  = regexp.MustCompile(`fsync\(\d+<([^>]*)>`)
)

// Every file is synced before anything is renamed, the decision is synced
// before the first rename, and the folders are synced after the last.
func TestSyncOrder(t *testing.T) {
	needStrace(t)
	root := newRoot(t, oldFiles())
	code, log := strace(t, root, "many", "")
	if code != helperDone {
		t.Fatalf("exit code %d", code)
	}
	synced := map[string]bool{} // since the last rename
	files, decided, renamed := 0, false, 0
	for line := range strings.Lines(log) {
		if m := fsyncLine.FindStringSubmatch(line); m != nil {
			synced[m[1]] = true
			continue
		}
		m := renameLine.FindStringSubmatch(line)
		switch {
		case strings.Contains(line, `"intent.json"`) && strings.Contains(line, `"undo.json"`):
			for _, dir := range []string{"secrets", "secrets/n/e", "secrets/x/y"} {
				if !synced[filepath.Join(root, dir)] {
					t.Errorf("%s is not synced before the change is called done", dir)
				}
			}
			if renamed != 8 {
				t.Errorf("%d files were renamed", renamed)
			}
			return
		case m == nil:
		case m[2] == "intent.json":
			for name := range synced {
				if strings.HasSuffix(name, ".tmp") && strings.HasPrefix(name, root+"/secrets/") {
					files++
				}
			}
			if files != 8 {
				t.Errorf("%d of 8 files are synced before the decision", files)
			}
			clear(synced)
			decided = true
		default:
			if !decided || renamed == 0 && !synced[filepath.Join(root, ".git/keyreeve")] {
				t.Errorf("%s is renamed before the decision is on disk", m[2])
			}
			clear(synced)
			renamed++
		}
	}
	t.Error("the change was never called done")
}

// Two processes write at once and lose nothing.
func TestTwoProcesses(t *testing.T) {
	root := newRoot(t, map[string]string{"secrets/a.yaml": "", "secrets/b.yaml": ""})
	var running []*exec.Cmd
	for range 2 {
		cmd := exec.Command(os.Args[0], root)
		cmd.Env = append(os.Environ(), helperEnv+"=append")
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, cmd)
	}
	for _, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	want := strings.Repeat("x", 40)
	if got := contents(t, root); got["secrets/a.yaml"] != want || got["secrets/b.yaml"] != want {
		t.Errorf("updates were lost: %q", got)
	}
}

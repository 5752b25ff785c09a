// Package faults kills the program from outside at each file-system call.
package faults

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

const documents = 50

// calls are those that change what is on disk.
var calls = []string{"renameat", "renameat2", "unlinkat", "linkat", "mkdirat", "fsync", "fchmod", "write", "ftruncate"}

// A sandbox is a fleet of 50 documents that potato can read.
type sandbox struct{ program, dir string }

func (s sandbox) env() []string {
	return []string{"HOME=" + s.dir, "XDG_CONFIG_HOME=" + s.dir + "/config", "XDG_STATE_HOME=" + s.dir + "/state", "PATH=" + os.Getenv("PATH"), "GOMAXPROCS=1"}
}

func (s sandbox) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = filepath.Join(s.dir, "fleet"), s.env()
	return cmd
}

func (s sandbox) run(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	cmd := s.command(s.program, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("keyreeve %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func newSandbox(t *testing.T) sandbox {
	t.Helper()
	s := sandbox{filepath.Join(t.TempDir(), "keyreeve"), t.TempDir()}
	if out, err := exec.Command("go", "build", "-o", s.program, "keyreeve/cmd/keyreeve").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.Mkdir(filepath.Join(s.dir, "fleet"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.run(t, "", "init", "--user", "tim")
	s.run(t, "", "host", "add", "potato", "--recipient", s.run(t, "", "key", "new", "../potato.key"))
	s.run(t, "v", "set", "common/d0#a")
	first, err := os.ReadFile(filepath.Join(s.dir, "fleet/secrets/common/d0.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range documents {
		if err := os.WriteFile(filepath.Join(s.dir, fmt.Sprintf("fleet/secrets/common/d%d.yaml", i)), first, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// copied is the sandbox at another place.
func (s sandbox) copied(t *testing.T) sandbox {
	t.Helper()
	c := sandbox{s.program, t.TempDir()}
	if out, err := exec.Command("cp", "-a", s.dir+"/.", c.dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return c
}

// TestKilledHostRemoval kills `host rm` at each call in turn. The next run finds
// everything as it was, or finishes the change; no state between is ever seen,
// and no document is lost.
func TestKilledHostRemoval(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	if _, err := exec.LookPath("strace"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("strace is missing")
		}
		t.Skip("strace is missing")
	}
	whole := newSandbox(t)
	limit := make(chan bool, 2*runtime.NumCPU())
	var group sync.WaitGroup
	defer group.Wait()
	for _, call := range calls {
		count := whole.copied(t).count(t, call)
		step := max(1, count/12)
		for n := 1; n <= count; n += step {
			limit <- true
			group.Go(func() {
				defer func() { <-limit }()
				whole.copied(t).kill(t, call, n)
			})
		}
	}
}

func (s sandbox) count(t *testing.T, call string) int {
	t.Helper()
	log := filepath.Join(s.dir, "strace")
	if out, err := s.command("strace", "-f", "-o", log, "-e", "trace="+call, s.program, "host", "rm", "potato", "--yes").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(data), call+"(")
}

func (s sandbox) kill(t *testing.T, call string, n int) {
	cmd := s.command("strace", "-f", "-o", "/dev/null", "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, n), s.program, "host", "rm", "potato", "--yes", "-q")
	cmd.Run()
	where := fmt.Sprintf("killed at %s number %d", call, n)
	verify, err := s.command(s.program, "verify").CombinedOutput()
	if err != nil || !strings.Contains(string(verify), fmt.Sprintf("%d of %d documents", documents, documents)) {
		t.Errorf("%s: %v\n%s", where, err, verify)
		return
	}
	if out, err := s.command(s.program, "rekey", "--check").CombinedOutput(); err != nil {
		t.Errorf("%s: there is drift: %v\n%s", where, err, out)
	}
	inventory, err := os.ReadFile(filepath.Join(s.dir, "fleet/keyreeve.yaml"))
	removed := strings.Contains(string(inventory), "retired:")
	opened := 0
	get := s.command(s.program, "get", "common/d7#a")
	get.Env = append(get.Env, "XDG_CONFIG_HOME="+s.dir+"/none", "SOPS_AGE_KEY_FILE="+s.dir+"/potato.key")
	if get.Run() == nil {
		opened++
	}
	if err != nil || removed == (opened > 0) {
		t.Errorf("%s: removed %v, and its key opens %d documents (%v)", where, removed, opened, err)
	}
}

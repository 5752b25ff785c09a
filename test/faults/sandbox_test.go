// Package faults runs the program against a world that fails: it is killed from
// outside at each call that changes a file, calls return errors, disks are full
// or read-only, and others write at the same time.
//
// Killing at calls that only read would show nothing else: between two calls
// that change a file, the disk is the same.
package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var program struct {
	sync.Once
	path string
	err  error
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "keyreeve-faults-")
	if err != nil {
		panic(err)
	}
	program.path = filepath.Join(dir, "keyreeve")
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// A sandbox is a home and a fleet in it; host potato can read every document.
type sandbox struct {
	dir       string
	documents int
}

func (s sandbox) fleet() string { return filepath.Join(s.dir, "fleet") }

func (s sandbox) env(more ...string) []string {
	return append([]string{"HOME=" + s.dir, "XDG_CONFIG_HOME=" + s.dir + "/config", "XDG_STATE_HOME=" + s.dir + "/state",
		"PATH=" + os.Getenv("PATH"), "GOMAXPROCS=1", "GIT_CONFIG_NOSYSTEM=1"}, more...)
}

func (s sandbox) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = s.fleet(), s.env()
	return cmd
}

// try runs keyreeve and returns its exit code, -1 for a signal, and output.
func (s sandbox) try(stdin string, args ...string) (int, string) {
	cmd := s.command(program.path, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return exitCode(err), strings.TrimSpace(string(out))
}

func exitCode(err error) int {
	var failed *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &failed):
		return failed.ExitCode()
	}
	return -2
}

func (s sandbox) run(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	code, out := s.try(stdin, args...)
	if code != 0 {
		t.Fatalf("keyreeve %s: %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// memory makes a temporary folder in memory where there is a place for it.
func memory(t *testing.T) string {
	t.Helper()
	base := "/dev/shm"
	if info, err := os.Stat(base); err != nil || !info.IsDir() {
		base = ""
	}
	dir, err := os.MkdirTemp(base, "keyreeve-faults-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// newSandbox makes a fleet with so many documents in a folder under secrets/.
func newSandbox(t *testing.T, folder string, documents int) sandbox {
	t.Helper()
	program.Do(func() {
		cmd := exec.Command("go", "build", "-o", program.path, "keyreeve/cmd/keyreeve")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			program.err = fmt.Errorf("%v\n%s", err, out)
		}
	})
	if program.err != nil {
		t.Fatal(program.err)
	}
	s := sandbox{memory(t), documents}
	if err := os.Mkdir(s.fleet(), 0o700); err != nil {
		t.Fatal(err)
	}
	s.run(t, "", "init", "--user", "tim", "--key", s.dir+"/config/sops/age/keys.txt") // not one of this machine
	s.run(t, "", "host", "add", "potato", "--recipient", s.run(t, "", "key", "new", "../potato.key"))
	s.run(t, "", "key", "new", "../mbp.key")
	s.run(t, "v", "set", folder+"/d0#a")
	first, err := os.ReadFile(filepath.Join(s.fleet(), "secrets", folder, "d0.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range documents {
		if err := os.WriteFile(filepath.Join(s.fleet(), "secrets", folder, fmt.Sprintf("d%d.yaml", i)), first, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"hooks", "description", "info"} { // quicker to copy without
		os.RemoveAll(filepath.Join(s.fleet(), ".git", name))
	}
	return s
}

// copied is the sandbox at another place, until release is called.
func (s sandbox) copied(t *testing.T) (c sandbox, release func()) {
	dir, err := os.MkdirTemp(filepath.Dir(s.dir), "keyreeve-faults-")
	if err != nil {
		t.Error(err)
	}
	if out, err := exec.Command("cp", "-a", s.dir+"/.", dir).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return sandbox{dir, s.documents}, func() { os.RemoveAll(dir) }
}

// need skips a test, or fails it in CI, where a program does not run.
func need(t *testing.T, name string, args ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("slow")
	}
	if runtime.GOOS != "linux" {
		t.Skip("for Linux")
	}
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" && name == "strace" {
			t.Fatalf("%s does not run: %v\n%s", name, err, out)
		}
		t.Skipf("%s does not run here: %v: %s", name, err, out)
	}
}

// each calls f for 1 to n, several at a time.
func each(n int, f func(n int)) {
	limit := make(chan bool, 2*runtime.NumCPU())
	var group sync.WaitGroup
	for i := range n {
		limit <- true
		group.Go(func() {
			defer func() { <-limit }()
			f(i + 1)
		})
	}
	group.Wait()
}

// injected runs keyreeve with a fault injected, and returns its exit code, -1
// where it was killed, and whether the fault was met.
func (s sandbox) injected(fault string, args ...string) (code int, met bool, out string) {
	log := filepath.Join(s.dir, "strace")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	call, _, _ := strings.Cut(fault, ":")
	full := append([]string{"-f", "-qq", "-o", log, "-e", "trace=" + call, "-e", "inject=" + fault, program.path}, args...)
	cmd := exec.CommandContext(ctx, "strace", full...)
	cmd.Dir, cmd.Env = s.fleet(), s.env()
	text, err := cmd.CombinedOutput()
	data, _ := os.ReadFile(log)
	os.Remove(log)
	met = strings.Contains(string(data), "(INJECTED)") || strings.Contains(string(data), "killed by SIGKILL")
	return exitCode(err), met, string(text)
}

// most returns how often one thread of a run makes a call at most: strace counts
// by thread.
func (s sandbox) most(t *testing.T, call string, args ...string) int {
	t.Helper()
	c, release := s.copied(t)
	defer release()
	log := filepath.Join(c.dir, "strace")
	cmd := c.command("strace", append([]string{"-f", "-qq", "-o", log, "-e", "trace=" + call, program.path}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	counts, most := map[string]int{}, 0
	for _, m := range regexp.MustCompile(`(?m)^(\d+) +`+call+`\(`).FindAllStringSubmatch(string(data), -1) {
		counts[m[1]]++
		most = max(most, counts[m[1]])
	}
	return most
}

package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestPeersEncryptAndDecrypt(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir) // the cache must not follow
	key := filepath.Join(dir, "key.txt")
	run := func(stdin, name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Stdin = strings.NewReader(stdin)
		cmd.Env = append(os.Environ(), "SOPS_AGE_KEY_FILE="+key)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s %v: %v", name, args, err)
		}
		return string(out)
	}
	run("", AgeKeygen(t), "-o", key)
	recipient := strings.TrimSpace(run("", AgeKeygen(t), "-y", key))

	sealed := run("hello", Age(t), "-r", recipient)
	if got := run(sealed, Age(t), "-d", "-i", key); got != "hello" {
		t.Errorf("age gave back %q", got)
	}
	sops := Sops(t)
	document := run("a: hello\n", sops, "encrypt", "--age", recipient, "--input-type", "yaml", "--output-type", "yaml", "--filename-override", "x.yaml")
	if got := run(document, sops, "decrypt", "--input-type", "yaml", "--output-type", "yaml"); got != "a: hello\n" {
		t.Errorf("sops gave back %q", got)
	}
}

func TestTells(t *testing.T) {
	for _, c := range []struct {
		output string
		want   bool
	}{
		{"sops 3.13.3\n", true},
		{"sops 3.13.3 (latest)\n", true},
		{"v3.13.3\n", true},
		{"sops 3.13.30\n", false},
		{"(devel)\n", false},
		{"", false},
	} {
		if got := tells(c.output, "3.13.3"); got != c.want {
			t.Errorf("tells(%q) = %v, want %v", c.output, got, c.want)
		}
	}
}

// A program of another version, and one that does not run, must not be taken
// for the peer.
func TestVerifyRefusesImpostors(t *testing.T) {
	s := newSuite("fake", "", "1.2.3", probe{"fake", []string{"--version"}})
	for name, script := range map[string]string{
		"another version": "#!/bin/sh\necho fake 1.2.4\n",
		"failing":         "#!/bin/sh\necho fake 1.2.3\nexit 1\n",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "fake"), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		if s.verify(dir) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if s.verify(t.TempDir()) == nil {
		t.Error("missing program: accepted")
	}
}

func TestLockExcludes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var wg sync.WaitGroup
	var holders atomic.Int32
	for range 8 {
		wg.Go(func() {
			unlock, err := lockFile(path)
			if err != nil {
				t.Error(err)
				return
			}
			if holders.Add(1) != 1 {
				t.Error("two holders at once")
			}
			time.Sleep(time.Millisecond)
			holders.Add(-1)
			unlock()
		})
	}
	wg.Wait()
}

package faults

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// canary is a value that must be seen nowhere but where it was asked for.
const canary = "c4n4ry-in-the-coal-mine"

var writeTo = regexp.MustCompile(`\b(?:p?write(?:v|64)?|sendto|sendmsg)\(\d+<([^>]*)>`)

// traced runs keyreeve with all writes and all started programs in a log.
func (s sandbox) traced(t *testing.T, stdin string, env []string, args ...string) (log, out string) {
	t.Helper()
	file := filepath.Join(s.dir, "strace")
	cmd := exec.Command("strace", append([]string{"-f", "-qq", "-y", "-s", "100000", "-o", file,
		"-e", "trace=write,writev,pwrite64,sendto,sendmsg,execve", program.path}, args...)...)
	cmd.Dir, cmd.Env, cmd.Stdin = s.fleet(), env, strings.NewReader(stdin)
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, text)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(file)
	return string(data), string(text)
}

// Plaintext is in no program's arguments and is written to memory, pipes and
// standard output only; afterwards no file holds it.
func TestPlaintextTouchesNoDisk(t *testing.T) {
	need(t, "strace", "-o", os.DevNull, "true")
	s := newSandbox(t, "common", 1)
	edit := s.editor(t, `grep -q '`+canary[:8]+`' "$1"; echo "c: 1" >>"$1"; ls -ld "$(dirname "$1")" >"$HOME/folder"
echo "$1" >>"$HOME/folder"`)
	seen := false
	for _, c := range []struct {
		stdin string
		env   []string
		args  []string
		out   bool // is printed
	}{
		{canary, s.env(), []string{"set", "common/d0#b"}, false},
		{"", s.env(), []string{"get", "common/d0#b"}, true},
		{"", edit, []string{"edit", "common/d0"}, false},
		{"", s.env(), []string{"exec", "--map", "CANARY=common/d0#b", "--", "sh", "-c", "exit 0"}, false},
		{"", s.env(), []string{"cp", "common/d0#b", "common/d9#b"}, false},
		{"", s.env(), []string{"rekey", "--new-data-key", "--yes"}, false},
		{"", s.env(), []string{"verify"}, false},
		{"", s.env(), []string{"check", "--fail-on", "error"}, false},
	} {
		log, out := s.traced(t, c.stdin, c.env, c.args...)
		if strings.Contains(out, canary) != c.out {
			t.Errorf("%v: the value is printed: %v", c.args, !c.out)
		}
		for line := range strings.Lines(log) {
			if !strings.Contains(line, canary) {
				continue
			}
			seen = true
			m := writeTo.FindStringSubmatch(line)
			inMemory := m != nil && (strings.HasPrefix(m[1], "/dev/shm/keyreeve-") || strings.HasPrefix(m[1], "/run/")) &&
				!strings.HasPrefix(m[1], s.dir)
			if m == nil || !inMemory && !strings.HasPrefix(m[1], "pipe:") && !strings.HasPrefix(m[1], "socket:") {
				t.Errorf("%v: the value leaks: %.200s", c.args, line)
			}
		}
	}
	if !seen {
		t.Error("the value was seen nowhere, not even where it belongs")
	}
	if out, err := exec.Command("grep", "-rl", canary, s.dir).CombinedOutput(); err == nil {
		t.Errorf("files hold the value: %s", out)
	}
	folder, err := os.ReadFile(filepath.Join(s.dir, "folder"))
	if err != nil || !strings.HasPrefix(string(folder), "drwx------") {
		t.Errorf("the editor's folder: %s, %v", folder, err)
	}
	lines := strings.Split(strings.TrimSpace(string(folder)), "\n")
	if _, err := os.Stat(lines[len(lines)-1]); !os.IsNotExist(err) {
		t.Errorf("the editor's file is still there: %v", err)
	}
}

// The programs that keyreeve starts get no identity, and it leaves no core file.
func TestChildren(t *testing.T) {
	need(t, "git", "--version")
	s := newSandbox(t, "common", 1)
	identity, err := os.ReadFile(s.dir + "/config/sops/age/keys.txt")
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`AGE-SECRET-KEY-\S+`).FindString(string(identity))
	bin := filepath.Join(s.dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	wrapper := "#!/bin/sh\nenv >>\"$HOME/children\"\nexec " + git + " \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "git"), []byte(wrapper), 0o700); err != nil {
		t.Fatal(err)
	}
	env := append(s.editor(t, `env >>"$HOME/children"; grep 'core file' /proc/$PPID/limits >"$HOME/limits"; echo "d: 1" >>"$1"`),
		"SOPS_AGE_KEY="+key, "SOPS_AGE_KEY_CMD=echo "+key, "PATH="+bin+":"+os.Getenv("PATH"), "MARK=here")
	for _, args := range [][]string{{"edit", "common/d0"}, {"status"}, {"exec", "--map", "A=common/d0#a", "--", "sh", "-c", "env >>$HOME/children"}} {
		cmd := s.command("sh", append([]string{"-c", `ulimit -Sc hard; exec "$KR" "$@"`, "sh"}, args...)...)
		cmd.Env = env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	children, err := os.ReadFile(filepath.Join(s.dir, "children"))
	if err != nil || strings.Count(string(children), "MARK=here") < 3 {
		t.Fatalf("the children were not seen: %v\n%s", err, children)
	}
	if strings.Contains(string(children), "AGE-SECRET-KEY-") {
		t.Error("a child has an identity in its environment")
	}
	if limits, _ := os.ReadFile(filepath.Join(s.dir, "limits")); !regexp.MustCompile(`size +0 `).Match(limits) {
		t.Errorf("core files are not off: %s", limits)
	}
}

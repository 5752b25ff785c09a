package compat

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"keyreeve/internal/cli"
	"keyreeve/keys"
	"keyreeve/test/peers"
)

// The test binary, called by the name of sops, is keyreeve under that name.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "sops" {
		os.Exit(cli.RunSops(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// A bench holds the two programs and what both are given.
type bench struct {
	theirs, ours string
	base, copies string // a folder, and where each case gets a copy of it
	env          []string
	mine, other  string // recipients
}

// marker stands in every secret value, and must stand in no message.
const marker = "s3cr3t"

func newBench(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	check(t, err)
	b := &bench{theirs: peers.Sops(t), ours: filepath.Join(dir, "sops"), base: filepath.Join(dir, "base"), copies: filepath.Join(dir, "copies")}
	check(t, os.Mkdir(b.copies, 0o755))
	check(t, os.Symlink(self, b.ours))
	check(t, os.MkdirAll(filepath.Join(dir, "home"), 0o700))
	var recipients [3]string
	for i, name := range []string{"mine", "other", "third"} {
		id, err := keys.New(false)
		check(t, err)
		recipients[i] = id.Recipient()
		check(t, id.Save(filepath.Join(dir, name+".key"), keys.SaveOptions{}))
	}
	b.mine, b.other = recipients[0], recipients[1]
	b.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(dir, "home"), "TMPDIR=" + dir,
		"XDG_CONFIG_HOME=" + filepath.Join(dir, "home"), "SOPS_DISABLE_VERSION_CHECK=1",
		"SOPS_AGE_KEY_FILE=" + filepath.Join(dir, "mine.key"), "OTHERKEY=" + filepath.Join(dir, "other.key"),
		"MINE=" + recipients[0], "OTHER=" + recipients[1], "THIRD=" + recipients[2]}
	check(t, os.MkdirAll(filepath.Join(b.base, "repo", "sub"), 0o755))
	for name, text := range plainFiles {
		text = strings.NewReplacer("$MINE", recipients[0], "$OTHER", recipients[1], "$THIRD", recipients[2]).Replace(text)
		check(t, os.WriteFile(filepath.Join(b.base, name), []byte(text), 0o640))
	}
	if out := b.run(b.theirs, b.base, fixtures); out.code != 0 {
		t.Fatalf("making the fixtures: %s", out.stderr)
	}
	return b
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type outcome struct {
	code           int
	stdout, stderr string
}

// run runs a line of shell in which $S is the program.
func (b *bench) run(program, dir, line string) outcome {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", line)
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Dir = dir
	cmd.Env = append(b.env, "S="+program)
	var out, errOut strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var failed *exec.ExitError
	code := 0
	if errors.As(err, &failed) {
		code = failed.ExitCode()
	} else if err != nil {
		code = -1
		errOut.WriteString(err.Error())
	}
	return outcome{code, out.String(), errOut.String()}
}

var masks = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`data:([^,]*),iv:[^,]*,tag:[^,]*,type:`), "type:"},
	{regexp.MustCompile(`(?s)-----BEGIN AGE ENCRYPTED FILE-----.*?-----END AGE ENCRYPTED FILE-----`), "AGE"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "TIME"},
}

func mask(text, dir string) string {
	text = strings.ReplaceAll(text, dir, "DIR")
	for _, m := range masks {
		text = m.pattern.ReplaceAllString(text, m.with)
	}
	return text
}

// both runs a line by both programs, each in a copy of base, and compares all
// that can be seen. quietly says that stdout does not count.
func (b *bench) both(t *testing.T, base, sub, line string, quietly bool) (theirs, ours string) {
	t.Helper()
	var dirs [2]string
	for i := range dirs {
		dir, err := os.MkdirTemp(b.copies, "")
		check(t, err)
		t.Cleanup(func() { os.RemoveAll(dir) })
		dirs[i] = dir
	}
	var outs [2]outcome
	for i, program := range []string{b.theirs, b.ours} {
		check(t, os.CopyFS(dirs[i], os.DirFS(base)))
		outs[i] = b.run(program, filepath.Join(dirs[i], sub), line)
	}
	if outs[0].code != outs[1].code {
		t.Errorf("exit code %d, sops has %d\nsops: %s\nkeyreeve: %s", outs[1].code, outs[0].code, outs[0].stderr, outs[1].stderr)
	}
	if want, got := mask(outs[0].stdout, dirs[0]), mask(outs[1].stdout, dirs[1]); !quietly && want != got {
		t.Errorf("stdout differs\nsops:\n%s\nkeyreeve:\n%s", want, got)
	}
	if strings.Contains(outs[1].stderr, marker) {
		t.Errorf("a secret in stderr: %s", outs[1].stderr)
	}
	if outs[1].code != 0 && outs[1].stderr == "" && !strings.Contains(line, "exec-") {
		t.Errorf("an error without a message")
	}
	if t.Failed() {
		return dirs[0], dirs[1]
	}
	b.sameFiles(t, base, dirs[0], dirs[1])
	return dirs[0], dirs[1]
}

// sameFiles compares what two runs left: names, modes, bytes but for ciphertext,
// and what the real sops makes of them.
func (b *bench) sameFiles(t *testing.T, base, theirs, ours string) {
	t.Helper()
	want, got := listing(t, theirs), listing(t, ours)
	if want != got {
		t.Fatalf("files differ\nsops:\n%s\nkeyreeve:\n%s", want, got)
	}
	check(t, filepath.WalkDir(theirs, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		name, _ := filepath.Rel(theirs, path)
		a, err := os.ReadFile(path)
		check(t, err)
		c, err := os.ReadFile(filepath.Join(ours, name))
		check(t, err)
		if old, err := os.ReadFile(filepath.Join(base, name)); string(a) == string(c) || err == nil && string(old) == string(a) && string(old) == string(c) {
			return nil
		}
		if mask(string(a), theirs) != mask(string(c), ours) {
			t.Errorf("%s differs\nsops:\n%s\nkeyreeve:\n%s", name, mask(string(a), theirs), mask(string(c), ours))
			return nil
		}
		line := fmt.Sprintf("SOPS_AGE_KEY_FILE=$OTHERKEY $S decrypt %[1]s 2>/dev/null || $S decrypt %[1]s", name)
		if x, y := b.run(b.theirs, theirs, line), b.run(b.theirs, ours, line); x.code != y.code || x.stdout != y.stdout {
			t.Errorf("real sops reads %s differently: %+v, of keyreeve's %+v", name, x, y)
		}
		return nil
	}))
}

func listing(t *testing.T, dir string) string {
	var out strings.Builder
	check(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		info, err := e.Info()
		check(t, err)
		fmt.Fprintln(&out, name, info.Mode())
		return nil
	}))
	return out.String()
}

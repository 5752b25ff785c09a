package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Writers at the same time wait for each other and lose nothing.
func TestManyWriters(t *testing.T) {
	s := newSandbox(t, "common", 1)
	const writers = 12
	each(writers, func(n int) {
		if code, out := s.try(fmt.Sprint("value ", n), "set", fmt.Sprintf("common/d0#w%d", n), "--lock-timeout", "1m"); code != 0 {
			t.Errorf("writer %d: %d\n%s", n, code, out)
		}
	})
	for n := 1; n <= writers; n++ {
		if got := s.run(t, "", "get", fmt.Sprintf("common/d0#w%d", n)); got != fmt.Sprint("value ", n) {
			t.Errorf("writer %d: %q came back", n, got)
		}
	}
	s.run(t, "", "verify")
}

// editor writes an EDITOR that runs a shell script; $1 is the file.
func (s sandbox) editor(t *testing.T, script string) []string {
	t.Helper()
	name := filepath.Join(s.dir, "editor")
	if err := os.WriteFile(name, []byte("#!/bin/sh\nset -eu\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return s.env("EDITOR="+name, "KR="+program.path)
}

// While one command writes, another waits as long as it is told, then stops with
// code 7, says who writes, and has changed nothing.
func TestSecondWriterIsRefused(t *testing.T) {
	s := newSandbox(t, "common", 2)
	edit := s.command(program.path, "edit", "common/d0")
	edit.Env = s.editor(t, `
echo 'b: edited' >>"$1"
code=0
printf x | "$KR" set common/d1#a --lock-timeout 50ms 2>"$HOME/second" || code=$?
echo "code $code" >>"$HOME/second"
`)
	if out, err := edit.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	second, err := os.ReadFile(filepath.Join(s.dir, "second"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"code 7", "waiting for process", "is locked by process", "(keyreeve edit)", "--lock-timeout"} {
		if !strings.Contains(string(second), want) {
			t.Errorf("%q is not in\n%s", want, second)
		}
	}
	if got := s.run(t, "", "get", "common/d0#b") + s.run(t, "", "get", "common/d1#a"); got != "editedv" {
		t.Errorf("%q came back", got)
	}
}

// A document that another tool writes between read and write is left as that
// tool has it: code 7.
func TestChangedByAnotherTool(t *testing.T) {
	s := newSandbox(t, "common", 2)
	document := filepath.Join(s.fleet(), "secrets/common/d0.yaml")
	for name, change := range map[string]string{
		"replaced":  `printf x | sed 's/^a: /renamed: /' secrets/common/d0.yaml >"$HOME/other"; cp "$HOME/other" secrets/common/d0.yaml`,
		"removed":   `rm secrets/common/d0.yaml`,
		"inventory": `echo '# a comment' >>keyreeve.yaml`,
	} {
		c, release := s.copied(t)
		defer release()
		edit := c.command(program.path, "edit", "common/d0")
		edit.Env = c.editor(t, "echo 'b: edited' >>\"$1\"\n"+change)
		out, err := edit.CombinedOutput()
		now, _ := os.ReadFile(filepath.Join(c.fleet(), "secrets/common/d0.yaml"))
		switch name {
		case "inventory": // edit does not write it, and the policy is the same
			if err != nil {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
			continue
		case "replaced":
			if !strings.Contains(string(now), "renamed: ") {
				t.Errorf("%s: what the other tool wrote is lost:\n%s", name, now)
			}
		case "removed":
			if now != nil {
				t.Errorf("%s: it is back", name)
			}
		}
		if exitCode(err) != 7 || !strings.Contains(string(out), "secrets/common/d0.yaml was changed by someone else") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if _, err := os.Stat(document); err != nil {
		t.Error(err)
	}
}

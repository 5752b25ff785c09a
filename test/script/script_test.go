// Package script holds the commands' behaviour as txtar scripts.
package script

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"keyreeve/internal/cli"
	"keyreeve/test/peers"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"keyreeve": func() { os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

func TestScripts(t *testing.T) {
	sops := peers.Sops(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, "home")
			env.Setenv("HOME", home)
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
			env.Setenv("XDG_STATE_HOME", filepath.Join(home, ".state"))
			env.Setenv("GIT_CONFIG_NOSYSTEM", "1")
			env.Setenv("GIT_AUTHOR_NAME", "t")
			env.Setenv("GIT_AUTHOR_EMAIL", "t@example.org")
			env.Setenv("GIT_COMMITTER_NAME", "t")
			env.Setenv("GIT_COMMITTER_EMAIL", "t@example.org")
			env.Setenv("SOPS", sops)
			return os.MkdirAll(home, 0o700)
		},
		Condition: condition,
		Cmds:      map[string]func(*testscript.TestScript, bool, []string){"code": code, "pub": pub, "sshd": sshd, "bytes": bytes, "expand": expand, "valid": valid, "published": published},
	})
}

// condition knows sshd, that it is installed, and hostkeys, that the machine has
// SSH host keys which the tests find, since they run as root.
func condition(name string) (bool, error) {
	switch name {
	case "sshd":
		_, err := os.Stat("/usr/sbin/sshd")
		return err == nil || os.Getenv("CI") != "", nil
	case "hostkeys":
		found, err := filepath.Glob("/etc/ssh/ssh_host_*_key")
		return os.Geteuid() == 0 && len(found) > 0, err
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

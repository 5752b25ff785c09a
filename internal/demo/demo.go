// Package demo shows the main job: it runs the program itself, command by
// command, on a fleet of its own in a throw-away directory.
package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/term"
)

// A step is one command line. NAME.pub in its arguments stands for the recipient
// that an earlier step printed.
type step struct {
	say    string
	stdin  string
	args   string
	as     string // whose identity is used; "" is tim's
	shell  string // a line for the shell instead
	keep   string // keep the output as this recipient
	expect int    // exit code
}

var steps = []step{
	{say: "A fleet begins with its admin; his key is made if there is none.", args: "init --user tim"},
	{args: "key new ../anna.key", keep: "anna"},
	{args: "key new ../potato.key", keep: "potato"},
	{args: "key new ../mbp.key", keep: "mbp"},
	{args: "key new ../thinky.key", keep: "thinky"},
	{args: "key new ../safe.key", keep: "safe"},
	{say: "Another user, three hosts, a group.", args: "user add anna --recipient anna.pub"},
	{args: "host add potato --recipient potato.pub --platform nixos"},
	{args: "host add mbp --recipient mbp.pub --platform darwin --users tim"},
	{args: "host add thinky --recipient thinky.pub --platform linux"},
	{args: "group add servers --hosts potato,thinky"},
	{args: "recovery add safe --recipient safe.pub"},
	{say: "Secrets: for every host, for one, for a group, for one user.", stdin: "correct horse", args: "set common/services#postgres/password"},
	{stdin: "5432", args: "set common/services#postgres/port --type int"},
	{stdin: "k8s-join-token", args: "set groups/servers/cluster#token"},
	{stdin: "wpa-passphrase", args: "set potato/wifi#psk"},
	{stdin: "tim's own", args: "set users/tim/mail#password"},
	{say: "Who can read what.", args: "access"},
	{args: "access explain host/thinky groups/servers/cluster"},
	{say: "potato takes its secrets, with its own key, as a new generation.", args: "install ../manifest.json", as: "potato"},
	{shell: "ls -l ../secrets/"},
	{shell: "cat ../secrets/wifi"},
	{args: "get common/services#postgres/password", as: "thinky", say: "thinky can read; then it is sold."},
	{args: "host rm thinky --yes --reason sold"},
	{say: "A new value. thinky's key does not open it (exit code 5); potato's does.", stdin: "new token", args: "set groups/servers/cluster#token"},
	{args: "get groups/servers/cluster#token", as: "thinky", expect: 5},
	{args: "get groups/servers/cluster#token", as: "potato"},
	{say: "Inventory, .sops.yaml and documents agree.", args: "check"},
}

const manifest = `{"secretsMountPoint": %q, "symlinkPath": %q, "keepGenerations": 2, "secrets": [
  {"name": "postgres-password", "sopsFile": %q, "key": "postgres/password", "mode": "0400"},
  {"name": "wifi", "sopsFile": %q, "key": "psk", "mode": "0440"}]}
`

// Run shows the demo on out; program is the keyreeve to run.
func Run(ctx context.Context, program string, out *os.File) error {
	root, err := os.MkdirTemp("", "keyreeve-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	fleet := filepath.Join(root, "fleet")
	run := filepath.Join(root, "run")
	for _, dir := range []string{fleet, run} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	text := fmt.Sprintf(manifest, run, filepath.Join(root, "secrets"), filepath.Join(fleet, "secrets/common/services.yaml"), filepath.Join(fleet, "secrets/potato/wifi.yaml"))
	if err := os.WriteFile(filepath.Join(root, "manifest.json"), []byte(text), 0o600); err != nil {
		return err
	}
	d := show{program: program, root: root, dir: fleet, out: out, recipients: map[string]string{},
		color: term.IsTerminal(int(out.Fd())) && os.Getenv("NO_COLOR") == ""}
	for _, s := range steps {
		if err := d.step(ctx, s); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "\nAll of this was in a throw-away directory, which is gone now.")
	return nil
}

type show struct {
	program, root, dir string
	out                *os.File
	recipients         map[string]string
	color              bool
	chapter            int
}

func (d *show) step(ctx context.Context, s step) error {
	if s.say != "" {
		d.chapter++
		fmt.Fprintf(d.out, "\n%s\n", d.style("1", fmt.Sprintf("%d  %s", d.chapter, s.say)))
	}
	fmt.Fprintln(d.out, d.style("36", "$ "+line(s)))
	args := strings.Fields(s.args)
	for i, arg := range args {
		if name, ok := strings.CutSuffix(arg, ".pub"); ok && d.recipients[name] != "" {
			args[i] = d.recipients[name]
		}
	}
	cmd := exec.CommandContext(ctx, d.program, args...)
	if s.shell != "" {
		cmd = exec.CommandContext(ctx, "sh", "-c", s.shell)
	}
	cmd.Dir = d.dir
	cmd.Stdin = strings.NewReader(s.stdin)
	cmd.Env = []string{"HOME=" + d.root, "PATH=" + os.Getenv("PATH"), "XDG_CONFIG_HOME=" + filepath.Join(d.root, "config"), "XDG_STATE_HOME=" + filepath.Join(d.root, "state")}
	if s.as != "" {
		cmd.Env = append(cmd.Env, "HOME="+filepath.Join(d.root, s.as), "XDG_CONFIG_HOME="+filepath.Join(d.root, s.as), "SOPS_AGE_KEY_FILE="+filepath.Join(d.root, s.as+".key"))
	}
	output, err := cmd.CombinedOutput()
	code := 0
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed):
		code = failed.ExitCode()
	case err != nil:
		return err
	}
	if s.keep != "" {
		d.recipients[s.keep] = strings.TrimSpace(string(output))
	}
	for _, line := range strings.Split(strings.TrimRight(string(output), "\n"), "\n") {
		if line != "" {
			fmt.Fprintln(d.out, "  "+strings.ReplaceAll(line, d.root, "…"))
		}
	}
	if code != s.expect {
		return fmt.Errorf("the demo failed: %s ended with %d, not %d", line(s), code, s.expect)
	}
	return nil
}

func (d *show) style(code, text string) string {
	if !d.color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// line is the command as a person would type it.
func line(s step) string {
	if s.shell != "" {
		return s.shell
	}
	text := "keyreeve " + strings.ReplaceAll(s.args, ".pub", "'s age1…")
	if s.stdin != "" {
		text = fmt.Sprintf("printf %%s '%s' | %s", strings.ReplaceAll(s.stdin, "'", `'\''`), text)
	}
	if s.as != "" {
		text = "SOPS_AGE_KEY_FILE=../" + s.as + ".key " + text
	}
	return text
}

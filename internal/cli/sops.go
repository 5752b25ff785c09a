package cli

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"keyreeve/internal/compat"
	"keyreeve/internal/edit"
	"keyreeve/keys"
)

// RunSops runs one command line of sops, as the program does under that name,
// and returns the exit code.
func RunSops(args []string, in, out, errOut *os.File) int {
	noCoreDumps()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	return asSops("sops", in, out, errOut).Run(ctx, args)
}

// asSops looks for identities where sops does, and not in the system's places.
func asSops(name string, in, out, errOut *os.File) *compat.Program {
	var ring *keys.Ring
	return &compat.Program{Name: name, In: in, Out: out, Err: errOut, Getenv: os.Getenv,
		QuietArgs: edit.QuietArgs,
		Ring: func() *keys.Ring {
			if ring == nil {
				ring = keys.Discover(keys.Options{Prompt: keys.TerminalPrompt(), Stderr: errOut})
			}
			return ring
		}}
}

// A sopsError is the exit code of a command line of sops, which has said why.
type sopsError struct{ code int }

func (*sopsError) Error() string { return "sops failed" }

func (a *app) sopsCommand() *cobra.Command {
	c := command("sops COMMAND [flags] [FILE]", "Work as sops does, with its flags, output and exit codes",
		"  keyreeve sops decrypt --extract '[\"db\"][\"password\"]' secrets/db.yaml\n  keyreeve sops encrypt -i secrets/db.yaml",
		cobra.ArbitraryArgs, func(args []string) error {
			args, err := a.enter(args)
			if err != nil {
				return err
			}
			if code := asSops("keyreeve sops", a.in, a.out, a.err).Run(a.ctx, args); code != 0 {
				return &sopsError{code}
			}
			return nil
		})
	c.Long = "Work as sops 3.13.3 does, for age keys. A link named sops to this program is the same.\n" +
		"keyreeve sops help lists the commands; docs/sops-compatibility.md says what differs.\nExit codes are those of sops."
	c.DisableFlagParsing = true
	run := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 1 && (args[0] == "--help" || args[0] == "-h") {
			return c.Help()
		}
		return run(c, args)
	}
	return c
}

// enter goes to the folder that -C before sops names, and returns the arguments
// behind it, which are all for sops.
func (a *app) enter(args []string) ([]string, error) {
	for len(args) > 0 {
		name, dir, given := strings.Cut(args[0], "=")
		switch {
		case name == "-q" || name == "--quiet":
			args = args[1:]
			continue
		case args[0] == "-C" || args[0] == "--directory":
			if len(args) < 2 {
				return nil, &usageError{"flag needs an argument: " + name, ""}
			}
			dir, args = args[1], args[2:]
		case name == "--directory" && given:
			args = args[1:]
		default:
			return args, nil
		}
		if err := os.Chdir(dir); err != nil {
			return nil, err
		}
	}
	return args, nil
}

// sopsCodes are those of sops that users of age meet.
const sopsCodes = `  0         done
  1         an error
  2, 100    no such file, or one that cannot be read
  8         flags that exclude each other
  51        the MAC does not match
  128       none of your keys opens the file
  200, 201  edit: nothing was changed; no editor, or it failed
  203       the file is encrypted already
  its       exec-env, exec-file: the exit code of the command that is run`

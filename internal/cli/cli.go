// Package cli is the command tree of keyreeve: flags, output and exit codes. It
// wires the features together and decides nothing.
package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"keyreeve/fleet"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/internal/term"
	"keyreeve/keys"
)

// An app is one run of the program.
type app struct {
	in             *os.File
	out, err       *os.File
	outTerm        *term.Output // out and err, as what they may be
	errTerm        *term.Output
	dir            string
	json, quiet    bool
	yes, dryRun    bool
	acceptGrants   bool
	lockTimeout    time.Duration
	ctx            context.Context
	ringDiscovered *keys.Ring
}

// Run runs one command line and returns the exit code.
func Run(args []string, in, out, errOut *os.File) int {
	noCoreDumps()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	a := &app{in: in, out: out, err: errOut, outTerm: term.NewOutput(out), errTerm: term.NewOutput(errOut), ctx: ctx}
	root := a.root()
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		a.complete(root)
	}
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	return a.exit(root.ExecuteContext(ctx))
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "keyreeve",
		Short:         "Keep a fleet's secrets in its own git repository, as SOPS files",
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&a.dir, "directory", "C", ".", "work in this `DIR`")
	flags.StringVar(&a.dir, "repo", ".", "the same as -C: the `DIR` of a fleet")
	flags.BoolVar(&a.json, "json", false, "write JSON, where the command reports")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "say only what was asked for")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err.Error(), ""} })
	root.AddCommand(a.initCommand(), a.principalCommand(fleet.UserKind), a.principalCommand(fleet.HostKind),
		a.groupCommand(), a.principalCommand(fleet.RecoveryKind), a.setCommand(), a.getCommand(), a.holdCommand(), a.lsCommand(), a.renderCommand(), a.diffCommand(),
		a.rmCommand(), a.copyCommand("cp", "Copy an entry or a document; its readers change with its place", false),
		a.copyCommand("mv", "Move an entry or a document; its readers change with its place", true),
		a.execCommand(), a.editCommand(), a.statusCommand(), a.doctorCommand(), a.schemaCommand(), a.verifyCommand(), a.undoCommand(),
		a.rekeyCommand(), a.checkCommand(), a.accessCommand(), a.installCommand(), a.keyCommand(),
		a.demoCommand(), a.sopsCommand(), a.completionCommand(), a.manCommand(), a.versionCommand())
	arrange(root)
	return root
}

// command makes a command; wrong arguments are a usage error.
func command(use, short, example string, args cobra.PositionalArgs, run func(args []string) error) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Example: example, RunE: func(_ *cobra.Command, args []string) error { return run(args) }}
	c.Args = func(cmd *cobra.Command, given []string) error {
		err := args(cmd, given)
		if _, ok := as[*usageError](err); ok || err == nil {
			return err
		}
		return &usageError{fmt.Sprintf("wrong number of arguments: %d", len(given)),
			"usage: keyreeve " + usageWords(cmd) + "\n          see " + cmd.CommandPath() + " --help"}
	}
	return c
}

// usageWords is a command line of c, without the program and flags.
func usageWords(c *cobra.Command) string {
	words := c.Use
	for c.HasParent() && c.Parent().HasParent() {
		c = c.Parent()
		words = c.Name() + " " + words
	}
	return words
}

// family makes a command that only has others below it.
func family(use, short string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return &usageError{fmt.Sprintf("unknown command %q for %q", args[0], c.CommandPath()), "see " + c.CommandPath() + " --help"}
		}
		return c.Help()
	}}
}

// writes adds the flags of commands that write to the repository.
func (a *app) writes(c *cobra.Command) *cobra.Command {
	c.Flags().BoolVarP(&a.yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&a.dryRun, "dry-run", false, "show what would change and write nothing")
	c.Flags().BoolVar(&a.acceptGrants, "accept-grants", false, "accept readers that others added to the inventory")
	c.Flags().DurationVar(&a.lockTimeout, "lock-timeout", 10*time.Second, "how long to wait for another writer")
	return c
}

// ring returns the identities of this user, found once.
func (a *app) ring() *keys.Ring {
	if a.ringDiscovered == nil {
		a.ringDiscovered = keys.Discover(keys.Options{Root: os.Geteuid() == 0, Prompt: keys.TerminalPrompt(), Stderr: a.err})
	}
	return a.ringDiscovered
}

func (a *app) session() (*lockstep.Session, error) { return lockstep.Open(a.dir, a.ring()) }

func (a *app) pinDir() string {
	home, _ := os.UserHomeDir()
	return repo.PinDir(os.Getenv, home)
}

// confirm asks unless told not to.
func (a *app) confirm(question string) error {
	if question == "" || a.yes {
		return nil
	}
	if a.json {
		return &usageError{"this asks for a confirmation, and --json shows no question", "say --yes, after a look with --dry-run"}
	}
	if !term.IsTerminal(a.in) {
		return &usageError{"this asks for a confirmation and there is no terminal", "say --yes, after a look with --dry-run"}
	}
	answer, err := term.Ask(a.ctx, a.in, a.errTerm, question+" [y/N] ")
	if a.ctx.Err() != nil {
		return err
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer == "y" || answer == "yes" {
		return nil
	}
	return &declinedError{}
}

// progress starts a bar on stderr for what counts documents.
func (a *app) progress(what string) *term.Progress {
	return term.NewProgress(a.errTerm, what, "documents", a.quiet || a.json)
}

func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.err, "note: "+format+"\n", args...)
	}
}

// warn says what makes a result less certain, also with --quiet.
func (a *app) warn(text string) {
	fmt.Fprintln(a.err, a.errTerm.Paint(term.Yellow, "warning:"), text)
}

// printJSON writes one object with its schema version.
func (a *app) printJSON(fields map[string]any) error {
	fields["schema_version"] = 1
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(fields)
}

package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/spf13/cobra"

	"keyreeve/internal/enroll"
	"keyreeve/keys"
)

func (a *app) keyCommand() *cobra.Command {
	c := family("key", "Identities, the private keys")
	c.AddCommand(a.keyNewCommand(), a.keyShowCommand(), a.keyListCommand())
	return c
}

func (a *app) keyNewCommand() *cobra.Command {
	var pq, passphrase bool
	c := command("new FILE", "Make an identity and print its recipient", "  keyreeve key new host.key\n  keyreeve key new --passphrase ~/.config/sops/age/keys.txt", cobra.ExactArgs(1), func(args []string) error {
		var opts keys.SaveOptions
		if _, err := os.Lstat(args[0]); err == nil {
			return &conflictError{args[0] + " exists already", "keyreeve key show " + args[0] + " prints its recipient; a key is never overwritten"}
		}
		if passphrase {
			var err error
			if opts.Passphrase, err = newPassphrase(a.prompt(), args[0]); err != nil {
				return err
			}
		}
		id, err := keys.New(pq)
		if err != nil {
			return err
		}
		if err := id.Save(args[0], opts); err != nil {
			return err
		}
		if a.json {
			return a.printJSON(map[string]any{"recipient": id.Recipient(), "file": args[0]})
		}
		_, err = fmt.Fprintln(a.out, id.Recipient())
		return err
	})
	c.Flags().BoolVar(&pq, "pq", false, "post-quantum: age1pq…")
	c.Flags().BoolVar(&passphrase, "passphrase", false, "encrypt the file with a passphrase, which is asked for")
	return c
}

// prompt asks on the terminal, or without one in a window where pinentry is
// named for that.
func (a *app) prompt() keys.PromptFunc {
	terminal := keys.TerminalPrompt()
	return func(message string) ([]byte, error) {
		answer, err := terminal(message)
		if err != keys.ErrNoTerminal || os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
			return answer, err
		}
		program, lookErr := exec.LookPath("pinentry")
		if lookErr != nil {
			return nil, err
		}
		return keys.PinentryPrompt(program, "keyreeve", 0)(message)
	}
}

// newPassphrase asks for a new passphrase, twice.
func newPassphrase(prompt keys.PromptFunc, file string) ([]byte, error) {
	first, err := prompt("new passphrase for " + file)
	if err != nil {
		return nil, err
	}
	if len(first) == 0 {
		return nil, &usageError{"the passphrase is empty", "without --passphrase the file is protected by its mode alone"}
	}
	second, err := prompt("the same again")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, second) {
		return nil, &usageError{"the two passphrases differ; no key was made", ""}
	}
	return first, nil
}

func (a *app) keyShowCommand() *cobra.Command {
	var native bool
	c := command("show FILE", "Print the recipients of an identity file, or of an SSH public key", "  keyreeve key show host.key\n  ssh-keyscan potato | keyreeve key show -", cobra.ExactArgs(1), func(args []string) error {
		data, err := readInput(a.in, args[0])
		if err != nil {
			return err
		}
		recipients, err := a.recipientsIn(data, args[0], native)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		if a.json {
			return a.printJSON(map[string]any{"recipients": recipients})
		}
		for _, r := range recipients {
			fmt.Fprintln(a.out, r)
		}
		return nil
	})
	c.Flags().BoolVar(&native, "native-ssh", false, "keep SSH public keys as they are")
	return c
}

// recipientsIn returns the recipients of identities, or of SSH public keys.
func (a *app) recipientsIn(data []byte, name string, native bool) ([]string, error) {
	recipients := []string{}
	if public, err := enroll.ParseHostKeys(data); err == nil {
		for _, k := range public {
			r, err := k.Recipient(native || k.RSA())
			if err != nil {
				return nil, err
			}
			recipients = append(recipients, r)
		}
		return recipients, nil
	}
	ids, err := keys.ParseIdentities(data, name, a.prompt())
	for _, id := range ids {
		if id.Recipient() == "" {
			return nil, fmt.Errorf("a plugin's identity does not say its recipient; ask the plugin")
		}
		recipients = append(recipients, id.Recipient())
	}
	return recipients, err
}

func (a *app) keyListCommand() *cobra.Command {
	return command("ls", "List the identities at hand: where from, whose, and what they open", "  keyreeve key ls\n  keyreeve key ls --json", cobra.NoArgs, func([]string) error {
		found, _, err := a.identities()
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(found.json())
		}
		found.print(a, a.out)
		return nil
	})
}

// print writes identities for a person.
func (f *identities) print(a *app, w io.Writer) {
	for _, id := range f.Identities {
		who := id.Principal
		if id.Name != "" {
			who += " (" + id.Name + ")"
		}
		if id.Retired {
			who += ", retired"
		}
		if who == "" {
			who = "unknown to the inventory"
		}
		if f.outside {
			who = "no fleet here"
		}
		fmt.Fprintf(w, "%s\n  %s\n  from %s\n", who, clipped(id.Recipient), tilde(id.Source))
		if !f.outside {
			fmt.Fprintf(w, "  opens %d of %s\n", len(id.Documents), count(f.documents, "document", "documents"))
			if !a.quiet && len(id.Documents) > 0 {
				for _, line := range wrap("    ", folders(id.Documents)) {
					fmt.Fprintln(w, line)
				}
			}
		}
	}
	for _, l := range f.Locked {
		fmt.Fprintf(w, "locked: %s needs a %s, and is asked only when nothing else opens a document\n", tilde(l.Source), l.Needs)
	}
	for _, p := range f.Problems {
		fmt.Fprintf(w, "problem: %s: %s\n", tilde(p.Source), p.Error)
	}
	if len(f.Identities)+len(f.Locked) == 0 {
		fmt.Fprintln(w, "no identity was found; these places were looked at:")
		for _, place := range f.Missing {
			fmt.Fprintf(w, "  %s\n", tilde(place))
		}
	}
}

// clipped keeps post-quantum and SSH recipients on one line.
func clipped(recipient string) string {
	switch {
	case recipient == "":
		return "(a plugin's identity)"
	case len(recipient) > 70:
		return recipient[:60] + "…"
	}
	return recipient
}

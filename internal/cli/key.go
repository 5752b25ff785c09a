package cli

import (
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"keyreeve/internal/lockstep"
	"keyreeve/keys"
)

func (a *app) keyCommand() *cobra.Command {
	c := family("key", "Identities, the private keys")
	var pq bool
	fresh := command("new FILE", "Make an identity and print its recipient", "  keyreeve key new host.key\n  keyreeve key new --pq host.key", cobra.ExactArgs(1), func(args []string) error {
		id, err := keys.New(pq)
		if err != nil {
			return err
		}
		if err := id.Save(args[0], keys.SaveOptions{}); err != nil {
			return err
		}
		_, err = fmt.Fprintln(a.out, id.Recipient())
		return err
	})
	fresh.Flags().BoolVar(&pq, "pq", false, "post-quantum")
	show := command("show FILE", "Print the recipients of an identity file", "  keyreeve key show host.key\n  keyreeve key show ~/.ssh/id_ed25519", cobra.ExactArgs(1), func(args []string) error {
		data, err := os.ReadFile(args[0])
		if err != nil {
			return err
		}
		ids, err := keys.ParseIdentities(data, args[0], keys.TerminalPrompt())
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		for _, id := range ids {
			fmt.Fprintln(a.out, id.Recipient())
		}
		return nil
	})
	c.AddCommand(fresh, show, command("ls", "List the identities at hand, where each came from and whose it is", "  keyreeve key ls\n  keyreeve key ls --json", cobra.NoArgs, func([]string) error {
		return a.listKeys()
	}))
	return c
}

func (a *app) listKeys() error {
	s, _ := lockstep.Open(a.dir, a.ring())
	type row struct {
		Recipient string `json:"recipient"`
		Source    string `json:"source"`
		Principal string `json:"principal"`
	}
	rows := []row{}
	for _, id := range a.ring().Identities() {
		r := row{id.Recipient(), id.Source().String(), ""}
		if s != nil {
			r.Principal = s.Name(id.Recipient())
			if r.Principal == "unknown/"+r.Recipient {
				r.Principal = "unknown"
			}
		}
		rows = append(rows, r)
	}
	if a.json {
		return a.printJSON(map[string]any{"identities": rows})
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.Recipient, r.Principal, r.Source)
	}
	for _, l := range a.ring().Locked() {
		fmt.Fprintf(w, "(locked)\t\t%v\n", l)
	}
	return w.Flush()
}

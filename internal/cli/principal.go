package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"keyreeve/fleet"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/keys"
)

func today() string { return time.Now().UTC().Format(time.DateOnly) }

// principalCommand is user, host or recovery.
func (a *app) principalCommand(kind fleet.PrincipalKind) *cobra.Command {
	short := map[fleet.PrincipalKind]string{fleet.UserKind: "People and robots", fleet.HostKind: "Machines", fleet.RecoveryKind: "Recovery recipients, kept offline"}[kind]
	c := family(string(kind), short)
	c.AddCommand(a.addCommand(kind), a.removeCommand(kind), a.listCommand(kind), a.showCommand(kind), a.renameCommand(kind))
	if kind != fleet.RecoveryKind {
		c.AddCommand(a.recipientCommand(kind))
	}
	if kind == fleet.UserKind {
		c.AddCommand(a.userSetCommand())
	}
	return c
}

func (a *app) addCommand(kind fleet.PrincipalKind) *cobra.Command {
	var recipient, sshKey, platform string
	var users []string
	var admin, unretire bool
	example := fmt.Sprintf("  keyreeve %s add NAME --recipient age1…\n  keyreeve %s add NAME --recipient age1… --dry-run", kind, kind)
	c := command("add NAME", "Add a "+string(kind)+" and encrypt to it what it may read", example, cobra.ExactArgs(1), func(args []string) error {
		if sshKey != "" {
			data, err := readInput(a.in, sshKey)
			if err != nil {
				return err
			}
			if recipient, err = keys.RecipientFromSSH(strings.TrimSpace(string(data)), false); err != nil {
				return err
			}
		}
		if recipient == "" {
			return &usageError{"a " + string(kind) + " needs a recipient", "say --recipient age1…"}
		}
		return a.edit(string(kind)+" add", "", func(inv *fleet.Inventory) error {
			if unretire {
				if err := inv.Unretire(recipient); err != nil {
					return err
				}
			}
			named := []fleet.NamedRecipient{{Name: "key", Recipient: recipient}}
			switch kind {
			case fleet.UserKind:
				return inv.AddUser(fleet.User{Name: args[0], Admin: admin, Recipients: named})
			case fleet.HostKind:
				named[0].Name = "host"
				return inv.AddHost(fleet.Host{Name: args[0], Recipients: named, Platform: platform, Users: users})
			}
			return inv.AddRecovery(args[0], recipient)
		})
	})
	c.Flags().StringVar(&recipient, "recipient", "", "its public `KEY`: age1…")
	c.Flags().BoolVar(&unretire, "unretire", false, "bring back a retired recipient")
	switch kind {
	case fleet.UserKind:
		c.Flags().BoolVar(&admin, "admin", false, "reads everything but other users' own documents")
	case fleet.HostKind:
		c.Flags().StringVar(&sshKey, "ssh-host-key", "", "take the recipient from an ed25519 public key `FILE`, - for stdin")
		c.Flags().StringVar(&platform, "platform", "", "nixos, darwin, linux or wsl")
		c.Flags().StringSliceVar(&users, "users", nil, "`USERS` whose own documents it may read")
	}
	return a.writes(c)
}

func readInput(in *os.File, name string) ([]byte, error) {
	if name == "-" {
		return readAll(in)
	}
	return os.ReadFile(name)
}

func (a *app) removeCommand(kind fleet.PrincipalKind) *cobra.Command {
	var reason string
	var keep, remove bool
	c := command("rm NAME", "Remove a "+string(kind)+" and replace the data keys of what it could read",
		fmt.Sprintf("  keyreeve %s rm NAME\n  keyreeve %s rm NAME --yes --reason sold", kind, kind), cobra.ExactArgs(1), func(args []string) error {
			p := fleet.Principal{Kind: kind, Name: args[0]}
			return a.write(string(kind)+" rm", func(s *lockstep.Session) (*change, error) {
				own, err := ownDocuments(s, p)
				if err != nil {
					return nil, err
				}
				if kind == fleet.UserKind && len(own) > 0 && !keep && !remove {
					return nil, &conflictError{fmt.Sprintf("%s has %s of its own", p, count(len(own), "document", "documents")), "say --keep-documents or --delete-documents"}
				}
				c, err := a.planned(s, "Remove "+p.String()+"?", func(inv *fleet.Inventory) error { return inv.Remove(p, today(), reason) })
				if err != nil {
					return nil, err
				}
				if remove {
					return c, deleteFiles(s, c, own)
				}
				if len(own) > 0 {
					c.preview = append(c.preview, "", fmt.Sprintf("%s of its own stay; nothing covers them now: move or remove them", count(len(own), "document", "documents")))
				}
				return c, nil
			})
		})
	if kind == fleet.UserKind {
		c.Flags().BoolVar(&keep, "keep-documents", false, "keep the user's own documents")
		c.Flags().BoolVar(&remove, "delete-documents", false, "delete the user's own documents")
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the record")
	return a.writes(c)
}

// edit changes the inventory and brings everything else to it.
func (a *app) edit(name, asks string, edit func(*fleet.Inventory) error) error {
	return a.write(name, func(s *lockstep.Session) (*change, error) { return a.planned(s, asks, edit) })
}

// planned is the change that an edit of the inventory leads to.
func (a *app) planned(s *lockstep.Session, asks string, edit func(*fleet.Inventory) error) (*change, error) {
	next := s.Inventory.Clone()
	if err := edit(next); err != nil {
		return nil, err
	}
	plan, err := s.Plan(a.ctx, next, lockstep.PlanOptions{})
	if err != nil {
		return nil, err
	}
	lines := preview(plan)
	if len(lines) == 0 {
		lines = []string{"no document changes readers"}
	}
	return &change{next: next, files: plan.Changes, pending: plan.Pending, preview: lines, asks: asks}, nil
}

// ownDocuments returns the documents in a principal's own folder.
func ownDocuments(s *lockstep.Session, p fleet.Principal) ([]string, error) {
	folder := map[fleet.PrincipalKind]string{fleet.UserKind: "users/" + p.Name, fleet.HostKind: p.Name, fleet.GroupKind: "groups/" + p.Name}[p.Kind]
	if folder == "" || s.Inventory.Layout() != fleet.LayoutStandard {
		return nil, nil
	}
	paths, err := s.Repo.Documents()
	return slices.DeleteFunc(paths, func(path string) bool {
		return !strings.HasPrefix(path, repo.SecretsDir+"/"+folder+"/")
	}), err
}

func (a *app) renameCommand(kind fleet.PrincipalKind) *cobra.Command {
	return a.writes(command("rename NAME NEW", "Give it another name; its own documents move along",
		fmt.Sprintf("  keyreeve %s rename NAME NEW\n  keyreeve %s rename NAME NEW --dry-run", kind, kind), cobra.ExactArgs(2), func(args []string) error {
			p := fleet.Principal{Kind: kind, Name: args[0]}
			return a.write(string(kind)+" rename", func(s *lockstep.Session) (*change, error) {
				own, err := ownDocuments(s, p)
				if err != nil {
					return nil, err
				}
				c, err := a.planned(s, "", func(inv *fleet.Inventory) error { return inv.Rename(p, args[1]) })
				if err != nil {
					return nil, err
				}
				for _, path := range own {
					data, err := s.Repo.Read(path)
					if err != nil {
						return nil, err
					}
					moved := strings.Replace(path, "/"+args[0]+"/", "/"+args[1]+"/", 1)
					c.files = append(c.files, repo.Change{Path: path, Old: data}, repo.Change{Path: moved, New: data})
					c.preview = append(c.preview, "  "+path+"  moves to "+moved)
				}
				return c, nil
			})
		}))
}

// deleteFiles makes a change delete documents instead of what it did to them.
func deleteFiles(s *lockstep.Session, c *change, paths []string) error {
	c.files = slices.DeleteFunc(c.files, func(f repo.Change) bool { return slices.Contains(paths, f.Path) })
	c.pending = slices.DeleteFunc(c.pending, func(path string) bool { return slices.Contains(paths, path) })
	for _, path := range paths {
		old, err := s.Repo.Read(path)
		if err != nil {
			return err
		}
		c.files = append(c.files, repo.Change{Path: path, Old: old})
		c.preview = append(c.preview, "  "+path+"  deleted")
	}
	return nil
}

// count puts a number before its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// preview says what a plan does to documents.
func preview(plan *lockstep.Plan) []string {
	var lines []string
	renewed, exposed := 0, []string{}
	for _, d := range plan.Drift {
		line := "  " + d.Document
		if len(d.Add) > 0 {
			line += "  + " + strings.Join(d.Add, ", ")
		}
		if len(d.Remove) > 0 {
			line += "  - " + strings.Join(d.Remove, ", ")
			exposed = append(exposed, d.Entries...)
		}
		if d.NewDataKey {
			renewed++
		}
		lines = append(lines, line)
	}
	if len(exposed) > 0 {
		lines = append(lines, "", fmt.Sprintf("%s a new data key. Old clones and backups can still be read by the", count(renewed, "document gets", "documents get")),
			fmt.Sprintf("removed keys; until rotated, %s exposed:", count(len(exposed), "value stays", "values stay")))
		for i, ref := range exposed {
			if i == 20 {
				lines = append(lines, fmt.Sprintf("  and %d more", len(exposed)-i))
				break
			}
			lines = append(lines, "  "+ref)
		}
	}
	if len(plan.Drift) > 0 {
		lines = append([]string{fmt.Sprintf("%s readers:", count(len(plan.Drift), "document changes", "documents change"))}, lines...)
	}
	return lines
}

func (a *app) listCommand(kind fleet.PrincipalKind) *cobra.Command {
	return command("ls", "List them", fmt.Sprintf("  keyreeve %s ls\n  keyreeve %s ls --json", kind, kind), cobra.NoArgs, func([]string) error {
		s, err := a.session()
		if err != nil {
			return err
		}
		type row struct {
			Principal  string   `json:"principal"`
			Recipients []string `json:"recipients"`
		}
		rows := []row{}
		w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
		for _, p := range s.Inventory.Principals() {
			if p.Kind != kind {
				continue
			}
			r := row{Principal: p.String(), Recipients: []string{}}
			for _, n := range s.Inventory.Recipients(p) {
				r.Recipients = append(r.Recipients, n.Recipient)
			}
			if kind == fleet.GroupKind {
				for _, g := range s.Inventory.Groups() {
					if g.Name == p.Name {
						for _, m := range g.Members() {
							r.Recipients = append(r.Recipients, m.String())
						}
					}
				}
			}
			rows = append(rows, r)
			if !a.json {
				fmt.Fprintf(w, "%s\t%s\n", r.Principal, strings.Join(r.Recipients, ", "))
			}
		}
		if a.json {
			return a.printJSON(map[string]any{"principals": rows})
		}
		return w.Flush()
	})
}

func (a *app) showCommand(kind fleet.PrincipalKind) *cobra.Command {
	return command("show NAME", "Show one and what it may read", fmt.Sprintf("  keyreeve %s show NAME\n  keyreeve %s show NAME --json", kind, kind), cobra.ExactArgs(1), func(args []string) error {
		s, err := a.session()
		if err != nil {
			return err
		}
		p, err := s.Inventory.Find(string(kind) + "/" + args[0])
		if err != nil {
			return err
		}
		paths, err := s.Repo.Documents()
		if err != nil {
			return err
		}
		reads := []string{}
		for _, path := range paths {
			if d, ok := s.Policy.For(path); ok {
				if _, ok := d.Reader(p); ok {
					reads = append(reads, path)
				}
			}
		}
		recipients := map[string]string{}
		for _, r := range s.Inventory.Recipients(p) {
			recipients[r.Name] = r.Recipient
		}
		if a.json {
			return a.printJSON(map[string]any{"principal": p.String(), "recipients": recipients, "documents": reads})
		}
		fmt.Fprintln(a.out, p)
		for _, r := range s.Inventory.Recipients(p) {
			fmt.Fprintf(a.out, "  recipient %s %s\n", r.Name, r.Recipient)
		}
		for _, path := range reads {
			fmt.Fprintf(a.out, "  reads %s\n", path)
		}
		return nil
	})
}

func (a *app) recipientCommand(kind fleet.PrincipalKind) *cobra.Command {
	c := family("recipient", "Its public keys")
	who := func(name string) fleet.Principal { return fleet.Principal{Kind: kind, Name: name} }
	example := func(verb, rest string) string {
		return fmt.Sprintf("  keyreeve %s recipient %s potato %s\n  keyreeve %s recipient %s potato %s --dry-run", kind, verb, rest, kind, verb, rest)
	}
	c.AddCommand(
		a.writes(command("add PRINCIPAL NAME RECIPIENT", "Add a key", example("add", "second age1…"), cobra.ExactArgs(3), func(args []string) error {
			return a.edit(string(kind)+" recipient add", "", func(inv *fleet.Inventory) error {
				return inv.AddRecipient(who(args[0]), fleet.NamedRecipient{Name: args[1], Recipient: args[2]})
			})
		})),
		a.writes(command("rm PRINCIPAL NAME", "Remove a key", example("rm", "second"), cobra.ExactArgs(2), func(args []string) error {
			return a.edit(string(kind)+" recipient rm", "Remove the recipient "+args[1]+" of "+args[0]+"?", func(inv *fleet.Inventory) error {
				return inv.RemoveRecipient(who(args[0]), args[1], today(), "")
			})
		})),
		a.writes(command("replace PRINCIPAL NAME RECIPIENT", "Put another key in its place", example("replace", "host age1…"), cobra.ExactArgs(3), func(args []string) error {
			return a.edit(string(kind)+" recipient replace", "Replace the recipient "+args[1]+" of "+args[0]+"?", func(inv *fleet.Inventory) error {
				return inv.ReplaceRecipient(who(args[0]), fleet.NamedRecipient{Name: args[1], Recipient: args[2]}, today(), "replaced")
			})
		})))
	return c
}

func (a *app) userSetCommand() *cobra.Command {
	var admin bool
	c := command("set NAME --admin[=false]", "Make a user an admin, or no longer one", "  keyreeve user set anna --admin\n  keyreeve user set anna --admin=false --yes", cobra.ExactArgs(1), nil)
	c.Flags().BoolVar(&admin, "admin", false, "reads everything but other users' own documents")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if !cmd.Flags().Changed("admin") {
			return &usageError{"nothing to set", "say --admin or --admin=false"}
		}
		asks := ""
		if !admin {
			asks = "Take admin from user/" + args[0] + "?"
		}
		return a.edit("user set", asks, func(inv *fleet.Inventory) error { return inv.SetAdmin(args[0], admin) })
	}
	return a.writes(c)
}

func (a *app) groupCommand() *cobra.Command {
	c := family("group", "Sets of hosts and users with documents of their own")
	var hosts, users []string
	add := command("add NAME", "Add a group", "  keyreeve group add servers --hosts potato,mbp\n  keyreeve group add ops --users anna", cobra.ExactArgs(1), func(args []string) error {
		return a.edit("group add", "", func(inv *fleet.Inventory) error {
			return inv.AddGroup(fleet.Group{Name: args[0], Hosts: hosts, Users: users})
		})
	})
	add.Flags().StringSliceVar(&hosts, "hosts", nil, "member `HOSTS`")
	add.Flags().StringSliceVar(&users, "users", nil, "member `USERS`")
	member := func(verb, short, asks string, change func(*fleet.Inventory, string, fleet.Principal) error) *cobra.Command {
		return a.writes(command(verb+" GROUP PRINCIPAL…", short, "  keyreeve group "+verb+" servers host/potato\n  keyreeve group "+verb+" servers potato anna", cobra.MinimumNArgs(2), func(args []string) error {
			return a.edit("group "+verb, asks, func(inv *fleet.Inventory) error {
				for _, name := range args[1:] {
					p, err := inv.Find(name)
					if err != nil {
						return err
					}
					if err := change(inv, args[0], p); err != nil {
						return err
					}
				}
				return nil
			})
		}))
	}
	c.AddCommand(a.writes(add), a.removeCommand(fleet.GroupKind), a.listCommand(fleet.GroupKind), a.showCommand(fleet.GroupKind), a.renameCommand(fleet.GroupKind),
		member("add-member", "Add members", "", (*fleet.Inventory).AddMember),
		member("rm-member", "Remove members", "Remove these members?", (*fleet.Inventory).RemoveMember))
	return c
}

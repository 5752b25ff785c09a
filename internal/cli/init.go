package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"keyreeve/fleet"
	"keyreeve/internal/begin"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/keys"
)

func (a *app) initCommand() *cobra.Command {
	var name, keyFile string
	var pq, adopt, tidy bool
	c := command("init", "Begin a fleet in this folder, or adopt one that sops has",
		"  keyreeve init --user tim --key ~/.config/sops/age/keys.txt\n  keyreeve init --adopt --dry-run", cobra.NoArgs,
		func([]string) error {
			if adopt && tidy {
				return &usageError{"--adopt and --tidy are two steps", "adopt, look with keyreeve check, then tidy"}
			}
			if tidy {
				return a.tidy()
			}
			if adopt {
				if name != "" || keyFile != "" || pq {
					return &usageError{"--adopt takes names and keys from .sops.yaml", "leave out --user, --key and --pq"}
				}
				return a.adopt()
			}
			return a.init(name, keyFile, pq)
		})
	c.Flags().BoolVar(&tidy, "tidy", false, "make scopes of adopted rules, where documents keep their readers")
	c.Flags().BoolVar(&adopt, "adopt", false, "derive the inventory from the .sops.yaml that is here")
	c.Flags().StringVar(&name, "user", "", "your `NAME` in the fleet (default: your login)")
	c.Flags().StringVar(&keyFile, "key", "", "identity `FILE` to use or to make")
	c.Flags().BoolVar(&pq, "pq", false, "make a post-quantum identity")
	return a.writes(c)
}

func (a *app) init(name, keyFile string, pq bool) error {
	if _, err := os.Stat(filepath.Join(a.dir, repo.InventoryName)); err == nil {
		return &conflictError{"there is a " + repo.InventoryName + " here already", "keyreeve check"}
	}
	if name == "" {
		if u, err := user.Current(); err == nil {
			name = strings.ToLower(u.Username)
		}
	}
	inv := fleet.New()
	if err := fleet.CheckName(fleet.UserKind, name); err != nil {
		return err
	}
	old, err := os.ReadFile(filepath.Join(a.dir, lockstep.SopsConfig))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := inv.SopsYAML(old); err != nil {
		return err
	}
	for _, below := range configsBelow(a.dir) {
		a.note("%s has a %s too; to adopt that one: keyreeve init --adopt -C %s", below, lockstep.SopsConfig, filepath.Join(a.dir, below))
	}
	if a.dryRun {
		fmt.Fprintf(a.out, "user/%s becomes the admin; writes %s, %s, .gitignore,\nsecrets/README.md and a template for each kind of folder\n", name, repo.InventoryName, lockstep.SopsConfig)
		return nil
	}
	recipient, source, err := a.ownIdentity(keyFile, pq)
	if err != nil {
		return err
	}
	if err := inv.AddUser(fleet.User{Name: name, Admin: true, Recipients: []fleet.NamedRecipient{{Name: "key", Recipient: recipient}}}); err != nil {
		return err
	}
	var changes []repo.Change
	err = a.found("init", func(r *repo.Repo) ([]repo.Change, error) {
		changes, err = a.initFiles(r, inv)
		return changes, err
	})
	if err != nil || a.quiet {
		return err
	}
	fmt.Fprintf(a.out, "user/%s is the admin of this fleet\n  recipient  %s\n  identity   %s\n", name, recipient, source)
	var paths []string
	for _, c := range changes {
		paths = append(paths, c.Path)
	}
	for _, line := range wrap("  wrote      ", paths) {
		fmt.Fprintln(a.out, line)
	}
	fmt.Fprintf(a.out, "next: keyreeve host add NAME --recipient age1…\n      keyreeve set common/services#password\n")
	return nil
}

// found writes the files that a fleet begins with, and accepts its grants as they
// are: they are the caller's own, or those of the rules that are adopted.
func (a *app) found(command string, files func(*repo.Repo) ([]repo.Change, error)) error {
	if err := repo.InitGit(a.ctx, a.dir); err != nil {
		return err
	}
	r, err := repo.OpenFolder(a.dir)
	if err != nil {
		return err
	}
	lock, err := a.lock(r, command)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	changes, err := files(r)
	if err != nil {
		return err
	}
	if err := r.Apply(a.ctx, "keyreeve "+command, changes, repo.WithoutUndo()); err != nil {
		return err
	}
	s, err := lockstep.OpenRepo(r, a.ring())
	if err != nil {
		return err
	}
	return s.AcceptAll(a.pinDir())
}

func (a *app) initFiles(r *repo.Repo, inv *fleet.Inventory) ([]repo.Change, error) {
	old, err := r.Read(lockstep.SopsConfig)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	config, err := inv.SopsYAML(old)
	if err != nil {
		return nil, err
	}
	changes := []repo.Change{
		{Path: repo.InventoryName, New: inv.Bytes()},
		{Path: lockstep.SopsConfig, Old: old, New: config},
	}
	more, err := begin.Changes(r)
	return append(changes, more...), err
}

// ownIdentity finds the user's key, or makes one.
func (a *app) ownIdentity(keyFile string, pq bool) (recipient, source string, err error) {
	if keyFile == "" {
		// Not the machine's own keys, which root finds too, and not what an SSH
		// key converts to, which plain sops does not open with.
		for _, id := range keys.Discover(keys.Options{}).Identities() {
			if native := id.Type() == keys.X25519 || id.Type() == keys.Hybrid; native && !id.Source().Converted {
				return id.Recipient(), id.Source().String(), nil
			}
		}
		if keyFile, err = keys.UserKeyFile(keys.Options{}); err != nil {
			return "", "", err
		}
	}
	data, err := os.ReadFile(keyFile)
	if err == nil {
		ids, err := keys.ParseIdentities(data, keyFile, keys.TerminalPrompt())
		if err != nil {
			return "", "", err
		}
		a.ring().Add(ids...)
		return ids[0].Recipient(), keyFile, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", "", err
	}
	id, err := keys.New(pq)
	if err != nil {
		return "", "", err
	}
	if err := id.Save(keyFile, keys.SaveOptions{}); err != nil {
		return "", "", err
	}
	a.ring().Add(id)
	return id.Recipient(), keyFile + " (made just now; keep a copy of it)", nil
}

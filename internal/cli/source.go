package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyreeve/internal/enroll"
	"keyreeve/internal/repo"
	"keyreeve/internal/term"
)

// scanTimeout is how long a machine may take to show its host keys.
const scanTimeout = 10 * time.Second

// A keySource says where the recipient of a host comes from.
type keySource struct {
	recipient, sshKey, scan, fingerprint, generate, kind string
	native                                               bool

	tree  *enroll.Tree
	later bool     // a dry run made the tree: the key will be another
	told  []string // what to say of the key before the preview
}

// flags adds the ways to name a host's key.
func (k *keySource) flags(c *cobra.Command) {
	c.Flags().StringVar(&k.sshKey, "ssh-host-key", "", "the key in this .pub or known_hosts `FILE`, - for stdin")
	c.Flags().StringVar(&k.scan, "scan", "", "ask the machine at `ADDRESS[:PORT]` with ssh-keyscan")
	c.Flags().StringVar(&k.fingerprint, "fingerprint", "", "with --scan: the key has to be `SHA256:…`")
	c.Flags().BoolVar(&k.native, "native-ssh", false, "keep the SSH key as it is, RSA too; sops-nix reads converted keys")
	c.Flags().StringVar(&k.generate, "generate", "", "make a key for a machine yet to be installed, below `DIR`")
	c.Flags().StringVar(&k.kind, "generate-key", enroll.SSHKey, "its `KIND`: ssh, or age or pq in /etc/sops/age.key")
}

// check refuses none and several sources, and flags without their source.
func (k *keySource) check(what string) error {
	n := 0
	for _, given := range []string{k.recipient, k.sshKey, k.scan, k.generate} {
		if given != "" {
			n++
		}
	}
	switch {
	case n == 0:
		return &usageError{what + " needs a recipient", "say --recipient age1…"}
	case n > 1:
		return &usageError{"the recipient is given more than once", "say one of --recipient, --ssh-host-key, --scan and --generate"}
	case k.fingerprint != "" && k.scan == "":
		return &usageError{"--fingerprint is for --scan", ""}
	case k.native && k.sshKey == "" && k.scan == "":
		return &usageError{"--native-ssh is for --ssh-host-key and --scan", ""}
	}
	return nil
}

// resolve finds or makes the recipient of a host.
func (a *app) resolve(k *keySource, host string) (err error) {
	switch {
	case k.generate != "":
		if err := a.outsideWorkTree(k.generate); err != nil {
			return err
		}
		if k.tree, err = enroll.Generate(k.kind, host); err != nil {
			return err
		}
		k.recipient, k.later = k.tree.Recipient, a.dryRun
		k.told = append(k.told, "a new key, "+k.tree.KeyFile+" below "+k.generate)
		return nil
	case k.sshKey != "":
		data, err := readInput(a.in, k.sshKey)
		if err != nil {
			return err
		}
		found, err := enroll.ParseHostKeys(data)
		if err != nil {
			return fmt.Errorf("%s: %w", k.sshKey, err)
		}
		return a.takeHostKey(k, found)
	case k.scan != "":
		found, err := enroll.Scan(a.ctx, k.scan, scanTimeout)
		if err != nil {
			return err
		}
		if err := a.takeHostKey(k, found); err != nil {
			return err
		}
		return a.confirmScan(k)
	}
	return nil
}

// takeHostKey sets the recipient from the one host key that fits.
func (a *app) takeHostKey(k *keySource, found []enroll.HostKey) error {
	key, err := enroll.Choose(found, k.native)
	if err != nil {
		return err
	}
	if k.scan != "" && k.fingerprint != "" && key.Fingerprint != k.fingerprint {
		return &enroll.FingerprintError{Address: k.scan, Want: k.fingerprint, Got: key.Fingerprint}
	}
	if key.RSA() {
		a.note("an RSA key is less strong than ed25519 and no age key: sops-nix does not read with it")
	}
	k.told = append(k.told, "SSH host key "+key.Type+" "+key.Fingerprint)
	k.recipient, err = key.Recipient(k.native)
	return err
}

// confirmScan has a person compare the fingerprint, unless it was given.
func (a *app) confirmScan(k *keySource) error {
	if k.fingerprint != "" || a.yes || a.dryRun {
		return nil
	}
	if a.json || !term.IsTerminal(a.in) {
		return &usageError{k.scan + " shows " + k.told[0] + ", and there is nobody to compare it", "say --fingerprint SHA256:…, or --yes to believe it"}
	}
	fmt.Fprintf(a.err, "%s shows %s\ncompare, on the machine: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\n", k.scan, k.told[0])
	return a.confirm("Is it the same?")
}

// outsideWorkTree refuses a folder for private keys that git would commit.
func (a *app) outsideWorkTree(dir string) error {
	r, err := repo.Open(a.dir)
	if err != nil || !r.HasGit() {
		return err
	}
	place, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	place = realPath(place)
	top, err := r.Git(a.ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(realPath(strings.TrimSpace(string(top))), place)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return nil
	}
	ignored, err := r.Ignored(a.ctx, filepath.Join(place, "etc", "key"))
	if err == nil && !ignored {
		return &conflictError{dir + " is in the work tree, and git does not ignore it: private keys would be committed", "name a folder elsewhere, such as $(mktemp -d)"}
	}
	return err
}

// realPath resolves the links in the part of a path that exists.
func realPath(place string) string {
	real, err := filepath.EvalSymlinks(place)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(place) != place {
		return filepath.Join(realPath(filepath.Dir(place)), filepath.Base(place))
	}
	if err != nil {
		return place
	}
	return real
}

// joins completes the change that gives a host the recipient: the new key is
// written before anything is encrypted to it.
func (k *keySource) joins(c *change, host string) {
	head := host + "  " + k.recipient
	switch {
	case k.later:
		head = host + "  its recipient is made when this is done"
	case len(k.recipient) > 62:
		head = host + "  " + k.recipient[:40] + "…"
	}
	lines := []string{head}
	for _, line := range k.told {
		lines = append(lines, "  from "+line)
	}
	c.preview = append(lines, c.preview...)
	if k.tree == nil {
		return
	}
	c.prepare = func() (func() error, error) {
		return func() error { return k.tree.Remove(k.generate) }, k.tree.Write(k.generate)
	}
	_, name, _ := strings.Cut(host, "/")
	c.after = []string{
		"next: nixos-anywhere --extra-files " + k.generate + " --flake .#" + name + " root@ADDRESS",
		"      or, for another installer, copy what is in " + k.generate + " to the new system's /",
		"      then: rm -r " + k.generate + "   (the host's private key is in it)",
	}
	if k.kind != enroll.SSHKey {
		c.after = append(c.after, `      for sops-nix, set sops.age.keyFile = "`+k.tree.KeyFile+`"`)
	}
}

func readInput(in *os.File, name string) ([]byte, error) {
	if name == "-" {
		return readAll(in)
	}
	return os.ReadFile(name)
}

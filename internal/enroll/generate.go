package enroll

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"

	"keyreeve/keys"
)

// The kinds of key that a new machine can be given.
const (
	SSHKey  = "ssh" // an ed25519 host key, which sops-nix finds by itself
	AgeKey  = "age" // an age identity in /etc/sops/age.key
	AgePQ   = "pq"  // the same, post-quantum
	ageFile = "etc/sops/age.key"
	sshFile = "etc/ssh/ssh_host_ed25519_key"
)

// A Tree is the part of a machine's root file system that holds its new key.
type Tree struct {
	Recipient string
	KeyFile   string // on the machine, such as /etc/sops/age.key
	files     []file
}

type file struct {
	path string
	mode fs.FileMode
	data []byte
}

// Generate makes a key of a kind for a host, in memory.
func Generate(kind, host string) (*Tree, error) {
	switch kind {
	case SSHKey:
		return sshTree(host)
	case AgeKey, AgePQ:
		return ageTree(kind == AgePQ)
	}
	return nil, &KeyError{fmt.Sprintf("there is no kind of key %q", kind), "ssh, age or pq"}
}

func sshTree(host string) (*Tree, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	comment := "root@" + host
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return nil, err
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, err
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " " + comment
	recipient, err := keys.RecipientFromSSH(line, false)
	if err != nil {
		return nil, err
	}
	return &Tree{Recipient: recipient, KeyFile: "/" + sshFile, files: []file{
		{sshFile, 0o600, pem.EncodeToMemory(block)},
		{sshFile + ".pub", 0o644, []byte(line + "\n")},
	}}, nil
}

func ageTree(pq bool) (*Tree, error) {
	id, err := keys.New(pq)
	if err != nil {
		return nil, err
	}
	secret, err := id.Reveal()
	if err != nil {
		return nil, err
	}
	text := "# public key: " + id.Recipient() + "\n" + secret + "\n"
	return &Tree{Recipient: id.Recipient(), KeyFile: "/" + ageFile, files: []file{{ageFile, 0o600, []byte(text)}}}, nil
}

// Write puts the tree below dir, which is made if it is missing, with the modes
// that the machine needs. Nothing is overwritten: an existing file is an error
// that [fs.ErrExist] matches. After an error nothing new is left but folders.
func (t *Tree) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for i, f := range t.files {
		if err := writeFile(root, f); err != nil {
			for _, done := range t.files[:i] {
				_ = root.Remove(done.path)
			}
			return fmt.Errorf("writing %s: %w", filepath.Join(dir, f.path), err)
		}
	}
	return nil
}

// Remove takes back what Write wrote.
func (t *Tree) Remove(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	var failed error
	for _, f := range t.files {
		failed = errors.Join(failed, root.Remove(f.path))
	}
	return failed
}

func writeFile(root *os.Root, f file) error {
	for i, r := range f.path {
		if r != '/' {
			continue
		}
		folder := f.path[:i]
		err := root.Mkdir(folder, 0o755)
		if err == nil {
			err = root.Chmod(folder, 0o755)
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	out, err := root.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode)
	if err != nil {
		return err
	}
	_, err = out.Write(f.data)
	if err = errors.Join(err, out.Chmod(f.mode), out.Sync(), out.Close()); err != nil {
		_ = root.Remove(f.path)
		return err
	}
	if folder, err := root.Open(path.Dir(f.path)); err == nil {
		_ = folder.Sync()
		_ = folder.Close()
	}
	return nil
}

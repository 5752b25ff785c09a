package keys

import (
	"crypto/x509"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// An sshFile is what is known of an SSH private key without its passphrase.
type sshFile struct {
	locked bool
	public ssh.PublicKey // nil if it cannot be known
}

// inspectSSH looks at a private key in PEM form; readPublic, which may be nil,
// returns the line of its .pub file for forms that hide the public key.
func inspectSSH(pem []byte, readPublic func() ([]byte, error)) sshFile {
	_, err := ssh.ParseRawPrivateKey(pem)
	var missing *ssh.PassphraseMissingError
	if !errors.As(err, &missing) {
		return sshFile{}
	}
	if missing.PublicKey != nil || readPublic == nil {
		return sshFile{locked: true, public: missing.PublicKey}
	}
	line, err := readPublic()
	if err != nil {
		return sshFile{locked: true}
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(line)
	if err != nil {
		return sshFile{locked: true}
	}
	return sshFile{locked: true, public: public}
}

// open asks for the passphrase of a locked key.
func (f sshFile) open(pem []byte, source Source, prompt PromptFunc) ([]*Identity, error) {
	passphrase, err := ask(prompt, fmt.Sprintf("Passphrase for the SSH key %s", source))
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParseRawPrivateKeyWithPassphrase(pem, passphrase)
	if errors.Is(err, x509.IncorrectPasswordError) {
		return nil, ErrPassphrase
	}
	if err != nil {
		return nil, errors.New("the SSH key cannot be decrypted; ssh-keygen -p -Z aes256-ctr changes its cipher to one that can")
	}
	ids, err := identitiesOfSSHKey(key, source)
	if err != nil {
		return nil, err
	}
	if f.public != nil && ids[0].Recipient() != canonicalSSH(f.public) {
		return nil, errors.New("the private key is not the one of the public key beside it")
	}
	return ids, nil
}

// recipients returns what the locked key opens, nil if that cannot be known.
func (f sshFile) recipients() []string {
	if f.public == nil {
		return nil
	}
	return sshRecipients(f.public)
}

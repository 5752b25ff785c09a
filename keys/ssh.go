package keys

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/plugin"
	"filippo.io/edwards25519"
	"golang.org/x/crypto/ssh"
)

// parseSSHLine parses "ssh-TYPE BASE64 [COMMENT]". Unlike
// [ssh.ParseAuthorizedKey] it takes no options, no other lines and no other
// blanks, and the type named must be the key's.
func parseSSHLine(s string) (key ssh.PublicKey, comment string, err error) {
	kind, rest, _ := strings.Cut(s, " ")
	blob, comment, _ := strings.Cut(rest, " ")
	raw, err := base64.StdEncoding.Strict().DecodeString(blob)
	if err != nil {
		return nil, "", malformed(s, "the part after the type is no base64")
	}
	key, err = ssh.ParsePublicKey(raw)
	if err != nil {
		return nil, "", malformed(s, "the part after the type is no SSH public key")
	}
	if key.Type() != kind {
		return nil, "", malformed(s, "the key is of another type than the text says")
	}
	return key, comment, nil
}

func canonicalSSH(key ssh.PublicKey) string {
	return key.Type() + " " + base64.StdEncoding.EncodeToString(key.Marshal())
}

// RecipientFromSSH returns the recipient for an SSH public key, given as a line
// of a .pub or authorized_keys file. An ed25519 key becomes the age recipient
// that ssh-to-age and sops-nix derive from it; native keeps it as it is,
// without its comment. An RSA key can only be kept.
func RecipientFromSSH(publicKeyLine string, native bool) (string, error) {
	if holdsPrivateKey(publicKeyLine) {
		return "", &RecipientError{Reason: PrivateKey, Hint: "give the public key, from the file that ends in .pub"}
	}
	line := strings.TrimSpace(publicKeyLine)
	if strings.ContainsAny(line, "\r\n") {
		return "", malformed(line, "give one public key at a time")
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return "", malformed(line, "this is no SSH public key")
	}
	r, err := newSSHRecipient(key, "")
	if err != nil {
		return "", err
	}
	s := r.String()
	if !native {
		if s, err = convertPublic(key); err != nil {
			return "", err
		}
	}
	if _, err := ParseRecipient(s); err != nil {
		return "", err
	}
	return s, nil
}

// convertPublic maps an ed25519 key to the age recipient for the same point in
// Montgomery form, see https://words.filippo.io/using-ed25519-keys-for-encryption.
func convertPublic(key ssh.PublicKey) (string, error) {
	crypto, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return "", unsupportedSSH(key.Type())
	}
	public, ok := crypto.CryptoPublicKey().(ed25519.PublicKey)
	if !ok {
		return "", &RecipientError{Reason: Unsupported, Input: abbreviate(canonicalSSH(key)),
			Hint: "only an ed25519 key converts to an age recipient; keep this one as an SSH recipient"}
	}
	point, err := new(edwards25519.Point).SetBytes(public)
	if err != nil {
		return "", malformed(canonicalSSH(key), "the public key is no point of the curve")
	}
	montgomery, err := ecdh.X25519().NewPublicKey(point.BytesMontgomery())
	if err != nil {
		return "", malformed(canonicalSSH(key), "the public key is no point of the curve")
	}
	return plugin.EncodeX25519Recipient(montgomery)
}

// convertPrivate returns the age identity of an ed25519 key, as ssh-to-age
// does: the scalar is the first half of the hash of the seed (RFC 8032, 5.1.5).
func convertPrivate(key ed25519.PrivateKey) (*age.X25519Identity, error) {
	hash := sha512.Sum512(key.Seed())
	return age.ParseX25519Identity(strings.ToUpper(bech32Encode("age-secret-key-", hash[:32])))
}

// isSSHPrivateKey reports whether data is in PEM form, as SSH private keys are.
func isSSHPrivateKey(data []byte) bool {
	start, _, _ := bytes.Cut(bytes.TrimLeft(data, " \t\r\n"), []byte("\n"))
	return bytes.HasPrefix(start, []byte("-----BEGIN")) && bytes.Contains(start, []byte("PRIVATE KEY"))
}

// sshIdentities returns the identities in an unencrypted SSH private key: the
// key itself and, for ed25519, the age identity that it converts to. For an
// encrypted key the error is an *[ssh.PassphraseMissingError].
func sshIdentities(pem []byte, source Source) ([]*Identity, error) {
	key, err := ssh.ParseRawPrivateKey(pem)
	var missing *ssh.PassphraseMissingError
	if errors.As(err, &missing) {
		return nil, missing
	}
	if err != nil {
		return nil, errors.New("malformed SSH private key")
	}
	return identitiesOfSSHKey(key, source)
}

func identitiesOfSSHKey(key any, source Source) ([]*Identity, error) {
	switch key := key.(type) {
	// ParseRawPrivateKey returns either, see https://filippo.io/age issue 429.
	case *ed25519.PrivateKey:
		return identitiesOfEd25519(*key, source)
	case ed25519.PrivateKey:
		return identitiesOfEd25519(key, source)
	case *rsa.PrivateKey:
		id, err := agessh.NewRSAIdentity(key)
		if err != nil {
			return nil, errors.New("malformed SSH private key")
		}
		public, err := ssh.NewPublicKey(&key.PublicKey)
		if err != nil {
			return nil, errors.New("malformed SSH private key")
		}
		return []*Identity{newIdentity(SSHRSA, id, "", canonicalSSH(public), source)}, nil
	}
	return nil, fmt.Errorf("unsupported SSH private key of type %T: age can use ed25519 and rsa", key)
}

func identitiesOfEd25519(key ed25519.PrivateKey, source Source) ([]*Identity, error) {
	id, err := agessh.NewEd25519Identity(key)
	if err != nil {
		return nil, errors.New("malformed SSH private key")
	}
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		return nil, errors.New("malformed SSH private key")
	}
	converted, err := convertPrivate(key)
	if err != nil {
		return nil, errors.New("malformed SSH private key")
	}
	asAge := source
	asAge.Converted = true
	return []*Identity{
		newIdentity(SSHEd25519, id, "", canonicalSSH(public), source),
		newIdentity(X25519, converted, converted.String(), converted.Recipient().String(), asAge),
	}, nil
}

// sshRecipients returns what the private key of an SSH public key can open.
func sshRecipients(key ssh.PublicKey) []string {
	recipients := []string{canonicalSSH(key)}
	if converted, err := convertPublic(key); err == nil {
		recipients = append(recipients, converted)
	}
	return recipients
}

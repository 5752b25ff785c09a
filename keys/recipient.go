package keys

import (
	"bytes"
	"crypto/ecdh"
	"fmt"
	"strings"
	"sync"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"filippo.io/age/plugin"
	"golang.org/x/crypto/ssh"
)

// A Type is a kind of recipient.
type Type int

// The types of recipient.
const (
	X25519     Type = iota // age1…
	Hybrid                 // age1pq1…, post-quantum
	SSHEd25519             // ssh-ed25519 …
	SSHRSA                 // ssh-rsa …
	Plugin                 // age1name1…
)

// String returns a short name, such as "ssh-rsa".
func (t Type) String() string {
	switch t {
	case X25519:
		return "x25519"
	case Hybrid:
		return "hybrid"
	case SSHEd25519:
		return "ssh-ed25519"
	case SSHRSA:
		return "ssh-rsa"
	case Plugin:
		return "plugin"
	}
	return fmt.Sprintf("Type(%d)", int(t))
}

// A Recipient is a public key that a data key can be wrapped to. Its zero value
// is not usable; [ParseRecipient] makes one.
type Recipient struct {
	typ       Type
	canonical string
	comment   string
	name      string        // of the plugin
	ssh       ssh.PublicKey // of the SSH types
	inner     age.Recipient
}

// ParseRecipient parses a recipient as it stands in a document's metadata:
// age1…, age1pq1…, ssh-ed25519 …, ssh-rsa … or age1plugin1…. It is strict: no
// surrounding blanks, no upper case, no options before an SSH key. Every error
// is a *[RecipientError]; none quotes what may be a private key.
func ParseRecipient(s string) (*Recipient, error) {
	if err := screenRecipient(s); err != nil {
		return nil, err
	}
	var r *Recipient
	var err error
	switch {
	case strings.HasPrefix(s, "age1pq1"):
		r, err = parseHybrid(s)
	case strings.HasPrefix(s, "age1") && strings.Count(s, "1") > 1:
		r, err = parsePlugin(s)
	case strings.HasPrefix(s, "age1"):
		r, err = parseX25519(s)
	case strings.HasPrefix(s, "ssh-"):
		r, err = parseSSH(s)
	default:
		err = &RecipientError{Reason: Malformed, Hint: "a recipient begins with age1, ssh-ed25519 or ssh-rsa"}
	}
	if err != nil {
		return nil, err
	}
	if !r.canWrap() {
		return nil, malformed(s, "no data key can be encrypted to this public key")
	}
	return r, nil
}

// canWrap reports whether anything can be encrypted to the key. One that is
// useless, such as a point of low order, is refused when it is read and not when
// a document is half written. A plugin is not asked.
func (r *Recipient) canWrap() bool {
	switch r.typ {
	case Plugin:
		return true
	case X25519:
		// An inventory has hundreds; wrapping takes two scalar multiplications.
		return !lowOrder(bech32Data(r.canonical))
	}
	_, err := r.inner.Wrap(make([]byte, 16))
	return err == nil
}

func parseX25519(s string) (*Recipient, error) {
	const hint = "the checksum or the length is wrong; copy the whole public key again"
	if _, err := age.ParseX25519Recipient(s); err != nil {
		return nil, malformed(s, hint)
	}
	public, err := ecdh.X25519().NewPublicKey(bech32Data(s))
	if err != nil {
		return nil, malformed(s, hint)
	}
	return &Recipient{typ: X25519, canonical: s, inner: &x25519Recipient{public}}, nil
}

func parseHybrid(s string) (*Recipient, error) {
	r, err := age.ParseHybridRecipient(s)
	if err != nil {
		return nil, malformed(s, "the checksum or the length is wrong; a post-quantum recipient has about 1,960 characters")
	}
	return &Recipient{typ: Hybrid, canonical: s, inner: r}, nil
}

func parsePlugin(s string) (*Recipient, error) {
	name, _, err := plugin.ParseRecipient(s)
	if err != nil {
		return nil, malformed(s, "the checksum or the plugin's name is wrong; copy the whole recipient again")
	}
	r, err := newPluginRecipient(s)
	if err != nil {
		return nil, malformed(s, "the checksum or the plugin's name is wrong; copy the whole recipient again")
	}
	return &Recipient{typ: Plugin, canonical: s, name: name, inner: r}, nil
}

func parseSSH(s string) (*Recipient, error) {
	key, comment, err := parseSSHLine(s)
	if err != nil {
		return nil, err
	}
	return newSSHRecipient(key, comment)
}

func newSSHRecipient(key ssh.PublicKey, comment string) (*Recipient, error) {
	r := &Recipient{canonical: canonicalSSH(key), comment: comment, ssh: key}
	var err error
	switch key.Type() {
	case ssh.KeyAlgoED25519:
		r.typ = SSHEd25519
		r.inner, err = agessh.NewEd25519Recipient(key)
	case ssh.KeyAlgoRSA:
		r.typ = SSHRSA
		r.inner, err = agessh.NewRSARecipient(key)
	default:
		return nil, unsupportedSSH(key.Type())
	}
	if err != nil && r.typ == SSHRSA {
		return nil, &RecipientError{Reason: Unsupported, Input: abbreviate(r.canonical),
			Hint: "an RSA key needs at least 2048 bits"}
	}
	if err != nil {
		return nil, malformed(r.canonical, "the public key is no point of the curve")
	}
	return r, nil
}

// Type returns the recipient's type.
func (r *Recipient) Type() Type { return r.typ }

// String returns the recipient's one canonical text: two recipients are the
// same key if and only if these are equal. The comment of an SSH key is left
// out.
func (r *Recipient) String() string { return r.canonical }

// Comment returns the comment after an SSH public key, or "".
func (r *Recipient) Comment() string { return r.comment }

// PluginName returns NAME of a plugin recipient, whose program is
// age-plugin-NAME, or "" for the other types.
func (r *Recipient) PluginName() string { return r.name }

// Wrap encrypts dataKey to the recipient and returns an armored age file with
// exactly one stanza, the text that sops keeps in `enc` (it ends in a newline).
// A plugin gets a minute and no way to ask.
func (r *Recipient) Wrap(dataKey []byte) (string, error) {
	var b bytes.Buffer
	armored := armor.NewWriter(&b)
	w, err := age.Encrypt(armored, r.inner)
	if err != nil {
		return "", fmt.Errorf("wrapping a data key to %s: %w", abbreviate(r.canonical), err)
	}
	if _, err := w.Write(dataKey); err != nil {
		return "", fmt.Errorf("wrapping a data key: %w", err)
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("wrapping a data key: %w", err)
	}
	if err := armored.Close(); err != nil {
		return "", fmt.Errorf("wrapping a data key: %w", err)
	}
	if r.typ == Plugin {
		// age's own recipients make one stanza of their type; a plugin may not.
		if err := r.Check(b.String()); err != nil {
			return "", fmt.Errorf("wrapping a data key: %w", err)
		}
	}
	return b.String(), nil
}

// A Wrapper wraps data keys and parses each recipient once, which costs as much
// as wrapping one data key. Its zero value is ready; it is safe for concurrent
// use.
type Wrapper struct{ parsed sync.Map }

// Wrap is [ParseRecipient] followed by [Recipient.Wrap].
func (w *Wrapper) Wrap(recipient string, dataKey []byte) (string, error) {
	if r, ok := w.parsed.Load(recipient); ok {
		return r.(*Recipient).Wrap(dataKey)
	}
	r, err := ParseRecipient(recipient)
	if err != nil {
		return "", err
	}
	w.parsed.Store(recipient, r)
	return r.Wrap(dataKey)
}

// Wrap is [Wrapper.Wrap] for a single data key.
func Wrap(recipient string, dataKey []byte) (string, error) {
	return new(Wrapper).Wrap(recipient, dataKey)
}

// canonicalRecipient returns the canonical text of a recipient, or s itself if
// it does not parse: labels in documents are compared, not trusted.
func canonicalRecipient(s string) string {
	if !strings.HasPrefix(s, "ssh-") {
		return s
	}
	if key, _, err := parseSSHLine(s); err == nil {
		return canonicalSSH(key)
	}
	return s
}

package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
	"filippo.io/age/plugin"
)

// A PromptFunc asks a person for a secret, such as a passphrase.
type PromptFunc func(message string) ([]byte, error)

// ErrNoPrompt is returned where a passphrase is needed and there is no way to
// ask for it.
var ErrNoPrompt = errors.New("a passphrase is needed and there is no way to ask for it")

// ErrPassphrase is returned for a wrong passphrase.
var ErrPassphrase = errors.New("wrong passphrase")

const (
	pluginPrefix = "AGE-PLUGIN-"
	hybridPrefix = "AGE-SECRET-KEY-PQ-1"
	x25519Prefix = "AGE-SECRET-KEY-1"

	// maxIdentityFile bounds an identity file, as in age and sops.
	maxIdentityFile = 16 << 20
)

// An IdentityError says which line of an identity file was refused, and why.
// It never quotes the line.
type IdentityError struct {
	Line int
	Msg  string
}

func (e *IdentityError) Error() string {
	if e.Line == 0 {
		return e.Msg
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Msg)
}

// ParseIdentities parses what may hold private keys: an identity file as
// age-keygen writes it, one AGE-SECRET-KEY-… or AGE-PLUGIN-…, an SSH private
// key, or any of these in an age file encrypted with a passphrase. prompt is
// called for a passphrase; if it is nil, what needs one gives [ErrNoPrompt].
// source names the origin in messages.
//
// An SSH ed25519 key gives two identities: itself and the age identity that it
// converts to. The result is never empty without an error.
func ParseIdentities(data []byte, source string, prompt PromptFunc) ([]*Identity, error) {
	p := parser{ui: pluginUI{prompt: prompt, timeout: DefaultTimeout}}
	from := Source{Name: source}
	if isAgeFile(data) {
		return p.openAgeFile(data, from, prompt)
	}
	if isSSHPrivateKey(data) {
		key := inspectSSH(data, nil)
		if key.locked {
			return key.open(data, from, prompt)
		}
		return sshIdentities(data, from)
	}
	ids, err := p.parseLines(data, from, false)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return nil, &IdentityError{Msg: "no identity in it"}
	}
	return ids, nil
}

// A parser turns text into identities; ui is handed to those of plugins.
type parser struct {
	ui pluginUI
}

// parseLines reads one identity a line, or several words a line as sops does
// for SOPS_AGE_KEY. Empty lines and those that begin with # are skipped.
func (p parser) parseLines(data []byte, source Source, words bool) ([]*Identity, error) {
	if len(data) > maxIdentityFile {
		return nil, &IdentityError{Msg: "it is too long for an identity file"}
	}
	var ids []*Identity
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		items := []string{line}
		if words {
			items = strings.Fields(line)
		}
		for _, item := range items {
			id, msg := p.parseOne(item, source)
			if msg != "" {
				return nil, &IdentityError{Line: number, Msg: msg}
			}
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// parseOne returns an identity, or what is wrong. The errors of age are not
// passed on: they may describe the key's characters.
func (p parser) parseOne(s string, source Source) (id *Identity, msg string) {
	switch {
	case strings.HasPrefix(s, pluginPrefix):
		inner, err := plugin.NewIdentity(s, nil)
		if err != nil {
			return nil, "malformed plugin identity"
		}
		return newIdentity(Plugin, p.ui.identity(inner.Name(), s), s, "", source), ""
	case strings.HasPrefix(s, hybridPrefix):
		inner, err := age.ParseHybridIdentity(s)
		if err != nil {
			return nil, "malformed post-quantum age identity" + blankHint(s)
		}
		return newIdentity(Hybrid, inner, s, inner.Recipient().String(), source), ""
	case strings.HasPrefix(s, x25519Prefix):
		inner, err := age.ParseX25519Identity(s)
		if err != nil {
			return nil, "malformed age identity" + blankHint(s)
		}
		return newIdentity(X25519, inner, s, inner.Recipient().String(), source), ""
	case strings.HasPrefix(s, "age1"), strings.HasPrefix(s, "ssh-"):
		return nil, "a public key where a private one belongs"
	}
	return nil, "no age identity" + blankHint(s)
}

func blankHint(s string) string {
	if strings.TrimSpace(s) != s {
		return "; remove the blanks around it"
	}
	return ""
}

// isAgeFile reports whether data is an age file, armored or not.
func isAgeFile(data []byte) bool {
	return bytes.HasPrefix(data, []byte("age-encryption")) || bytes.HasPrefix(data, []byte("-----BEGIN AGE"))
}

// openAgeFile asks for a passphrase and parses the identities inside.
func (p parser) openAgeFile(data []byte, source Source, prompt PromptFunc) ([]*Identity, error) {
	var r io.Reader = bytes.NewReader(data)
	if bytes.HasPrefix(data, []byte("-----BEGIN")) {
		r = armor.NewReader(r)
	}
	lazy := &scryptIdentity{ask: func() ([]byte, error) {
		return ask(prompt, fmt.Sprintf("Passphrase for the identities in %s", source))
	}}
	plain, err := age.Decrypt(r, lazy)
	switch {
	case lazy.err != nil:
		return nil, lazy.err
	case err != nil && !lazy.asked:
		return nil, &IdentityError{Msg: "an age file that no passphrase opens"}
	case err != nil:
		return nil, &IdentityError{Msg: "a damaged age file"}
	}
	text, err := io.ReadAll(io.LimitReader(plain, maxIdentityFile+1))
	if err != nil {
		return nil, &IdentityError{Msg: "a damaged age file"}
	}
	if isSSHPrivateKey(text) {
		return sshIdentities(text, source)
	}
	ids, err := p.parseLines(text, source, false)
	if err == nil && len(ids) == 0 {
		return nil, &IdentityError{Msg: "no identity in it"}
	}
	return ids, err
}

// ask calls prompt and refuses an empty answer.
func ask(prompt PromptFunc, message string) ([]byte, error) {
	if prompt == nil {
		return nil, ErrNoPrompt
	}
	answer, err := prompt(message)
	if err != nil {
		return nil, fmt.Errorf("asking for a passphrase: %w", err)
	}
	if len(answer) == 0 {
		return nil, errors.New("asking for a passphrase: none was given")
	}
	return answer, nil
}

// A scryptIdentity asks for a passphrase only when a file needs one, and keeps
// the reason if that fails.
type scryptIdentity struct {
	ask   func() ([]byte, error)
	asked bool
	err   error
}

// Unwrap implements [age.Identity].
func (i *scryptIdentity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if len(stanzas) != 1 || stanzas[0].Type != "scrypt" {
		return nil, age.ErrIncorrectIdentity
	}
	i.asked = true
	passphrase, err := i.ask()
	if err != nil {
		i.err = err
		return nil, err
	}
	inner, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, err
	}
	fileKey, err := inner.Unwrap(stanzas)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		i.err = ErrPassphrase
	}
	return fileKey, err
}

package keys

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// maxWrapped bounds an armored age file that holds a data key; the largest, to
// a post-quantum recipient, takes 2 KiB.
const maxWrapped = 1 << 20

// A FileKind says which part of a wrapped key is broken.
type FileKind string

// The parts.
const (
	BadArmor   FileKind = "armor"
	BadHeader  FileKind = "header"
	BadMAC     FileKind = "header MAC"
	BadPayload FileKind = "payload"
)

// A FileError says that a wrapped key is broken or forged, whoever holds the
// identity for it.
type FileError struct {
	Kind FileKind
	Err  error
}

func (e *FileError) Error() string {
	return fmt.Sprintf("wrapped key is broken: %s: %v", e.Kind, e.Err)
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// Inspect returns the types of the stanzas in an armored age file, in order,
// without any key. Its error is a *[FileError].
func Inspect(enc string) ([]string, error) {
	stanzas, err := readStanzas(enc)
	if err != nil {
		return nil, err
	}
	types := make([]string, len(stanzas))
	for i, stanza := range stanzas {
		types[i] = stanza[0]
	}
	return types, nil
}

// Check reports whether enc is what wrapping to the recipient gives: exactly
// one stanza, of the recipient's type and for an SSH key with its fingerprint.
// It needs no key, and so it cannot tell for whom the others are.
func (r *Recipient) Check(enc string) error {
	stanzas, err := readStanzas(enc)
	if err != nil {
		return err
	}
	if len(stanzas) != 1 {
		return &FileError{Kind: BadHeader, Err: fmt.Errorf("it has %d stanzas instead of one", len(stanzas))}
	}
	got := stanzas[0]
	want := ""
	switch r.typ {
	case X25519:
		want = "X25519"
	case Hybrid:
		want = "mlkem768x25519"
	case SSHEd25519, SSHRSA:
		want = r.ssh.Type()
	case Plugin:
		// A plugin may use any type, but a passphrase is never its.
		if got[0] != "scrypt" {
			want = got[0]
		}
	}
	if got[0] != want {
		return &FileError{Kind: BadHeader, Err: fmt.Errorf("its stanza of type %q is not for a recipient of type %s", got[0], r.typ)}
	}
	if r.ssh != nil && (len(got) < 2 || got[1] != sshTag(r.ssh.Marshal())) {
		return &FileError{Kind: BadHeader, Err: fmt.Errorf("its stanza is for another %s key", r.typ)}
	}
	return nil
}

// sshTag is the short hash of a public key in its stanzas
// (https://age-encryption.org/v1 leaves it to agessh).
func sshTag(marshalled []byte) string {
	sum := sha256.Sum256(marshalled)
	return base64.RawStdEncoding.EncodeToString(sum[:4])
}

// dearmor returns the binary age file in enc.
func dearmor(enc string) ([]byte, error) {
	if len(enc) > maxWrapped {
		return nil, &FileError{Kind: BadArmor, Err: fmt.Errorf("it has %d bytes, too many for a wrapped key", len(enc))}
	}
	file, err := io.ReadAll(armor.NewReader(strings.NewReader(enc)))
	if err != nil {
		return nil, &FileError{Kind: BadArmor, Err: err}
	}
	return file, nil
}

// readStanzas returns the type and arguments of each stanza. A header that age
// has read is in canonical form: lines that begin with "-> " are stanzas and
// nothing else is, since bodies are base64.
func readStanzas(enc string) ([][]string, error) {
	file, err := dearmor(enc)
	if err != nil {
		return nil, err
	}
	header, err := age.ExtractHeader(bytes.NewReader(file))
	if err != nil {
		return nil, &FileError{Kind: BadHeader, Err: err}
	}
	var stanzas [][]string
	for line := range strings.Lines(string(header)) {
		if args, ok := strings.CutPrefix(line, "-> "); ok {
			stanzas = append(stanzas, strings.Fields(args))
		}
	}
	return stanzas, nil
}

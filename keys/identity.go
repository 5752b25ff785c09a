package keys

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"filippo.io/age"
)

// A Source says where an identity came from, or would have.
type Source struct {
	// Name is an environment variable, a caller's own words, or "" for a file
	// in its usual place.
	Name string
	// Path is the file, if it was one.
	Path string
	// Converted is set on the age identity that an SSH key converts to.
	Converted bool
}

// String returns the source in words, such as
// "SOPS_AGE_KEY_FILE (/home/tim/keys.txt)".
func (s Source) String() string {
	text := s.Name
	switch {
	case s.Path != "" && text != "":
		text += " (" + s.Path + ")"
	case s.Path != "":
		text = s.Path
	}
	if s.Converted {
		text += " as an age key"
	}
	return text
}

// An Identity is a private key that can unwrap data keys. However it is
// printed, logged or encoded, only its public part shows; [Identity.Reveal]
// and [Identity.Save] are the only ways to the key.
//
// Its zero value opens nothing. It is safe for concurrent use.
type Identity struct {
	// A pointer, so that printing a struct that holds an Identity in an
	// unexported field, where fmt calls no method, shows an address.
	key *privatePart
}

type privatePart struct {
	typ       Type
	recipient string
	source    Source
	// Functions, so that no walk by reflection finds the key.
	inner  func() age.Identity
	secret func() string // the encoding, "" if there is none
}

func newIdentity(typ Type, inner age.Identity, secret, recipient string, source Source) *Identity {
	return &Identity{key: &privatePart{
		typ:       typ,
		recipient: recipient,
		source:    source,
		inner:     func() age.Identity { return inner },
		secret:    func() string { return secret },
	}}
}

// New makes an age identity, a post-quantum one if pq.
func New(pq bool) (*Identity, error) {
	if pq {
		id, err := age.GenerateHybridIdentity()
		if err != nil {
			return nil, fmt.Errorf("making an identity: %w", err)
		}
		return newIdentity(Hybrid, id, id.String(), id.Recipient().String(), Source{Name: "new"}), nil
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("making an identity: %w", err)
	}
	return newIdentity(X25519, id, id.String(), id.Recipient().String(), Source{Name: "new"}), nil
}

// Recipient returns the recipient that the identity opens, in canonical form,
// or "" if that cannot be known (a plugin's identity).
func (id Identity) Recipient() string {
	if id.key == nil {
		return ""
	}
	return id.key.recipient
}

// Type returns the type of the recipient that the identity opens.
func (id Identity) Type() Type {
	if id.key == nil {
		return X25519
	}
	return id.key.typ
}

// Source returns where the identity came from.
func (id Identity) Source() Source {
	if id.key == nil {
		return Source{}
	}
	return id.key.source
}

// ErrNoEncoding is returned by [Identity.Reveal] and [Identity.Save] for a key
// that has no age form, which is an SSH key used as it is.
var ErrNoEncoding = errors.New("an SSH key cannot be written as an age identity")

// Reveal returns the private key as age-keygen writes it. The caller must not
// print, log or store it other than where keys are kept.
func (id Identity) Reveal() (string, error) {
	if id.key == nil || id.key.secret() == "" {
		return "", ErrNoEncoding
	}
	return id.key.secret(), nil
}

// String returns the public part: "identity age1… from SOURCE".
func (id Identity) String() string {
	if id.key == nil {
		return "identity (none)"
	}
	recipient := id.key.recipient
	if recipient == "" {
		recipient = "of an unknown recipient"
	}
	return "identity " + abbreviate(recipient) + " from " + id.key.source.String()
}

// Format prints the public part, whatever the verb.
func (id Identity) Format(state fmt.State, verb rune) {
	_, _ = io.WriteString(state, id.String())
}

// GoString returns what String does.
func (id Identity) GoString() string { return id.String() }

// MarshalText returns what String does.
func (id Identity) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// MarshalJSON returns the public part as {"recipient","source"}.
func (id Identity) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Recipient string `json:"recipient"`
		Source    string `json:"source"`
	}{id.Recipient(), id.Source().String()})
}

// LogValue returns the public part.
func (id Identity) LogValue() slog.Value { return slog.StringValue(id.String()) }

// opens reports whether the identity is known to open recipient, a canonical
// text.
func (id *Identity) opens(recipient string) bool {
	return recipient != "" && id.key.recipient == recipient
}

// isPlugin reports whether using the identity starts a program.
func (id *Identity) isPlugin() bool {
	return strings.HasPrefix(id.key.secret(), pluginPrefix)
}

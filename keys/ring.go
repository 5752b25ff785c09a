package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"filippo.io/age"
)

// A Problem is a source of identities that could not be read.
type Problem struct {
	Source Source
	Err    error
}

// A Locked is a source that has not been opened yet, since it needs a
// passphrase or a command. Recipients is what it is known to open, if anything.
type Locked struct {
	Source     Source
	Needs      string // "passphrase", "command" or what [Ring.AddSource] was told
	Recipients []string
}

// A Ring is a set of identities and of sources that may hold more. It is safe
// for concurrent use; a person is asked for each passphrase once.
type Ring struct {
	mu       sync.Mutex
	ids      []*Identity
	locked   []*lockedSource
	problems []Problem
	missing  []string
}

// NewRing returns a ring of the given identities. [Discover] returns one of
// those that the machine has.
func NewRing(ids ...*Identity) *Ring {
	r := new(Ring)
	r.Add(ids...)
	return r
}

// Add adds identities, behind those that the ring has. One that it has already
// is not added again.
func (r *Ring) Add(ids ...*Identity) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		if id == nil || id.key == nil {
			continue
		}
		same := func(other *Identity) bool {
			return other.key.typ == id.key.typ && other.key.recipient == id.key.recipient &&
				other.key.secret() == id.key.secret()
		}
		if !slices.ContainsFunc(r.ids, same) {
			r.ids = append(r.ids, id)
		}
	}
}

// AddSource adds a source that is opened only when no identity at hand opens a
// data key, such as a vault. needs says what opening takes, in a word or two.
// open gets the recipient sought and is called once for each recipient.
func (r *Ring) AddSource(name, needs string, open func(recipient string) ([]*Identity, error)) {
	r.lock(&lockedSource{source: Source{Name: name}, needs: needs, perRecipient: true, open: open})
}

// Identities returns the identities at hand, in the order in which they are
// tried. What is locked is not among them, see [Ring.Locked].
func (r *Ring) Identities() []*Identity {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.ids)
}

// Problems returns the sources that could not be read. They matter only if
// nothing else decrypts.
func (r *Ring) Problems() []Problem {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.problems)
}

// Missing returns the places where nothing was found.
func (r *Ring) Missing() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.missing)
}

// Locked returns the sources that were not needed so far.
func (r *Ring) Locked() []Locked {
	var found []Locked
	for _, source := range r.lockedSources() {
		if !source.wasOpened() {
			found = append(found, Locked{Source: source.source, Needs: source.needs, Recipients: slices.Clone(source.recipients)})
		}
	}
	return found
}

// Has reports whether the ring is known to hold the identity of recipient, be
// it behind a passphrase. What plugins, commands and encrypted identity files
// open is not known.
func (r *Ring) Has(recipient string) bool {
	target := canonicalRecipient(recipient)
	for _, id := range r.Identities() {
		if id.opens(target) {
			return true
		}
	}
	for _, source := range r.lockedSources() {
		if slices.Contains(source.recipients, target) {
			return true
		}
	}
	return false
}

// Unwrap opens enc, the armored age file listed for recipient, and returns the
// data key in it. Identities of that recipient are tried first, then the others
// at hand, since the label is not bound to the file; then plugins, commands and
// what a passphrase guards. Its error is a *[NoIdentityError] if none fits, a
// *[FileError] if enc is broken.
//
// A document lists several recipients: [Open] avoids asking a person for the
// first while the last opens with a key at hand.
func (r *Ring) Unwrap(recipient, enc string) ([]byte, error) {
	return r.unwrap(recipient, enc, true)
}

// UnwrapQuietly is Unwrap with the identities at hand only: it asks no person
// and starts no program.
func (r *Ring) UnwrapQuietly(recipient, enc string) ([]byte, error) {
	return r.unwrap(recipient, enc, false)
}

// Open calls unlock, such as the Unlock method of a document, for the recipients
// that the identities at hand are for, so that the last of hundreds costs no
// more than the first; if that fails, with [Ring.UnwrapQuietly], and in the end
// with [Ring.Unwrap].
func Open[F ~func(recipient, enc string) ([]byte, error)](r *Ring, unlock func(F) error) error {
	if unlock(r.unwrapOwn) == nil || unlock(r.UnwrapQuietly) == nil {
		return nil
	}
	return unlock(r.Unwrap)
}

// errNotOwn says that no identity at hand is known to be for a recipient.
var errNotOwn = errors.New("no identity at hand is for this recipient")

func (r *Ring) unwrapOwn(recipient, enc string) ([]byte, error) {
	label := canonicalRecipient(recipient)
	if !slices.ContainsFunc(r.Identities(), func(id *Identity) bool { return id.opens(label) }) {
		return nil, errNotOwn
	}
	return r.UnwrapQuietly(recipient, enc)
}

func (r *Ring) unwrap(recipient, enc string, all bool) ([]byte, error) {
	file, err := dearmor(enc)
	if err != nil {
		return nil, err
	}
	a := &attempt{file: file, recipient: canonicalRecipient(recipient)}
	ids := r.Identities()
	a.tryAll(ids, false)
	if a.done() {
		return a.dataKey, a.err
	}
	stanzas, err := readStanzas(enc)
	if err != nil {
		return nil, err
	}
	if all {
		a.tryAll(ids, true)
		for _, source := range r.lockedSources() {
			if a.done() {
				break
			}
			if !source.mayOpen(a.recipient, stanzas) {
				continue
			}
			opened := source.get(r, recipient)
			a.tryAll(opened, false)
			a.tryAll(opened, true)
		}
	}
	if a.done() {
		return a.dataKey, a.err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return nil, &NoIdentityError{Recipient: recipient, Tried: a.tried,
		Problems: slices.Clone(r.problems), Missing: slices.Clone(r.missing)}
}

// An attempt is the opening of one wrapped key.
type attempt struct {
	file      []byte
	recipient string
	tried     []Tried
	dataKey   []byte
	err       error // final: no other identity can help
}

func (a *attempt) done() bool { return a.dataKey != nil || a.err != nil }

// tryAll tries the identities that are plugins, or those that are not: the ones
// of the recipient first, the others after them.
func (a *attempt) tryAll(ids []*Identity, plugins bool) {
	for _, fits := range []bool{true, false} {
		for _, id := range ids {
			if a.done() {
				return
			}
			if id.isPlugin() == plugins && id.opens(a.recipient) == fits {
				a.try(id)
			}
		}
	}
}

func (a *attempt) try(id *Identity) {
	watched := &watchedIdentity{inner: id.key.inner()}
	fileKey, err := age.DecryptHeader(a.file, watched)
	noMatch := new(age.NoIdentityMatchError)
	switch {
	case err == nil:
		a.dataKey, a.err = readPayload(a.file, fileKey)
	case errors.As(err, &noMatch):
		a.tried = append(a.tried, Tried{Recipient: id.Recipient(), Source: id.Source()})
	case id.isPlugin():
		// Another identity may still fit when a plugin fails.
		a.tried = append(a.tried, Tried{Recipient: id.Recipient(), Source: id.Source(), Err: err})
	case watched.opened:
		a.err = &FileError{Kind: BadMAC, Err: errors.New("it does not match the key")}
	default:
		a.err = &FileError{Kind: BadHeader, Err: err}
	}
}

// readPayload decrypts the data key. It never returns nil without an error.
func readPayload(file, fileKey []byte) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(file), age.NewInjectedFileKeyIdentity(fileKey))
	if err != nil {
		return nil, &FileError{Kind: BadHeader, Err: err}
	}
	dataKey, err := io.ReadAll(r)
	if err != nil {
		return nil, &FileError{Kind: BadPayload, Err: err}
	}
	return dataKey, nil
}

// A watchedIdentity remembers that its stanza opened, which tells a wrong
// header MAC from a malformed stanza.
type watchedIdentity struct {
	inner  age.Identity
	opened bool
}

// Unwrap implements [age.Identity].
func (w *watchedIdentity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	fileKey, err := w.inner.Unwrap(stanzas)
	w.opened = err == nil
	return fileKey, err
}

// Tried is an identity that did not open a data key. Err is nil if it simply
// is for another recipient.
type Tried struct {
	Recipient string
	Source    Source
	Err       error
}

// A NoIdentityError says that no identity opens a data key, and what was tried.
type NoIdentityError struct {
	Recipient string    // as listed in the document
	Tried     []Tried   // in order
	Problems  []Problem // sources that could not be read
	Missing   []string  // places where nothing was found
}

func (e *NoIdentityError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "no identity opens the data key for %s", abbreviate(printable(e.Recipient)))
	for i, t := range e.Tried {
		b.WriteString([]string{"; tried ", ", "}[min(i, 1)])
		if t.Recipient != "" {
			b.WriteString(abbreviate(t.Recipient) + " from ")
		}
		b.WriteString(t.Source.String())
		if t.Err != nil {
			fmt.Fprintf(&b, " (%s)", printable(t.Err.Error()))
		}
	}
	for _, p := range e.Problems {
		fmt.Fprintf(&b, "; %s: %v", p.Source, p.Err)
	}
	if len(e.Missing) > 0 {
		b.WriteString("; nothing at " + strings.Join(e.Missing, ", "))
	}
	return b.String()
}

package sops

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrNotEncrypted reports input without sops metadata.
	ErrNotEncrypted = errors.New("no sops metadata: the document is not encrypted")
	// ErrLocked reports an operation that needs the data key before [Document.Unlock].
	ErrLocked = errors.New("the document is locked")
	// ErrNotWrapped reports a data key or a recipient that is new, without
	// [Document.Wrap] after it.
	ErrNotWrapped = errors.New("the data key is not wrapped for every recipient")
	// ErrUnverified reports an operation that needs a verified, decrypted document.
	ErrUnverified = errors.New("the document is not decrypted")
)

var (
	// ErrReserved is wrapped by the *[SyntaxError] of plaintext that has a key
	// which belongs to sops metadata: it may be encrypted already.
	ErrReserved = errors.New("a key is reserved for sops metadata")
	// ErrEmpty is wrapped by the *[SyntaxError] of an empty YAML file.
	ErrEmpty = errors.New("the document is empty")
	// ErrNoPlace is wrapped by the *[SyntaxError] of text that is good YAML but
	// holds what SOPS documents do not: a key that is no string, an integer
	// beyond 64 bits.
	ErrNoPlace = errors.New("sops cannot hold this")
)

// A SyntaxError reports input that does not parse. Line and Column count from
// one and are zero where unknown.
type SyntaxError struct {
	Format       Format
	Line, Column int
	Msg          string
	Err          error // ErrReserved, ErrEmpty, ErrNoPlace or nil
}

// Unwrap returns Err.
func (e *SyntaxError) Unwrap() error { return e.Err }

func (e *SyntaxError) Error() string {
	switch {
	case e.Line > 0 && e.Column > 0:
		return fmt.Sprintf("line %d, column %d: invalid %s: %s", e.Line, e.Column, e.Format, e.Msg)
	case e.Line > 0:
		return fmt.Sprintf("line %d: invalid %s: %s", e.Line, e.Format, e.Msg)
	}
	return fmt.Sprintf("invalid %s: %s", e.Format, e.Msg)
}

// An IntegrityError reports a document that is not what its writer sealed: a
// wrong or missing MAC, a ciphertext that does not open, plaintext in an
// entry's place. It never holds a value.
type IntegrityError struct {
	Path []string // key path of the entry; empty for the whole document
	Msg  string
}

func (e *IntegrityError) Error() string {
	if len(e.Path) == 0 {
		return e.Msg
	}
	return FormatPath(e.Path) + ": " + e.Msg
}

// A PathError reports a key path that a document does not have, or that does
// not fit what is there.
type PathError struct {
	Path    []string // the whole path asked for
	Reason  PathReason
	Nearest string // the path with a sibling key that is spelled alike, or empty
}

// PathReason says why a key path could not be followed.
type PathReason int

const (
	PathMissing   PathReason = iota // no such key or index
	PathNotMap                      // a scalar stands where the path goes on
	PathNotIndex                    // a list is indexed by a word
	PathDuplicate                   // the key stands twice
	PathOccupied                    // a map or list would be replaced by a scalar, or the reverse
)

func (e *PathError) Error() string {
	path := FormatPath(e.Path)
	switch e.Reason {
	case PathNotMap:
		return path + " goes through a single value"
	case PathNotIndex:
		return path + " indexes a list with something that is no number"
	case PathDuplicate:
		return path + " stands in the document more than once"
	case PathOccupied:
		return path + " would replace a map or list by a single value, or the reverse"
	}
	return "no entry " + path
}

// A ForeignKeyError reports an operation that would have to wrap the data key
// for keys that only sops itself can reach.
type ForeignKeyError struct {
	Keys []string // such as "pgp 85D77543B3D624B6…"
}

func (e *ForeignKeyError) Error() string {
	return "the data key is also wrapped for keys that only sops can use: " + strings.Join(e.Keys, ", ")
}

// FormatPath joins the segments of a key path as refs write them: "/" between
// segments, "~1" for a slash and "~0" for a tilde inside one.
func FormatPath(path []string) string {
	escaped := make([]string, len(path))
	for i, segment := range path {
		escaped[i] = pathEscaper.Replace(segment)
	}
	return strings.Join(escaped, "/")
}

var pathEscaper = strings.NewReplacer("~", "~0", "/", "~1")

package edit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/sops"
)

// A Reader reads values, and opens each document once.
type Reader struct {
	s      *lockstep.Session
	opts   sops.DecryptOptions
	opened map[string]*sops.Document
}

// NewReader returns a reader of a repository's working tree.
func NewReader(s *lockstep.Session, opts sops.DecryptOptions) *Reader {
	return &Reader{s, opts, map[string]*sops.Document{}}
}

func (r *Reader) open(doc string) (string, *sops.Document, error) {
	path, err := r.s.Repo.Resolve(doc)
	if err != nil {
		return "", nil, err
	}
	if d := r.opened[path]; d != nil {
		return path, d, nil
	}
	d, _, err := r.s.Read(path)
	if err != nil {
		return "", nil, err
	}
	if err := r.s.DecryptWith(path, d, r.opts); err != nil {
		return "", nil, err
	}
	r.opened[path] = d
	return path, d, nil
}

// Get returns the bytes of what ref names: a single value as sops prints it for
// --extract, a map or list in the document's format, a whole document.
func (r *Reader) Get(ref repo.Ref) ([]byte, error) {
	path, d, err := r.open(ref.Doc)
	if err != nil {
		return nil, err
	}
	if len(ref.Path) == 0 && ref.Tree == 0 {
		return d.Plain(d.Format)
	}
	n, err := d.Lookup(ref.Tree, ref.Path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.s.Repo.Name(path), err)
	}
	return d.ValueBytes(n)
}

// A FormatError reports a value that a format cannot show.
type FormatError struct{ Ref, Reason string }

func (e *FormatError) Error() string { return e.Ref + " " + e.Reason }

// GetAs is [Reader.Get] in JSON or YAML; a string is quoted.
func (r *Reader) GetAs(ref repo.Ref, format sops.Format) ([]byte, error) {
	path, d, err := r.open(ref.Doc)
	if err != nil {
		return nil, err
	}
	if d.Format == sops.Binary {
		return nil, &FormatError{ref.String(), "is a binary document: it has no other format"}
	}
	if len(ref.Path) == 0 && ref.Tree == 0 {
		if len(d.Trees) > 1 && format != sops.YAML {
			return nil, &FormatError{ref.String(), fmt.Sprintf("holds %d YAML documents: name one, as in %s#~d1", len(d.Trees), ref)}
		}
		return d.Plain(format)
	}
	n, err := d.Lookup(ref.Tree, ref.Path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.s.Repo.Name(path), err)
	}
	if n.Kind == sops.String {
		return quoted(ref, n.Text)
	}
	return sops.NewDocument(format).ValueBytes(n)
}

// quoted writes a string as JSON does, which is YAML too.
func quoted(ref repo.Ref, text string) ([]byte, error) {
	if !utf8.ValidString(text) {
		return nil, &FormatError{ref.String(), "is not UTF-8, which JSON and YAML cannot hold"}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(text)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), err
}

// GetEntryOnly returns one value on its own tag, without opening the rest of the
// document: nothing then shows that the document is whole. See
// [sops.Document.DecryptEntryWithoutMAC].
func GetEntryOnly(s *lockstep.Session, ref repo.Ref) ([]byte, error) {
	path, err := s.Repo.Resolve(ref.Doc)
	if err != nil {
		return nil, err
	}
	d, _, err := s.Read(path)
	if err != nil {
		return nil, err
	}
	if err := s.Unlock(path, d); err != nil {
		return nil, err
	}
	keyPath := ref.Path
	if d.Format == sops.Binary {
		keyPath = []string{"data"}
	}
	n, err := d.DecryptEntryWithoutMAC(ref.Tree, keyPath)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Repo.Name(path), err)
	}
	return sops.NewDocument(d.Format).ValueBytes(n)
}

// flat returns the children of a document's top; in an INI document keys without
// a section are as good as there.
func flat(d *sops.Document) []*sops.Node {
	all := d.Trees[0].Values()
	if d.Format == sops.INI && len(all) > 0 && all[0].Key == "DEFAULT" {
		return append(all[0].Values(), all[1:]...)
	}
	return all
}

// Environment returns the values of a flat document by name, for a child
// process.
func (r *Reader) Environment(doc string) (map[string]string, error) {
	path, d, err := r.open(doc)
	if err != nil {
		return nil, err
	}
	if d.Format == sops.Binary {
		return nil, fmt.Errorf("%s is a binary document: name it with --map", path)
	}
	if len(d.Trees) > 1 {
		return nil, fmt.Errorf("%s holds %d YAML documents: name entries with --map", path, len(d.Trees))
	}
	values := map[string]string{}
	for _, n := range flat(d) {
		data, err := d.ScalarBytes(n)
		if err != nil || !n.Kind.IsScalar() {
			return nil, fmt.Errorf("%s: %s is no single value: name what is in it with --map", path, n.Key)
		}
		if _, twice := values[n.Key]; twice {
			return nil, fmt.Errorf("%s: %s stands twice", path, n.Key)
		}
		values[n.Key] = string(data)
	}
	return values, nil
}

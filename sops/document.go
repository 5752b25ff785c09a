package sops

import (
	"bytes"
	"strings"

	"gopkg.in/ini.v1"
)

// A Document is one SOPS file, or the plaintext that is to become one.
type Document struct {
	Format   Format
	Trees    []*Node // one map; several for a YAML stream
	Metadata Metadata
	// Indent is the number of spaces a level, for YAML and JSON. Negative means
	// the default of sops: 4 for YAML, a tab for JSON.
	Indent int
	// KeepInline makes [Document.Plain] leave a comment on the line of its value.
	// sops moves one that was encrypted to the line above.
	KeepInline bool
	// KeepVersion makes [Document.Seal] leave the sops version of a document that
	// has one, as sops does for all but an edit.
	KeepVersion bool

	encrypted  bool // parsed with metadata
	verified   bool // values are decrypted, or were plaintext from the start
	fromBinary bool // one value, for which there is no selection rule
	dataKey    []byte
}

// Parse reads an encrypted document. It needs no key and checks no MAC. It
// returns [ErrNotEncrypted] where there is no sops section, a *[SyntaxError]
// for text that does not parse and an *[IntegrityError] for bad metadata.
func Parse(data []byte, format Format) (*Document, error) {
	trees, err := read(data, format)
	if err != nil {
		return nil, err
	}
	section, err := cutSection(trees, format)
	if err != nil {
		return nil, err
	}
	metadata, err := parseMetadata(section)
	if err != nil {
		return nil, err
	}
	return &Document{Format: format, Trees: trees, Metadata: metadata, Indent: -1, encrypted: true}, nil
}

// ParsePlain reads plaintext. The document has a default selection rule and no
// recipients. It refuses input that has a sops section.
func ParsePlain(data []byte, format Format) (*Document, error) {
	var trees []*Node
	var err error
	if format == Binary {
		trees = []*Node{MapNode(Item("data", StringNode(string(data))))}
	} else if trees, err = read(data, format); err != nil {
		return nil, err
	}
	d := NewDocument(format)
	d.Trees, d.fromBinary = trees, format == Binary
	for _, tree := range trees {
		if name, ok := reservedKey(tree, format); ok && format != Binary {
			return nil, &SyntaxError{Format: format, Msg: "the key " + name + " is reserved for sops metadata; is the document encrypted already?", Err: ErrReserved}
		}
	}
	return d, nil
}

// NewDocument returns an empty plaintext document. In INI it has the section
// DEFAULT, as every INI file has for the library that sops uses.
func NewDocument(format Format) *Document {
	d := &Document{Format: format, Trees: []*Node{MapNode()}, Indent: -1, verified: true}
	if format == INI {
		d.Trees[0].Children = []*Node{Item(ini.DefaultSection, MapNode())}
	}
	if format != Binary {
		d.Metadata.Selection.UnencryptedSuffix = DefaultUnencryptedSuffix
	}
	return d
}

func read(data []byte, format Format) ([]*Node, error) {
	switch format {
	case YAML:
		return readYAML(data)
	case Dotenv:
		return readDotenv(data)
	case INI:
		return readINI(data)
	}
	return readJSON(data)
}

func reservedKey(tree *Node, format Format) (string, bool) {
	for _, child := range tree.Values() {
		if child.Key == metadataKey && format != Dotenv || format == Dotenv && strings.HasPrefix(child.Key, metadataKey+"_") {
			return child.Key, true
		}
	}
	return "", false
}

// cutSection takes the metadata out of the trees; only the first document's
// counts.
func cutSection(trees []*Node, format Format) (*Node, error) {
	var sections []*Node
	var flat []*Node
	for i, tree := range trees {
		kept := tree.Children[:0]
		for _, child := range tree.Children {
			flatName, isFlat := strings.CutPrefix(child.Key, metadataKey+"_")
			switch {
			case child.Kind == Comment:
				kept = append(kept, child)
			case format == Dotenv && isFlat:
				flat = append(flat, &Node{Key: flatName, Kind: child.Kind, Text: child.Text})
			case format != Dotenv && child.Key == metadataKey:
				if i == 0 {
					sections = append(sections, child)
				}
			default:
				kept = append(kept, child)
			}
		}
		tree.Children = kept
	}
	if format == Dotenv {
		if len(flat) == 0 {
			return nil, ErrNotEncrypted
		}
		return unflatten(flat)
	}
	if len(sections) == 0 {
		return nil, ErrNotEncrypted
	}
	if len(sections) > 1 {
		return nil, &IntegrityError{Msg: "the document has two sops sections"}
	}
	if format != INI {
		return sections[0], nil
	}
	fields := sections[0].Values()
	unescapeNewlines(fields)
	return unflatten(fields)
}

// Verified reports whether the values of d are plaintext: decrypted and
// checked, or never encrypted.
func (d *Document) Verified() bool { return d.verified }

// DecryptOptions steer [Document.Decrypt].
type DecryptOptions struct {
	// IgnoreMAC accepts a wrong or missing MAC. Each value is still bound to
	// its key path by its own tag.
	IgnoreMAC bool
}

// Decrypt turns every value into plaintext in place and verifies the MAC over
// all of them. After an error the document must not be used any more. It
// returns [ErrLocked] before [Document.Unlock] and an *[IntegrityError] if the
// document is not what was sealed.
func (d *Document) Decrypt(opts DecryptOptions) error {
	if d.verified {
		return nil
	}
	if d.dataKey == nil {
		return ErrLocked
	}
	s, err := newSealer(d.dataKey)
	if err != nil {
		return err
	}
	mac := newMAC(d.Metadata.MACOnlyEncrypted)
	for _, tree := range d.Trees {
		err := walk(tree, d.Metadata.Selection.compile(), func(w *walker, v visit) error {
			if v.encrypts {
				if err := s.openNode(w, v); err != nil {
					return err
				}
			}
			mac.add(v)
			return nil
		})
		if err != nil {
			return err
		}
	}
	if !opts.IgnoreMAC {
		if err := d.checkMAC(s, mac.sum()); err != nil {
			return err
		}
	}
	d.verified = true
	return nil
}

// openNode decrypts one leaf in place.
func (s *sealer) openNode(w *walker, v visit) error {
	n := v.node
	if n.Text == "" && (n.Kind == String || n.Kind == Comment) {
		return nil
	}
	if n.Kind == Comment {
		s.openComment(w, v)
		return nil
	}
	if n.Kind != String {
		return &IntegrityError{Path: w.pathTo(n), Msg: errNoCipher.Error()}
	}
	text, kind, err := s.open(n.Text, v.aad)
	if err != nil {
		return &IntegrityError{Path: w.pathTo(n), Msg: err.Error()}
	}
	if kind == Comment && !v.inList {
		return &IntegrityError{Path: w.pathTo(n), Msg: "a comment stands in an entry's place"}
	}
	n.sealed = seal{cipher: n.Text, text: text, kind: kind, aad: hashAAD(v.aad)}
	n.Text, n.Kind = text, kind
	return nil
}

// openComment decrypts a comment, which sops may have moved below a list or map
// that it followed: then it is bound to a place further up. A comment that does
// not open was never encrypted, or is lost; it stays as it is.
func (s *sealer) openComment(w *walker, v visit) {
	n := v.node
	if !isCipher(n.Text) {
		return
	}
	aad := v.aad
	for {
		text, kind, err := s.open(n.Text, aad)
		if err == nil && kind == Comment {
			n.sealed = seal{cipher: n.Text, text: text, kind: kind, aad: hashAAD(aad)}
			n.Text = text
			return
		}
		if len(aad) <= 1 {
			return
		}
		cut := strings.LastIndexByte(string(aad[:len(aad)-1]), ':')
		if cut < 0 {
			aad = []byte{':'}
		} else {
			aad = aad[:cut+1]
		}
	}
}

// Plain returns the plaintext of a decrypted document in the given format. Only
// YAML holds more than the first document of a stream; JSON drops comments.
func (d *Document) Plain(format Format) ([]byte, error) {
	if !d.verified {
		return nil, ErrUnverified
	}
	if format == Binary {
		if value := d.Trees[0].Child("data"); value != nil && value.Kind == String {
			return []byte(value.Text), nil
		}
		return nil, &PathError{Path: []string{"data"}}
	}
	as := Document{Format: format, Indent: d.Indent, KeepInline: d.KeepInline, verified: true}
	out, _, err := as.write(d.Trees)
	return out, err
}

// ScalarBytes returns one decrypted value as sops prints it for --extract: a
// string byte for byte, other values as YAML or JSON writes them, without a
// final newline.
func (d *Document) ScalarBytes(n *Node) ([]byte, error) {
	if !d.verified {
		return nil, ErrUnverified
	}
	switch {
	case n.Kind == String:
		return []byte(n.Text), nil
	case d.Format == JSON:
		return writeJSONValue(n, d.Indent)
	case d.Format == YAML:
		out, err := writeYAMLValue(n)
		return bytes.TrimSuffix(out, []byte{'\n'}), err
	}
	return []byte(flatText(n)), nil
}

// ValueBytes returns a decrypted value in the document's format: a map or a
// list as a document of its own, anything else as [Document.ScalarBytes] does.
func (d *Document) ValueBytes(n *Node) ([]byte, error) {
	if n.Kind.IsScalar() {
		return d.ScalarBytes(n)
	}
	if !d.verified {
		return nil, ErrUnverified
	}
	if d.Format == YAML {
		return writeYAMLValue(n)
	}
	return writeJSONValue(n, d.Indent)
}

// RaiseComments moves each comment that was encrypted on the line of a value to
// the line above it, as sops does whenever it decrypts. [Document.Seal] leaves
// them in their place otherwise.
func (d *Document) RaiseComments() {
	for _, tree := range d.Trees {
		tree.raiseComments()
	}
}

func (n *Node) raiseComments() {
	if n.Inline && n.sealed.cipher != "" {
		n.Inline = false
	}
	for _, child := range n.Children {
		child.raiseComments()
	}
}

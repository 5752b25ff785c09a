package sops

import (
	"bytes"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"hash"
	"hash/maphash"
	"strings"
	"time"
)

// A Document is one SOPS file, or the plaintext that is to become one.
type Document struct {
	Format   Format
	Trees    []*Node // one map; several for a YAML stream
	Metadata Metadata
	// Indent is the number of spaces a level, for YAML and JSON. Negative means
	// the default of sops: 4 for YAML, a tab for JSON.
	Indent int

	encrypted bool // parsed with metadata
	verified  bool // values are decrypted, or were plaintext from the start
	dataKey   []byte
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
	d.Trees = trees
	for _, tree := range trees {
		if name, ok := reservedKey(tree, format); ok && format != Binary {
			return nil, &SyntaxError{Format: format, Msg: "the key " + name + " is reserved for sops metadata; is the document encrypted already?"}
		}
	}
	return d, nil
}

// NewDocument returns an empty plaintext document.
func NewDocument(format Format) *Document {
	d := &Document{Format: format, Trees: []*Node{MapNode()}, Indent: -1, verified: true}
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

func (d *Document) checkMAC(s *sealer, sum string) error {
	modified, err := time.Parse(time.RFC3339, d.Metadata.LastModified)
	if err != nil {
		return &IntegrityError{Msg: "sops.lastmodified is not a time"}
	}
	if d.Metadata.MAC == "" {
		return &IntegrityError{Msg: "the document has no MAC"}
	}
	want, kind, err := s.open(d.Metadata.MAC, []byte(modified.Format(time.RFC3339)))
	if err != nil || kind != String {
		return &IntegrityError{Msg: "the MAC does not open: it or lastmodified was changed"}
	}
	if subtle.ConstantTimeCompare([]byte(want), []byte(sum)) != 1 {
		return &IntegrityError{Msg: "the MAC does not match: a value was changed, moved, added or removed"}
	}
	return nil
}

// Seal encrypts what changed, computes the MAC with now as the time of the last
// modification, and returns the bytes of the file. The caller must have set
// recipients and called [Document.Wrap] if the data key is new.
func (d *Document) Seal(now time.Time) ([]byte, error) {
	if !d.verified {
		return nil, ErrUnverified
	}
	if d.dataKey == nil {
		return nil, ErrLocked
	}
	if err := d.Metadata.Selection.Validate(); err != nil {
		return nil, err
	}
	if d.Metadata.Selection == (Selection{}) && d.Format != Binary {
		d.Metadata.Selection.UnencryptedSuffix = DefaultUnencryptedSuffix
	}
	s, err := newSealer(d.dataKey)
	if err != nil {
		return nil, err
	}
	mac := newMAC(d.Metadata.MACOnlyEncrypted)
	sealed := make([]*Node, len(d.Trees))
	for i, tree := range d.Trees {
		ciphers, err := s.sealTree(tree, d.Metadata.Selection.compile(), mac)
		if err != nil {
			return nil, err
		}
		sealed[i] = withCiphers(tree, ciphers)
	}
	d.Metadata.LastModified = now.UTC().Format(time.RFC3339)
	if d.Metadata.MAC, err = s.seal(mac.sum(), String, []byte(d.Metadata.LastModified)); err != nil {
		return nil, err
	}
	d.Metadata.Version = FormatVersion
	d.encrypted = true
	return d.emit(sealed)
}

// sealTree returns the cipher strings of a tree by node, and remembers them.
func (s *sealer) sealTree(tree *Node, sel *selector, mac *macHash) (map[*Node]string, error) {
	ciphers := make(map[*Node]string)
	err := walk(tree, sel, func(w *walker, v visit) error {
		mac.add(v)
		n := v.node
		if !v.encrypts {
			return nil
		}
		aad := hashAAD(v.aad)
		if n.sealed.cipher == "" || n.sealed.text != n.Text || n.sealed.kind != n.Kind || n.sealed.aad != aad {
			cipher, err := s.seal(n.Text, n.Kind, v.aad)
			if err != nil {
				return err
			}
			n.sealed = seal{cipher: cipher, text: n.Text, kind: n.Kind, aad: aad}
		}
		ciphers[n] = n.sealed.cipher
		return nil
	})
	return ciphers, err
}

// withCiphers returns a copy of a tree in which cipher strings stand for
// values. A comment in a list becomes an ordinary item, as sops writes it.
func withCiphers(n *Node, ciphers map[*Node]string) *Node {
	if cipher, ok := ciphers[n]; ok {
		if n.Kind == Comment {
			return &Node{Kind: Comment, Inline: n.Inline, Text: cipher}
		}
		return &Node{Key: n.Key, Kind: String, Text: cipher}
	}
	if n.Children == nil {
		return n
	}
	out := &Node{Key: n.Key, Kind: n.Kind, Children: make([]*Node, len(n.Children))}
	for i, child := range n.Children {
		out.Children[i] = withCiphers(child, ciphers)
		if _, sealed := ciphers[child]; sealed && n.Kind == List && child.Kind == Comment {
			out.Children[i].Kind = String
		}
	}
	return out
}

// Encode returns the file's bytes without touching values, MAC or time: after
// [Document.Wrap] of a document that was not decrypted.
func (d *Document) Encode() ([]byte, error) {
	if d.verified {
		return nil, ErrUnverified
	}
	return d.emit(d.Trees)
}

func (d *Document) emit(trees []*Node) ([]byte, error) {
	section := d.Metadata.section()
	with := make([]*Node, len(trees))
	for i, tree := range trees {
		if name, ok := reservedKey(tree, d.Format); ok {
			return nil, &SyntaxError{Format: d.Format, Msg: "the key " + name + " is reserved for sops metadata"}
		}
		with[i] = MapNode(append(tree.Children[:len(tree.Children):len(tree.Children)], d.sectionItems(section)...)...)
	}
	return d.write(with)
}

// sectionItems returns the metadata in the form of the document's format.
func (d *Document) sectionItems(section *Node) []*Node {
	switch d.Format {
	case Dotenv:
		flat := flatten(section)
		for _, n := range flat {
			n.Key = metadataKey + "_" + n.Key
		}
		return flat
	case INI:
		flat := flatten(section)
		escapeNewlines(flat)
		return []*Node{Item(metadataKey, MapNode(flat...))}
	}
	return []*Node{section}
}

func (d *Document) write(trees []*Node) ([]byte, error) {
	switch d.Format {
	case YAML:
		return writeYAML(trees, d.Indent)
	case Dotenv:
		return writeDotenv(trees[0])
	case INI:
		return writeINI(trees)
	}
	return writeJSON(trees[0], d.Indent)
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
	out := Document{Format: format, Indent: d.Indent}
	return out.write(d.Trees)
}

// macHash computes the MAC: SHA-512 over the text of every value in document
// order, without separators. Comments are not covered.
type macHash struct {
	hash          hash.Hash
	onlyEncrypted bool
	buf           []byte
}

// macOnlyEncryptedSeed is SHA-256("sops"), which sops hashes first where only
// encrypted values count, so that the two kinds of MAC never agree.
const macOnlyEncryptedSeed = "8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69"

func newMAC(onlyEncrypted bool) *macHash {
	m := &macHash{hash: sha512.New(), onlyEncrypted: onlyEncrypted}
	if onlyEncrypted {
		seed, _ := hex.DecodeString(macOnlyEncryptedSeed)
		m.hash.Write(seed)
	}
	return m
}

func (m *macHash) add(v visit) {
	if v.node.Kind == Comment || m.onlyEncrypted && !v.encrypts {
		return
	}
	m.buf = append(m.buf[:0], v.node.Text...)
	m.hash.Write(m.buf)
}

func (m *macHash) sum() string { return strings.ToUpper(hex.EncodeToString(m.hash.Sum(nil))) }

var aadSeed = maphash.MakeSeed()

func hashAAD(aad []byte) uint64 { return maphash.Bytes(aadSeed, aad) }

func newDataKey() ([]byte, error) {
	key := make([]byte, dataKeySize)
	_, err := rand.Read(key)
	return key, err
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

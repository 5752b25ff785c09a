package sops

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"time"
)

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
	if err := errors.Join(d.checkWrapped(), d.Metadata.Selection.Validate()); err != nil {
		return nil, err
	}
	if d.Metadata.Selection == (Selection{}) && !d.fromBinary && d.Format != Binary {
		d.Metadata.Selection.UnencryptedSuffix = DefaultUnencryptedSuffix
	}
	s, err := newSealer(d.dataKey)
	if err != nil {
		return nil, err
	}
	mac := newMAC(d.Metadata.MACOnlyEncrypted)
	sealed := make([]*Node, len(d.Trees))
	for i, tree := range d.Trees {
		if err := s.sealTree(tree, d.Metadata.Selection.compile(), mac); err != nil {
			return nil, err
		}
		sealed[i] = withCiphers(tree)
	}
	d.Metadata.LastModified = now.UTC().Format(time.RFC3339)
	if d.Metadata.MAC, err = s.seal(mac.sum(), String, []byte(d.Metadata.LastModified)); err != nil {
		return nil, err
	}
	if !d.KeepVersion || d.Metadata.Version == "" {
		d.Metadata.Version = FormatVersion
	}
	d.encrypted = true
	out, exact, err := d.emit(sealed)
	if err == nil && (!exact || d.Metadata.Selection.compile().usesComments) {
		err = d.checkSealed(out)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// sealTree encrypts what changed in a tree. Afterwards exactly the nodes that are
// encrypted remember a ciphertext.
func (s *sealer) sealTree(tree *Node, sel *selector, mac *macHash) error {
	return walk(tree, sel, func(w *walker, v visit) error {
		mac.add(v)
		n := v.node
		if !v.encrypts {
			n.sealed = seal{}
			return nil
		}
		aad := hashAAD(v.aad)
		if n.sealed.cipher != "" && n.sealed.text == n.Text && n.sealed.kind == n.Kind && n.sealed.aad == aad {
			return nil
		}
		cipher, err := s.seal(n.Text, n.Kind, v.aad)
		n.sealed = seal{cipher: cipher, text: n.Text, kind: n.Kind, aad: aad}
		return err
	})
}

// withCiphers returns a copy of a sealed tree in which cipher strings stand for
// values. A comment in a list becomes an ordinary item, as sops writes it.
func withCiphers(n *Node) *Node {
	out := &Node{Key: n.Key, Kind: n.Kind, Children: make([]*Node, len(n.Children))}
	copies := make([]Node, len(n.Children))
	for i, child := range n.Children {
		switch {
		case child.sealed.cipher == "" && child.Children == nil:
			out.Children[i] = child
			continue
		case child.sealed.cipher == "":
			out.Children[i] = withCiphers(child)
			continue
		case child.Kind == Comment && n.Kind != List:
			copies[i] = Node{Kind: Comment, Inline: child.Inline, Text: child.sealed.cipher}
		default:
			copies[i] = Node{Key: child.Key, Kind: String, Text: child.sealed.cipher}
		}
		out.Children[i] = &copies[i]
	}
	return out
}

// Encode returns the file's bytes without touching values, MAC or time: after
// [Document.Wrap] of a document that was not decrypted.
func (d *Document) Encode() ([]byte, error) {
	if d.verified {
		return nil, ErrUnverified
	}
	if err := d.checkWrapped(); err != nil {
		return nil, err
	}
	out, exact, err := d.emit(d.Trees)
	if err == nil && !exact {
		err = d.checkEncoded(out)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// emit returns the file's bytes. They are exact if they surely parse to the same
// values; otherwise the caller checks.
func (d *Document) emit(trees []*Node) (out []byte, exact bool, err error) {
	section := d.Metadata.section()
	with := make([]*Node, len(trees))
	for i, tree := range trees {
		if name, ok := reservedKey(tree, d.Format); ok {
			return nil, false, &SyntaxError{Format: d.Format, Msg: "the key " + name + " is reserved for sops metadata"}
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

func (d *Document) write(trees []*Node) (out []byte, exact bool, err error) {
	switch d.Format {
	case YAML:
		return writeYAML(trees, yamlOptions{indent: d.Indent, raise: d.verified && !d.KeepInline})
	case Dotenv:
		out, err = writeDotenv(trees[0])
		return out, false, err
	case INI:
		out, err = writeINI(trees)
		return out, false, err
	}
	return writeJSON(trees[0], d.Indent)
}

var aadSeed = maphash.MakeSeed()

func hashAAD(aad []byte) uint64 { return maphash.Bytes(aadSeed, aad) }

func newDataKey() ([]byte, error) {
	key := make([]byte, dataKeySize)
	_, err := rand.Read(key)
	return key, err
}

// checkSealed proves that out decrypts to the values of d. The emitters of sops,
// which ours equal, do not give back every text; and a comment may move, which
// counts where comments select what is encrypted.
func (d *Document) checkSealed(out []byte) error {
	again, err := Parse(out, d.Format)
	if err == nil {
		again.dataKey = d.dataKey
		err = again.Decrypt(DecryptOptions{})
	}
	if err != nil {
		return fmt.Errorf("%s cannot hold this document: what was sealed does not open again: %w", d.Format, err)
	}
	return d.checkSame(again)
}

// checkEncoded proves that out parses to the values of d.
func (d *Document) checkEncoded(out []byte) error {
	again, err := Parse(out, d.Format)
	if err != nil {
		return fmt.Errorf("%s cannot hold this document: %w", d.Format, err)
	}
	return d.checkSame(again)
}

func (d *Document) checkSame(again *Document) error {
	sameKeys := func(a, b KeyGroup) bool { return slices.Equal(a.Age, b.Age) }
	if d.Metadata.Selection.compile().Selection != again.Metadata.Selection ||
		!slices.EqualFunc(d.Metadata.Groups, again.Metadata.Groups, sameKeys) {
		return fmt.Errorf("%s cannot hold the metadata of this document: it would come back changed", d.Format)
	}
	if len(d.Trees) != len(again.Trees) {
		return fmt.Errorf("%s cannot hold this document: it would come back as another number of documents", d.Format)
	}
	for i, tree := range d.Trees {
		if path := difference(tree, again.Trees[i]); path != nil {
			return fmt.Errorf("%s cannot hold %s: it would come back changed", d.Format, FormatPath(path))
		}
	}
	return nil
}

// difference returns the key path of the first value in which two trees differ,
// or nil. Comments do not count, and a float without a fraction equals an int,
// as which the format gives it back.
func difference(a, b *Node) []string {
	if a.Kind != b.Kind && !(a.Kind.isNumber() && b.Kind.isNumber()) || a.Text != b.Text {
		return []string{}
	}
	av, bv := a.Values(), b.Values()
	for i, child := range av {
		if i == len(bv) || child.Key != bv[i].Key {
			return []string{segment(a, child)}
		}
		if path := difference(child, bv[i]); path != nil {
			return slices.Insert(path, 0, segment(a, child))
		}
	}
	if len(bv) > len(av) {
		return []string{segment(b, bv[len(av)])}
	}
	return nil
}

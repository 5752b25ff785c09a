package sops

import "slices"

// Readable calls fn for every value that stands in the document unencrypted by
// its selection rule, in document order. The path is valid during the call only.
// Nulls, empty maps and empty lists are never encrypted and do not count.
func (d *Document) Readable(fn func(tree int, path []string)) {
	for i, tree := range d.Trees {
		_ = walk(tree, d.Metadata.Selection.compile(), func(w *walker, v visit) error {
			if !v.encrypts && v.node.Kind != Comment {
				fn(i, w.pathTo(v.node))
			}
			return nil
		})
	}
}

// Unsealed calls fn for each value that the selection rule says is encrypted and
// that stands in the clear in a document which is not decrypted. It needs no
// key. Nulls and empty strings are never encrypted.
func (d *Document) Unsealed(fn func(tree int, keyPath []string)) {
	if d.verified {
		return
	}
	for i, tree := range d.Trees {
		_ = walk(tree, d.Metadata.Selection.compile(), func(w *walker, v visit) error {
			if v.encrypts && v.node.Kind != Comment && v.node.Text != "" && !(v.node.Kind == String && isCipher(v.node.Text)) {
				fn(i, w.pathTo(v.node))
			}
			return nil
		})
	}
}

// Ciphertexts returns the cipher strings of the values of a document that is
// still encrypted, in document order.
func (d *Document) Ciphertexts() []string {
	var all []string
	d.Entries(func(_ int, _ []string, n *Node) {
		if n.Kind == String && isCipher(n.Text) {
			all = append(all, n.Text)
		}
	})
	return all
}

// SharesCiphertext reports whether two documents that are still encrypted hold an
// equal cipher string. A renewed data key leaves none.
func (d *Document) SharesCiphertext(other *Document) bool {
	mine := map[string]bool{}
	for _, c := range d.Ciphertexts() {
		mine[c] = true
	}
	return slices.ContainsFunc(other.Ciphertexts(), func(c string) bool { return mine[c] })
}

package sops

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

// Rule returns the one field that is set and its value, as sops names it.
func (s Selection) Rule() (key, value string) {
	for _, key := range selectionKeys {
		if value := *s.field(key); value != "" {
			return key, value
		}
	}
	return "unencrypted_suffix", DefaultUnencryptedSuffix
}

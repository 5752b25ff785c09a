package sops

// DecryptEntryWithoutMAC returns a decrypted copy of the entry at a key path of
// a document that is unlocked but not decrypted, and leaves the document as it
// is. A map or list comes with all that is below it.
//
// It trades integrity for not having to open every value: each value is bound
// to its own keys by its tag, but nothing shows that the rest of the document is
// whole, that the value is not an old one or taken from another place of the
// same list, nor that a value which the selection rule leaves readable is what
// was sealed. Use [Document.Decrypt] unless that is known not to matter.
//
// It returns [ErrLocked] before [Document.Unlock], a *[PathError] for a path
// that does not exist and an *[IntegrityError] for a value that does not open.
func (d *Document) DecryptEntryWithoutMAC(tree int, path []string) (*Node, error) {
	target, err := d.Lookup(tree, path)
	if err != nil {
		return nil, err
	}
	if d.verified {
		return target.Clone(), nil
	}
	if d.dataKey == nil {
		return nil, ErrLocked
	}
	s, err := newSealer(d.dataKey)
	if err != nil {
		return nil, err
	}
	opened := map[*Node]*Node{}
	err = walk(d.Trees[tree], d.Metadata.Selection.compile(), func(w *walker, v visit) error {
		if v.node != target && !w.inside(target) {
			return nil
		}
		leaf := *v.node
		opened[v.node] = &leaf
		if !v.encrypts {
			return nil
		}
		v.node = &leaf
		return s.openNode(w, v)
	})
	if err != nil {
		return nil, err
	}
	return replaced(target, opened), nil
}

// inside reports whether the leaf being visited lies below n.
func (w *walker) inside(n *Node) bool {
	for _, parent := range w.parents {
		if parent == n {
			return true
		}
	}
	return false
}

// replaced returns a copy of a tree with other leaves.
func replaced(n *Node, leaves map[*Node]*Node) *Node {
	if leaf, ok := leaves[n]; ok {
		return leaf.Clone()
	}
	out := *n
	out.Children = make([]*Node, len(n.Children))
	for i, child := range n.Children {
		out.Children[i] = replaced(child, leaves)
	}
	return &out
}

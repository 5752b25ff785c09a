package sops

import (
	"slices"
	"strconv"
	"strings"

	"gopkg.in/ini.v1"
)

// Lookup returns the node at a key path in the tree-th document of the stream
// (0 is the first); an empty path is the whole document. Decimal segments index
// lists and are plain keys in maps. Errors are *[PathError].
func (d *Document) Lookup(tree int, path []string) (*Node, error) {
	if tree < 0 || tree >= len(d.Trees) {
		return nil, &PathError{Path: path}
	}
	n := d.Trees[tree]
	for i, step := range path {
		next, err := d.visible(n).step(step, path)
		if missing, ok := err.(*PathError); ok && missing.Nearest != "" {
			missing.Nearest = FormatPath(slices.Concat(path[:i], []string{missing.Nearest}, path[i+1:]))
		}
		if err != nil {
			return nil, err
		}
		n = next
	}
	return n, nil
}

// visible returns n, or for a list that is still encrypted a copy without its
// comments, which then look like any other item.
func (d *Document) visible(n *Node) *Node {
	if d.verified || n.Kind != List || !slices.ContainsFunc(n.Children, (*Node).isListComment) {
		return n
	}
	return ListNode(slices.DeleteFunc(slices.Clone(n.Children), (*Node).isListComment)...)
}

func (n *Node) isListComment() bool {
	return n.Kind == Comment || n.Kind == String && isCipher(n.Text) && strings.HasSuffix(n.Text, ",type:comment]")
}

// step returns the child of n under one segment of path.
func (n *Node) step(segment string, path []string) (*Node, error) {
	switch n.Kind {
	case Map:
		var found *Node
		for _, child := range n.Children {
			if child.Kind == Comment || child.Key != segment {
				continue
			}
			if found != nil {
				return nil, &PathError{Path: path, Reason: PathDuplicate}
			}
			found = child
		}
		if found == nil {
			return nil, &PathError{Path: path, Nearest: n.nearest(segment)}
		}
		return found, nil
	case List:
		index, err := strconv.Atoi(segment)
		if err != nil {
			return nil, &PathError{Path: path, Reason: PathNotIndex}
		}
		values := n.Values()
		if index < 0 || index >= len(values) {
			return nil, &PathError{Path: path}
		}
		return values[index], nil
	}
	return nil, &PathError{Path: path, Reason: PathNotMap}
}

// SetOptions steer [Document.Set].
type SetOptions struct {
	// Replace lets a scalar take the place of a map or list, and the reverse.
	Replace bool
}

// Set puts value at a key path, creating missing maps. The segment "-" appends
// to a list, and creates one where there is nothing yet. The document must be decrypted. It reports whether anything
// changed; errors are *[PathError].
func (d *Document) Set(tree int, path []string, value *Node, opts SetOptions) (bool, error) {
	if !d.verified {
		return false, ErrUnverified
	}
	if tree < 0 || tree >= len(d.Trees) || len(path) == 0 {
		return false, &PathError{Path: path}
	}
	value = value.Clone() // its ciphertext would not open at another place
	parent := d.Trees[tree]
	for i, step := range path[:len(path)-1] {
		next, err := parent.stepOrCreate(step, path[i+1] == "-", path)
		if err != nil {
			return false, err
		}
		parent = next
	}
	last := path[len(path)-1]
	if parent.Kind == List && last == "-" {
		parent.Children = append(parent.Children, value)
		return true, nil
	}
	old, err := parent.step(last, path)
	if pathErr, ok := err.(*PathError); ok && pathErr.Reason == PathMissing && parent.Kind == Map {
		parent.Children = append(parent.Children, Item(last, value))
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if old.Kind.IsScalar() != value.Kind.IsScalar() && old.Kind != Null && !opts.Replace {
		return false, &PathError{Path: path, Reason: PathOccupied}
	}
	value.Key = old.Key
	if old.Equal(value) {
		return false, nil
	}
	parent.Children[slices.Index(parent.Children, old)] = value
	return true, nil
}

// stepOrCreate returns the child of n under one segment of path, which is made
// where it is missing or null.
func (n *Node) stepOrCreate(segment string, list bool, path []string) (*Node, error) {
	kind := Map
	if list {
		kind = List
	}
	if n.Kind == List && segment == "-" {
		created := &Node{Kind: kind}
		n.Children = append(n.Children, created)
		return created, nil
	}
	next, err := n.step(segment, path)
	if err == nil {
		if next.Kind == Null {
			next.Kind = kind
		}
		return next, nil
	}
	pathErr, ok := err.(*PathError)
	if !ok || pathErr.Reason != PathMissing || n.Kind != Map {
		return nil, err
	}
	created := Item(segment, &Node{Kind: kind})
	n.Children = append(n.Children, created)
	return created, nil
}

// Unset removes the node at a key path. The document must be decrypted.
func (d *Document) Unset(tree int, path []string) error {
	if !d.verified {
		return ErrUnverified
	}
	if len(path) == 0 {
		return &PathError{Path: path}
	}
	parent, err := d.Lookup(tree, path[:len(path)-1])
	if err != nil {
		return err
	}
	child, err := parent.step(path[len(path)-1], path)
	if err != nil {
		return err
	}
	at := slices.Index(parent.Children, child)
	parent.Children = slices.Delete(parent.Children, at, at+1)
	return nil
}

// Entries calls fn for every value of the document with its key path, in
// document order: scalars, nulls, and maps and lists that are empty, but for the
// implicit section of INI. The path is valid during the call only.
func (d *Document) Entries(fn func(tree int, path []string, n *Node)) {
	for i, tree := range d.Trees {
		var path []string
		var descend func(n *Node)
		descend = func(n *Node) {
			index := 0
			for _, child := range d.visible(n).Children {
				if child.Kind == Comment {
					continue
				}
				step := child.Key
				if n.Kind == List {
					step = strconv.Itoa(index)
				}
				index++
				path = append(path, step)
				switch {
				case len(child.Children) > 0:
					descend(child)
				case d.Format != INI || child.Kind != Map || child.Key != ini.DefaultSection:
					fn(i, path, child)
				}
				path = path[:len(path)-1]
			}
		}
		descend(tree)
	}
}

// KindOf returns the type of an entry, in an encrypted document from the type
// field of its cipher string.
func (n *Node) KindOf() Kind {
	if n.Kind == String {
		if fields, ok := splitCipher(n.Text); ok {
			for kind, name := range kindNames {
				if name == fields.kind {
					return Kind(kind)
				}
			}
		}
	}
	return n.Kind
}

// Reuse takes over, for the plaintext document d, the data key and the metadata
// of the decrypted document old, and the ciphertext of every value that stands
// unchanged at its place.
func (d *Document) Reuse(old *Document) error {
	if !d.verified || !old.verified {
		return ErrUnverified
	}
	type place struct {
		aad, text string
		kind      Kind
	}
	seals := map[place][]seal{}
	collect := func(w *walker, v visit) error {
		if n := v.node; n.sealed.cipher != "" && n.sealed.text == n.Text {
			key := place{string(v.aad), n.Text, n.Kind}
			seals[key] = append(seals[key], n.sealed)
		}
		return nil
	}
	restore := func(w *walker, v visit) error {
		key := place{string(v.aad), v.node.Text, v.node.Kind}
		if left := seals[key]; len(left) > 0 {
			v.node.sealed, seals[key] = left[0], left[1:]
		}
		return nil
	}
	sel := old.Metadata.Selection.compile()
	for _, tree := range old.Trees {
		if err := walk(tree, sel, collect); err != nil {
			return err
		}
	}
	for _, tree := range d.Trees {
		if err := walk(tree, sel, restore); err != nil {
			return err
		}
	}
	d.Metadata, d.dataKey, d.encrypted, d.Indent = old.Metadata, old.dataKey, old.encrypted, old.Indent
	return nil
}

// nearest returns the key of n that is spelled most like want, if any is close.
func (n *Node) nearest(want string) string {
	best, bestDistance := "", 1+max(1, len(want)/3)
	for _, child := range n.Values() {
		if distance := editDistance(child.Key, want); distance < bestDistance {
			best, bestDistance = child.Key, distance
		}
	}
	return best
}

func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := previous
			if a[i] != b[j] {
				cost = 1 + min(previous, row[j], row[j+1])
			}
			previous, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

package sops

import "strconv"

// A visit is one leaf of a walk. Its aad is valid until the callback returns.
type visit struct {
	node     *Node
	aad      []byte // additional data: the keys from the root, each with ":"
	encrypts bool
	inList   bool
}

// walker goes over the leaves of a tree in document order, as sops does, and
// keeps what its selection rules look at.
type walker struct {
	sel      *selector
	comments [][]string
	parents  []*Node
	aad      []byte
	fn       func(*walker, visit) error
}

func walk(root *Node, sel *selector, fn func(*walker, visit) error) error {
	w := &walker{sel: sel, fn: fn}
	return w.container(root, false)
}

func (w *walker) container(n *Node, hit bool) error {
	w.parents = append(w.parents, n)
	w.comments = append(w.comments, nil)
	top := len(w.comments) - 1
	inList := n.Kind == List
	for _, child := range n.Children {
		if child.Kind == Comment {
			if w.sel.usesComments {
				w.comments[top] = append(w.comments[top], child.Text)
			}
			if err := w.leaf(child, hit, inList); err != nil {
				return err
			}
			continue
		}
		outer := len(w.aad)
		childHit := hit
		if !inList {
			w.aad = append(append(w.aad, child.Key...), ':')
			childHit = hit || w.sel.keyHit(child.Key)
		}
		if err := w.value(child, childHit, inList); err != nil {
			return err
		}
		w.aad = w.aad[:outer]
		w.comments[top] = w.comments[top][:0]
	}
	w.comments = w.comments[:top]
	w.parents = w.parents[:len(w.parents)-1]
	return nil
}

func (w *walker) value(n *Node, hit, inList bool) error {
	switch n.Kind {
	case Map, List:
		return w.container(n, hit)
	case Null:
		return nil
	}
	return w.leaf(n, hit, inList)
}

func (w *walker) leaf(n *Node, hit, inList bool) error {
	aad := w.aad
	if len(aad) == 0 {
		aad = []byte{':'}
	}
	return w.fn(w, visit{
		node: n, aad: aad, inList: inList,
		encrypts: w.sel.encrypts(hit, w.comments, n.Kind == Comment),
	})
}

// pathTo returns the key path of a leaf that is being visited.
func (w *walker) pathTo(leaf *Node) []string {
	path := make([]string, 0, len(w.parents))
	for i, parent := range w.parents {
		child := leaf
		if i+1 < len(w.parents) {
			child = w.parents[i+1]
		}
		path = append(path, segment(parent, child))
	}
	return path
}

// segment is the step of a key path from a parent to its child.
func segment(parent, child *Node) string {
	if parent.Kind == Map && child.Kind != Comment {
		return child.Key
	}
	index := 0
	for _, sibling := range parent.Children {
		if sibling == child {
			break
		}
		if sibling.Kind != Comment {
			index++
		}
	}
	return strconv.Itoa(index)
}

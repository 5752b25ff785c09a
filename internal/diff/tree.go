package diff

import (
	"fmt"
	"slices"
	"strconv"

	"keyreeve/sops"
)

// What happened to an entry or a document.
const (
	Added       = "added"
	Removed     = "removed"
	Changed     = "changed"
	TypeChanged = "type_changed"
)

// An Entry is one value that differs.
type Entry struct {
	Path             string // key path as refs write it; empty for the value itself
	Change           string
	OldType, NewType string // empty where there was or is none
	old, new         string
}

// Values returns both values as text, a string quoted. They are secrets: the
// entry itself can be printed without them.
func (e Entry) Values() (old, new string) { return e.old, e.new }

// a leaf is a value without others below it.
type leaf struct{ kind, text string }

// trees compares decrypted trees, entry by entry: first what was there, in its
// order, then what is new.
func trees(old, new []*sops.Node) []Entry {
	before, order := leaves(old)
	after, newOrder := leaves(new)
	var all []Entry
	for _, path := range order {
		was := before[path]
		is, there := after[path]
		e := Entry{Path: path, OldType: was.kind, NewType: is.kind, old: was.text, new: is.text}
		switch {
		case !there:
			e.Change = Removed
		case was.kind != is.kind:
			e.Change = TypeChanged
		case was.text != is.text:
			e.Change = Changed
		default:
			continue
		}
		all = append(all, e)
	}
	for _, path := range newOrder {
		if _, there := before[path]; !there {
			all = append(all, Entry{Path: path, Change: Added, NewType: after[path].kind, new: after[path].text})
		}
	}
	return all
}

// leaves returns the values below nodes, and their paths in order. A key that
// stands twice is told apart by a number.
func leaves(roots []*sops.Node) (map[string]leaf, []string) {
	found, order := map[string]leaf{}, []string{}
	var visit func(n *sops.Node, path []string)
	visit = func(n *sops.Node, path []string) {
		below := n.Values()
		if len(below) == 0 || n.Kind.IsScalar() {
			name := sops.FormatPath(path)
			for i := 2; ; i++ {
				if _, twice := found[name]; !twice {
					break
				}
				name = fmt.Sprintf("%s (%d)", sops.FormatPath(path), i)
			}
			found[name] = leaf{n.Kind.String(), shown(n)}
			order = append(order, name)
			return
		}
		for i, child := range below {
			key := child.Key
			if n.Kind == sops.List {
				key = strconv.Itoa(i)
			}
			visit(child, append(slices.Clone(path), key))
		}
	}
	for i, root := range roots {
		var path []string
		if i > 0 {
			path = []string{"~d" + strconv.Itoa(i)}
		}
		if len(roots) > 1 || len(root.Values()) > 0 || root.Kind.IsScalar() || root.Kind == sops.Null {
			visit(root, path)
		}
	}
	return found, order
}

func shown(n *sops.Node) string {
	switch n.Kind {
	case sops.String:
		return strconv.Quote(n.Text)
	case sops.Null:
		return "null"
	case sops.Map:
		return "{}"
	case sops.List:
		return "[]"
	}
	return n.Text
}

// rearranged reports whether trees with the same values differ in comments or
// in the order of keys.
func rearranged(old, new []*sops.Node) bool { return !slices.EqualFunc(old, new, (*sops.Node).Equal) }

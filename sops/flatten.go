package sops

import (
	"sort"
	"strconv"
	"strings"
)

// dotenv and INI hold the metadata as flat names: a map step is written as
// "__map_KEY", a list step as "__list_N".
const (
	mapStep  = "__map_"
	listStep = "__list_"
	// maxFlatIndex bounds the lists that flat names can spell.
	maxFlatIndex = 100_000
)

// flatten returns the leaves of a map under flat names. Empty maps and lists
// vanish, as in sops.
func flatten(section *Node) []*Node {
	var flat []*Node
	var descend func(n *Node, name string)
	descend = func(n *Node, name string) {
		switch n.Kind {
		case Map:
			for _, child := range n.Values() {
				descend(child, name+mapStep+child.Key)
			}
		case List:
			for i, child := range n.Values() {
				descend(child, name+listStep+strconv.Itoa(i))
			}
		default:
			flat = append(flat, &Node{Key: name, Kind: n.Kind, Text: n.Text})
		}
	}
	for _, field := range section.Values() {
		descend(field, field.Key)
	}
	return flat
}

// flatNode is a tree under construction from flat names.
type flatNode struct {
	value   *Node
	subkeys map[string]*flatNode
	indices map[int]*flatNode
}

func unflatten(items []*Node) (*Node, error) {
	root := &flatNode{}
	for _, item := range items {
		if err := root.place(item); err != nil {
			return nil, err
		}
	}
	return root.tree()
}

func (f *flatNode) place(item *Node) error {
	rest := item.Key
	step := mapStep
	for {
		token, next, tail := nextFlatStep(rest)
		if step == mapStep {
			if f.subkeys == nil {
				f.subkeys = map[string]*flatNode{}
			}
			if f.subkeys[token] == nil {
				f.subkeys[token] = &flatNode{}
			}
			f = f.subkeys[token]
		} else {
			index, err := strconv.Atoi(token)
			if err != nil || index < 0 || index > maxFlatIndex {
				return &IntegrityError{Msg: "the sops metadata has a bad list index"}
			}
			if f.indices == nil {
				f.indices = map[int]*flatNode{}
			}
			if f.indices[index] == nil {
				f.indices[index] = &flatNode{}
			}
			f = f.indices[index]
		}
		if next == "" {
			break
		}
		step, rest = next, tail
	}
	if f.value != nil {
		return &IntegrityError{Msg: "the sops metadata has a field twice"}
	}
	f.value = item
	return nil
}

// nextFlatStep splits a flat name at its first step.
func nextFlatStep(name string) (token, step, rest string) {
	m, l := strings.Index(name, mapStep), strings.Index(name, listStep)
	switch {
	case m < 0 && l < 0:
		return name, "", ""
	case l < 0 || (m >= 0 && m < l):
		return name[:m], mapStep, name[m+len(mapStep):]
	}
	return name[:l], listStep, name[l+len(listStep):]
}

func (f *flatNode) tree() (*Node, error) {
	switch {
	case f.value != nil && f.subkeys == nil && f.indices == nil:
		return &Node{Kind: f.value.Kind, Text: f.value.Text}, nil
	case f.value == nil && f.indices == nil:
		names := make([]string, 0, len(f.subkeys))
		for name := range f.subkeys {
			names = append(names, name)
		}
		sort.Strings(names)
		out := MapNode()
		for _, name := range names {
			child, err := f.subkeys[name].tree()
			if err != nil {
				return nil, err
			}
			out.Children = append(out.Children, Item(name, child))
		}
		return out, nil
	case f.value == nil && f.subkeys == nil:
		out := ListNode()
		for i := range len(f.indices) {
			next := f.indices[i]
			if next == nil {
				return nil, &IntegrityError{Msg: "the sops metadata has an incomplete list"}
			}
			child, err := next.tree()
			if err != nil {
				return nil, err
			}
			out.Children = append(out.Children, child)
		}
		return out, nil
	}
	return nil, &IntegrityError{Msg: "the sops metadata has a field that is both a value and a list or map"}
}

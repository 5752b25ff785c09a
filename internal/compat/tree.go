package compat

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"keyreeve/sops"
)

// A step is one component of a path: a key, or an index.
type step struct {
	key     string
	index   int
	isIndex bool
}

func (s step) String() string {
	if s.isIndex {
		return fmt.Sprintf("[%d]", s.index)
	}
	return fmt.Sprintf("[%q]", s.key)
}

// parsePath reads a path such as ["a"][0]['b'], in which nothing is escaped.
func parsePath(arg string) ([]step, error) {
	var path []step
	for _, part := range strings.Split(arg, "[") {
		if part == "" {
			continue
		}
		inner, ok := strings.CutSuffix(part, "]")
		if !ok {
			return nil, fmt.Errorf("the component %q of the path does not end with ]", part)
		}
		if inner == "" {
			return nil, errors.New("the path has an empty component")
		}
		if inner[0] == '"' || inner[0] == '\'' {
			if len(inner) < 2 {
				return nil, fmt.Errorf("the component %q of the path is not closed", part)
			}
			path = append(path, step{key: inner[1 : len(inner)-1]})
			continue
		}
		index, err := strconv.Atoi(inner)
		if err != nil {
			return nil, fmt.Errorf("the component %q of the path is neither quoted nor a number", part)
		}
		if index < 0 {
			return nil, fmt.Errorf("the index %d is negative", index)
		}
		path = append(path, step{index: index, isIndex: true})
	}
	return path, nil
}

// errMissing reports a path that is not there.
var errMissing = errors.New("not found")

// at returns where in the children of n a step leads. Comments in a list count,
// as they do in sops. Of a key that stands twice the first counts.
func at(n *sops.Node, s step) (int, error) {
	switch {
	case n.Kind == sops.Map && !s.isIndex:
		for i, child := range n.Children {
			if child.Kind != sops.Comment && child.Key == s.key {
				return i, nil
			}
		}
		return 0, fmt.Errorf("%s: %w", s, errMissing)
	case n.Kind == sops.List && s.isIndex:
		if s.index >= len(n.Children) {
			return 0, fmt.Errorf("%s: %w: the list has %d items", s, errMissing, len(n.Children))
		}
		return s.index, nil
	case n.Kind == sops.Map:
		return 0, fmt.Errorf("%s: an index, but there is a map", s)
	case n.Kind == sops.List:
		return 0, fmt.Errorf("%s: a key, but there is a list", s)
	}
	return 0, fmt.Errorf("%s: there is neither a map nor a list", s)
}

func find(n *sops.Node, path []step) (*sops.Node, error) {
	for _, s := range path {
		i, err := at(n, s)
		if err != nil {
			return nil, err
		}
		n = n.Children[i]
	}
	if n.Kind == sops.Comment {
		return nil, errors.New("there is a comment at this index")
	}
	return n, nil
}

// setAt puts value at a path below n, as sops does: what is missing is made, and
// what is in the way replaced. It returns what stands in place of n, and whether
// anything changed.
func setAt(n *sops.Node, path []step, value *sops.Node) (*sops.Node, bool, error) {
	if len(path) == 0 {
		if n.Equal(sops.Item(n.Key, value.Clone())) {
			return n, false, nil
		}
		return value, true, nil
	}
	if n.Kind != sops.Map && n.Kind != sops.List {
		return built(path, value), true, nil
	}
	i, err := at(n, path[0])
	switch {
	case errors.Is(err, errMissing) && n.Kind == sops.Map:
		n.Children = append(n.Children, sops.Item(path[0].key, built(path[1:], value)))
		return n, true, nil
	case errors.Is(err, errMissing):
		n.Children = append(n.Children, built(path[1:], value))
		return n, true, nil
	case err != nil:
		return nil, false, err
	}
	next, changed, err := setAt(n.Children[i], path[1:], value)
	if err != nil {
		return nil, false, err
	}
	if next != n.Children[i] {
		n.Children[i] = sops.Item(n.Children[i].Key, next.Clone())
	}
	return n, changed, nil
}

// built returns value inside new maps and lists that make up a path.
func built(path []step, value *sops.Node) *sops.Node {
	for _, s := range slices.Backward(path) {
		if s.isIndex {
			value = sops.ListNode(value)
		} else {
			value = sops.MapNode(sops.Item(s.key, value))
		}
	}
	return value
}

// unsetAt removes what is at a path.
func unsetAt(n *sops.Node, path []step) error {
	for len(path) > 1 {
		i, err := at(n, path[0])
		if err != nil {
			return err
		}
		n, path = n.Children[i], path[1:]
	}
	i, err := at(n, path[0])
	if err != nil {
		return err
	}
	n.Children = slices.Delete(n.Children, i, i+1)
	return nil
}

// parseValue reads a value for set: JSON, in which a lone number is a float and
// a list is refused, as in sops.
func parseValue(data []byte) (*sops.Node, error) {
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		return nil, errors.New(`the value is not valid JSON; a text stands in quotes, as in '"text"'`)
	}
	switch v := value.(type) {
	case nil:
		return &sops.Node{Kind: sops.Null}, nil
	case bool:
		return &sops.Node{Kind: sops.Bool, Text: sops.BoolText(v)}, nil
	case float64:
		return &sops.Node{Kind: sops.Float, Text: sops.FloatText(v)}, nil
	case string:
		return sops.StringNode(v), nil
	case map[string]any:
		d, err := sops.ParsePlain(slices.Concat([]byte(`{"v":`), data, []byte(`}`)), sops.JSON)
		if err != nil {
			return nil, errors.New("the value cannot be stored: a number in it is out of range")
		}
		return d.Trees[0].Child("v").Clone(), nil
	}
	return nil, errors.New("sops takes no list as a value: set its items one by one, or edit the file")
}

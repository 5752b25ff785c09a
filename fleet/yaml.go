package fleet

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// flowYAML returns a value on one line.
func flowYAML(n *yaml.Node) string {
	flat := flowNode(n)
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	if e.Encode(flat) != nil || e.Close() != nil {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// flowNode copies a value in flow style and without comments.
func flowNode(n *yaml.Node) *yaml.Node {
	flat := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value}
	switch n.Kind {
	case yaml.ScalarNode:
		if n.Style != 0 || strings.ContainsAny(n.Value, " \n\t") {
			flat.Style = yaml.DoubleQuotedStyle
		}
	case yaml.AliasNode:
		return flowNode(n.Alias)
	default:
		flat.Style = yaml.FlowStyle
	}
	for _, c := range n.Content {
		flat.Content = append(flat.Content, flowNode(c))
	}
	return flat
}

// scalarYAML returns text as a YAML scalar, quoted only where it must be.
func scalarYAML(s string) string {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if strings.ContainsAny(s, "\n\r\t") {
		n.Style = yaml.DoubleQuotedStyle
	}
	if e.Encode(n) != nil || e.Close() != nil {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}

package sops

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

const defaultYAMLIndent = 4

// yamlOptions steer the emitter.
type yamlOptions struct {
	indent int // 0 or less: the default
	// raise puts a comment that was encrypted on the line of a value above it,
	// as sops does when it decrypts.
	raise bool
}

// writeYAML emits one YAML document per tree, the same bytes as sops. They are
// exact if they surely parse to the same values.
func writeYAML(trees []*Node, opts yamlOptions) (out []byte, exact bool, err error) {
	if out, ok := writeYAMLFast(trees, opts); ok {
		return out, true, nil
	}
	out, err = writeYAMLSlow(trees, opts)
	return out, false, err
}

// writeYAMLSlow emits through the same library as sops.
func writeYAMLSlow(trees []*Node, opts yamlOptions) ([]byte, error) {
	indent := opts.indent
	if indent <= 0 {
		indent = defaultYAMLIndent
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(indent)
	for _, tree := range trees {
		mapping, err := opts.mapping(tree)
		if err != nil {
			return nil, err
		}
		doc := &yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{mapping}}
		if err := encoder.Encode(doc); err != nil {
			return nil, fmt.Errorf("emitting YAML: %w", err)
		}
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("emitting YAML: %w", err)
	}
	return out.Bytes(), nil
}

// writeYAMLValue emits a single value as a document of its own.
func writeYAMLValue(n *Node) ([]byte, error) {
	value, err := yamlOptions{raise: true}.value(n)
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(value)
}

// pendingComments are comments that wait for the node they stand before.
type pendingComments struct {
	head, inline []string
	raise        bool
}

func (p *pendingComments) add(n *Node) {
	if n.Inline && !(p.raise && n.sealed.cipher != "") {
		p.inline = append(p.inline, n.Text)
	} else {
		p.head = append(p.head, n.Text)
	}
}

func (p *pendingComments) takeHead(to *yaml.Node) {
	if len(p.head) > 0 {
		comment := "#" + strings.Join(p.head, "\n#")
		if to.HeadComment != "" {
			comment += "\n" + to.HeadComment
		}
		to.HeadComment = comment
		p.head = nil
	}
}

func (p *pendingComments) takeInline(to *yaml.Node) {
	if len(p.inline) > 0 {
		comment := "#" + strings.Join(p.inline, "\n#")
		if to.LineComment != "" {
			comment = to.LineComment + "\n" + comment
		}
		to.LineComment = comment
		p.inline = nil
	}
}

// takeRest puts what is left after the last entry at its foot, or at the head
// of a container that has none.
func (p *pendingComments) takeRest(container, last *yaml.Node) {
	p.head = append(p.head, p.inline...)
	if len(p.head) == 0 {
		return
	}
	if last == nil {
		p.takeHead(container)
		return
	}
	comment := "#" + strings.Join(p.head, "\n#")
	if last.FootComment != "" {
		comment = last.FootComment + "\n" + comment
	}
	last.FootComment = comment
}

func (o yamlOptions) mapping(n *Node) (*yaml.Node, error) {
	out := &yaml.Node{Kind: yaml.MappingNode}
	comments := pendingComments{raise: o.raise}
	var lastKey *yaml.Node
	for _, child := range n.Children {
		if child.Kind == Comment {
			comments.add(child)
			continue
		}
		if lastKey == nil {
			comments.takeHead(out)
		}
		key, err := yamlString(child.Key)
		if err != nil {
			return nil, err
		}
		comments.takeHead(key)
		value, err := o.value(child)
		if err != nil {
			return nil, err
		}
		comments.takeInline(value)
		out.Content = append(out.Content, key, value)
		lastKey = key
	}
	comments.takeRest(out, lastKey)
	return out, nil
}

func (o yamlOptions) sequence(n *Node) (*yaml.Node, error) {
	out := &yaml.Node{Kind: yaml.SequenceNode}
	comments := pendingComments{raise: o.raise}
	var last *yaml.Node
	for _, child := range n.Children {
		if child.Kind == Comment {
			comments.add(child)
			continue
		}
		if last == nil {
			comments.takeHead(out)
		}
		value, err := o.value(child)
		if err != nil {
			return nil, err
		}
		comments.takeHead(value)
		comments.takeInline(value)
		out.Content = append(out.Content, value)
		last = value
	}
	comments.takeRest(out, last)
	return out, nil
}

func (o yamlOptions) value(n *Node) (*yaml.Node, error) {
	switch n.Kind {
	case Map:
		return o.mapping(n)
	case List:
		return o.sequence(n)
	case String:
		return yamlString(n.Text)
	case Null:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
	case Int:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: n.Text}, nil
	case Bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strings.ToLower(n.Text)}, nil
	case Float:
		f, err := strconv.ParseFloat(n.Text, 64)
		if err != nil {
			return nil, fmt.Errorf("emitting YAML: %w", errBadContent)
		}
		return yamlEncoded(f)
	case Time:
		t, err := parseTimeText(n.Text)
		if err != nil {
			return nil, err
		}
		return yamlEncoded(t)
	}
	return nil, fmt.Errorf("emitting YAML: unexpected %s", n.Kind)
}

func parseTimeText(text string) (time.Time, error) {
	var t time.Time
	if err := t.UnmarshalText([]byte(text)); err != nil {
		return t, errBadContent
	}
	return t, nil
}

// yamlString returns the node for a string in the style that go-yaml gives it.
// Most strings need no look at styles.
func yamlString(text string) (*yaml.Node, error) {
	if isPlainText(text) {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}, nil
	}
	return yamlEncoded(text)
}

func yamlEncoded(v any) (*yaml.Node, error) {
	node := &yaml.Node{}
	if err := node.Encode(v); err != nil {
		return nil, fmt.Errorf("emitting YAML: %w", err)
	}
	return node, nil
}

package sops

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"
)

const (
	// maxDepth bounds the nesting of a document.
	maxDepth = 1000
	// maxExpanded bounds the nodes that aliases may add to a document.
	maxExpanded = 1_000_000
	// maxCommentLines bounds the comments that the library reads, for which it
	// takes time that grows with their square.
	maxCommentLines = 50_000
)

// readYAML parses a YAML stream into one map per document. Anchors and merges
// are resolved as sops does: aliases are copied, "<<" stays a key.
func readYAML(data []byte) ([]*Node, error) {
	if trees, ok := readYAMLFast(data); ok {
		return trees, nil
	}
	return readYAMLSlow(data)
}

func readYAMLSlow(data []byte) ([]*Node, error) {
	if line := commentLineBeyond(data, maxCommentLines); line > 0 {
		return nil, &SyntaxError{Format: YAML, Line: line, Msg: fmt.Sprintf("more than %d comment lines", maxCommentLines)}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var trees []*Node
	for {
		var doc yaml.Node
		err := decoder.Decode(&doc)
		if errors.Is(err, io.EOF) && len(trees) > 0 {
			return trees, nil
		}
		if errors.Is(err, io.EOF) {
			return nil, &SyntaxError{Format: YAML, Msg: "the document is empty", Err: ErrEmpty}
		}
		if err != nil {
			return nil, yamlSyntaxError(err)
		}
		r := yamlReader{}
		tree, err := r.document(&doc)
		if err != nil {
			return nil, err
		}
		trees = append(trees, tree)
	}
}

// commentLineBeyond returns the number of the line that begins the comment after
// the first limit ones, or zero.
func commentLineBeyond(data []byte, limit int) int {
	number, comments := 0, 0
	for line := range bytes.Lines(data) {
		number++
		if bytes.HasPrefix(bytes.TrimLeft(line, " \t"), []byte{'#'}) {
			if comments++; comments > limit {
				return number
			}
		}
	}
	return 0
}

var yamlAnchor = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?s)anchor '.*`) })

var yamlLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`) })

// yamlSyntaxError keeps the line and what the parser expected. The parser's
// messages name structure, anchors and tags, never values.
func yamlSyntaxError(err error) error {
	match := yamlLine().FindStringSubmatch(err.Error())
	if match == nil {
		return &SyntaxError{Format: YAML, Msg: "cannot be parsed"}
	}
	line, _ := strconv.Atoi(match[1])
	// The library quotes the name after a *, which may be how a secret begins.
	return &SyntaxError{Format: YAML, Line: line, Msg: yamlAnchor().ReplaceAllLiteralString(match[2], "anchor; quote a value that begins with * or &")}
}

type yamlReader struct {
	depth    int
	expanded int          // nodes read through aliases
	aliases  []*yaml.Node // being followed
}

func yamlErrorAt(n *yaml.Node, format string, args ...any) error {
	return &SyntaxError{Format: YAML, Line: n.Line, Column: n.Column, Msg: fmt.Sprintf(format, args...)}
}

func noPlaceAt(n *yaml.Node, format string, args ...any) error {
	return &SyntaxError{Format: YAML, Line: n.Line, Column: n.Column, Msg: fmt.Sprintf(format, args...), Err: ErrNoPlace}
}

func (r *yamlReader) document(doc *yaml.Node) (*Node, error) {
	root := MapNode()
	appendComments(root, doc.HeadComment, false)
	for _, content := range doc.Content {
		if content.Kind == yaml.AliasNode {
			content = content.Alias
		}
		switch {
		case content.Kind == yaml.MappingNode:
			if err := r.mapping(content, root, false); err != nil {
				return nil, err
			}
		case content.Kind == yaml.ScalarNode && content.ShortTag() == "!!null":
			appendComments(root, content.HeadComment, false)
			appendComments(root, content.LineComment, false)
			appendComments(root, content.FootComment, false)
		case content.Kind == yaml.SequenceNode:
			return nil, yamlErrorAt(content, "the top of a document is a list; sops needs a map")
		default:
			return nil, yamlErrorAt(content, "the top of a document is a single value; sops needs a map")
		}
	}
	appendComments(root, doc.FootComment, false)
	return root, nil
}

// appendComments adds one comment node per line.
func appendComments(to *Node, comment string, inline bool) {
	for len(comment) > 0 {
		line := comment
		if i := bytes.IndexByte([]byte(comment), '\n'); i >= 0 {
			line, comment = comment[:i], comment[i+1:]
		} else {
			comment = ""
		}
		if line != "" {
			to.Children = append(to.Children, &Node{Kind: Comment, Text: line[1:], Inline: inline})
		}
	}
}

func (r *yamlReader) enter(n *yaml.Node) error {
	r.depth++
	if r.depth > maxDepth {
		return yamlErrorAt(n, "nested deeper than %d levels", maxDepth)
	}
	if len(r.aliases) > 0 {
		r.expanded++
		if r.expanded > maxExpanded {
			return yamlErrorAt(n, "aliases expand to more than %d values", maxExpanded)
		}
	}
	return nil
}

func (r *yamlReader) mapping(n *yaml.Node, to *Node, commentsDone bool) error {
	if err := r.enter(n); err != nil {
		return err
	}
	defer func() { r.depth-- }()
	if !commentsDone {
		appendComments(to, n.HeadComment, false)
		appendComments(to, n.LineComment, false)
	}
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		appendComments(to, key.HeadComment, false)
		appendComments(to, key.LineComment, false)
		scalar := value.Kind == yaml.ScalarNode || value.Kind == yaml.AliasNode
		if scalar {
			appendComments(to, value.HeadComment, false)
			appendComments(to, value.LineComment, true)
		}
		name, err := yamlKey(key)
		if err != nil {
			return err
		}
		if seen[name] {
			return yamlErrorAt(key, "the key %q stands twice in one map", name)
		}
		seen[name] = true
		child, err := r.value(value, scalar)
		if err != nil {
			return err
		}
		to.Children = append(to.Children, Item(name, child))
		if scalar {
			appendComments(to, value.FootComment, false)
		}
		appendComments(to, key.FootComment, false)
	}
	if !commentsDone {
		appendComments(to, n.FootComment, false)
	}
	return nil
}

// yamlKey returns a key as a string. The format has no other keys.
func yamlKey(key *yaml.Node) (string, error) {
	if key.Kind == yaml.AliasNode {
		key = key.Alias
	}
	if key.Kind == yaml.ScalarNode {
		switch key.ShortTag() {
		case "!!str":
			return key.Value, nil
		case "!!merge":
			return "<<", nil
		case "!!int", "!!float", "!!bool", "!!null", "!!timestamp":
			return "", noPlaceAt(key, "the key %q is not a string; quote it", key.Value)
		}
		var decoded any
		if err := key.Decode(&decoded); err == nil {
			if name, ok := decoded.(string); ok {
				return name, nil
			}
		}
	}
	return "", noPlaceAt(key, "a key is not a string; sops holds string keys only")
}

func (r *yamlReader) value(n *yaml.Node, commentsDone bool) (*Node, error) {
	switch n.Kind {
	case yaml.MappingNode:
		out := MapNode()
		return out, r.mapping(n, out, commentsDone)
	case yaml.SequenceNode:
		return r.sequence(n, commentsDone)
	case yaml.AliasNode:
		for _, open := range r.aliases {
			if open == n.Alias {
				return nil, yamlErrorAt(n, "an anchor contains itself")
			}
		}
		r.aliases = append(r.aliases, n.Alias)
		defer func() { r.aliases = r.aliases[:len(r.aliases)-1] }()
		return r.value(n.Alias, false)
	}
	if err := r.enter(n); err != nil {
		return nil, err
	}
	r.depth--
	return yamlScalar(n)
}

func (r *yamlReader) sequence(n *yaml.Node, commentsDone bool) (*Node, error) {
	if err := r.enter(n); err != nil {
		return nil, err
	}
	defer func() { r.depth-- }()
	out := ListNode()
	if !commentsDone {
		appendComments(out, n.HeadComment, false)
		appendComments(out, n.LineComment, false)
	}
	for _, item := range n.Content {
		appendComments(out, item.HeadComment, false)
		appendComments(out, item.LineComment, true)
		child, err := r.value(item, true)
		if err != nil {
			return nil, err
		}
		out.Children = append(out.Children, child)
		appendComments(out, item.FootComment, false)
	}
	if !commentsDone {
		appendComments(out, n.FootComment, false)
	}
	return out, nil
}

// yamlScalar resolves a scalar to its type as go-yaml does.
func yamlScalar(n *yaml.Node) (*Node, error) {
	if n.ShortTag() == "!!str" {
		return StringNode(n.Value), nil
	}
	var decoded any
	if err := n.Decode(&decoded); err != nil {
		return nil, yamlErrorAt(n, "a value does not fit its type %s", n.ShortTag())
	}
	switch v := decoded.(type) {
	case nil:
		return &Node{Kind: Null}, nil
	case string:
		return StringNode(v), nil
	case bool:
		return &Node{Kind: Bool, Text: BoolText(v)}, nil
	case int:
		return &Node{Kind: Int, Text: strconv.Itoa(v)}, nil
	case float64:
		return &Node{Kind: Float, Text: FloatText(v)}, nil
	case time.Time:
		text, err := v.MarshalText()
		if err != nil {
			return nil, yamlErrorAt(n, "a time is out of range")
		}
		return &Node{Kind: Time, Text: string(text)}, nil
	}
	return nil, noPlaceAt(n, "a number is out of the range of 64-bit integers; quote it to keep it as a string")
}

package sops

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// fastWriter emits trees byte for byte as the library does, for what
// readYAMLFast reads: block style, text that needs no escapes, comments before
// an entry or behind a value. It gives up on anything else.
type fastWriter struct {
	out    []byte
	step   int // width of a level
	raise  bool
	failed bool
}

// writeYAMLFast returns the stream, and false to give up.
func writeYAMLFast(trees []*Node, opts yamlOptions) ([]byte, bool) {
	w := &fastWriter{step: opts.indent, raise: opts.raise}
	if w.step <= 0 {
		w.step = defaultYAMLIndent
	}
	if w.step < 2 || w.step > 9 {
		return nil, false // widths that the library replaces
	}
	for i, tree := range trees {
		if i > 0 {
			w.out = append(w.out, "---\n"...)
		}
		if len(tree.Values()) == 0 {
			return nil, false
		}
		w.mapping(tree, 0, false)
	}
	return w.out, !w.failed
}

// deeper is the indent of a block inside one of the given indent, which the
// library aligns to whole levels.
func (w *fastWriter) deeper(indent int) int { return (indent + w.step) / w.step * w.step }

func (w *fastWriter) pad(indent int) {
	const blanks = "                                "
	for ; indent > len(blanks); indent -= len(blanks) {
		w.out = append(w.out, blanks...)
	}
	w.out = append(w.out, blanks[:indent]...)
}

// mapping writes entries at an indent; the first one goes on with the line if
// continued.
func (w *fastWriter) mapping(n *Node, indent int, continued bool) {
	inline := ""
	afterComment := false
	for _, child := range n.Children {
		if w.failed {
			return
		}
		if child.Kind == Comment {
			if continued || !w.comment(child, indent, &inline) {
				w.failed = true
			}
			afterComment = true
			continue
		}
		if !continued {
			w.pad(indent)
		}
		continued, afterComment = false, false
		if !w.key(child.Key) {
			w.failed = true
			return
		}
		w.value(child, indent, w.deeper(indent), inline)
		inline = ""
	}
	if afterComment {
		w.failed = true // what follows the last entry is laid out by the library
	}
}

// comment writes a comment on its own line, or keeps it for the value that
// follows.
func (w *fastWriter) comment(n *Node, indent int, inline *string) bool {
	if !isCommentText(n.Text) || *inline != "" {
		return false
	}
	if n.Inline && !(w.raise && n.sealed.cipher != "") {
		*inline = "#" + n.Text
		return true
	}
	w.pad(indent)
	w.out = append(w.out, '#')
	w.out = append(w.out, n.Text...)
	w.out = append(w.out, '\n')
	return true
}

// isCommentText reports whether the library writes a comment as it is.
func isCommentText(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && s[len(s)-1] != ' '
}

func (w *fastWriter) key(key string) bool {
	if len(key) > 120 {
		return false // near the length at which the library writes "? key"
	}
	if isPlainText(key) {
		w.out = append(w.out, key...)
	} else if !w.encoded(key) {
		return false
	}
	w.out = append(w.out, ':')
	return true
}

// list writes items at an indent; the first dash goes on with the line if
// continued.
func (w *fastWriter) list(n *Node, indent int, continued bool) {
	inline := ""
	afterComment := false
	for _, child := range n.Children {
		if w.failed {
			return
		}
		if child.Kind == Comment {
			if continued || !w.comment(child, indent, &inline) {
				w.failed = true
			}
			afterComment = true
			continue
		}
		if !continued {
			w.pad(indent)
		}
		w.out = append(w.out, '-')
		if afterComment && !child.Kind.IsScalar() {
			w.failed = true // a comment before a nested block moves into it
			return
		}
		continued, afterComment = false, false
		switch {
		case child.Kind == Map && len(child.Children) > 0:
			w.out = append(w.out, ' ')
			w.mapping(child, indent+2, true)
		case child.Kind == List && len(child.Children) > 0:
			w.out = append(w.out, ' ')
			w.list(child, indent+2, true)
		default:
			w.value(child, indent, indent+2, inline)
		}
		inline = ""
	}
	if afterComment {
		w.failed = true
	}
}

// value writes what stands behind a key or dash; what goes on below it has the
// indent inner.
func (w *fastWriter) value(n *Node, indent, inner int, inline string) {
	switch {
	case n.Kind == Map && len(n.Children) > 0, n.Kind == List && len(n.Children) > 0:
		if inline != "" || n.Children[len(n.Children)-1].Kind == Comment {
			w.failed = true
			return
		}
		w.out = append(w.out, '\n')
		if n.Kind == Map {
			w.mapping(n, inner, false)
		} else {
			w.list(n, inner, false)
		}
		return
	case n.Kind == String && strings.Contains(n.Text, "\n"):
		if inline != "" || !w.literal(n.Text, inner) {
			w.failed = true
		}
		return
	}
	w.out = append(w.out, ' ')
	w.scalar(n)
	if inline != "" {
		if !n.Kind.IsScalar() {
			w.failed = true
		}
		w.out = append(w.out, ' ')
		w.out = append(w.out, inline...)
	}
	w.out = append(w.out, '\n')
}

func (w *fastWriter) scalar(n *Node) {
	switch {
	case n.Kind == Map:
		w.out = append(w.out, "{}"...)
	case n.Kind == List:
		w.out = append(w.out, "[]"...)
	case n.Kind == Null:
		w.out = append(w.out, "null"...)
	case n.Kind == Int:
		w.out = append(w.out, n.Text...)
	case n.Kind == Bool:
		w.out = append(w.out, strings.ToLower(n.Text)...)
	case n.Kind == String && isPlainText(n.Text):
		w.out = append(w.out, n.Text...)
	case n.Kind == String:
		w.failed = !w.encoded(n.Text) || w.failed
	default:
		node, err := yamlOptions{}.value(n)
		if err != nil || node.Style != 0 || n.Text == negativeZero {
			w.failed = true
			return
		}
		w.out = append(w.out, node.Value...)
	}
}

// encoded lets the library choose the quotes of a short one-line string.
func (w *fastWriter) encoded(text string) bool {
	if !isCommentText(text) && text != "" {
		return false
	}
	node, err := yamlEncoded(text)
	if err != nil {
		return false
	}
	item := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: "k"}, node}}
	line, err := yaml.Marshal(item)
	if err != nil {
		return false
	}
	value, ok := strings.CutPrefix(strings.TrimSuffix(string(line), "\n"), "k: ")
	w.out = append(w.out, value...)
	return ok && !strings.Contains(value, "\n") && value[0] != '!' && value[0] != '?'
}

// literal writes text of several lines as a block.
func (w *fastWriter) literal(text string, indent int) bool {
	body, newline := strings.CutSuffix(text, "\n")
	if body == "" || body[0] == ' ' || body[0] == '\n' || strings.HasSuffix(body, "\n") {
		return false
	}
	w.out = append(w.out, " |"...)
	if !newline {
		w.out = append(w.out, '-')
	}
	w.out = append(w.out, '\n')
	for line := range strings.SplitSeq(body, "\n") {
		if line != "" {
			if !isCommentText(line) {
				return false
			}
			w.pad(indent)
			w.out = append(w.out, line...)
		}
		w.out = append(w.out, '\n')
	}
	return true
}

package sops

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// The reader below takes the YAML that sops emits and people mostly write:
// block maps and lists, one-line scalars, literal blocks, comments before an
// entry or behind a value, in printable ASCII. It gives up on anything else,
// errors included, and the library reads the document instead. Inside the subset
// both give the same tree; tests and a fuzz target hold them to it.

// maxFastDepth bounds the recursion; deeper documents go to the library.
const maxFastDepth = 64

// fastReader walks over the lines of a document. The current line is held as
// its indent and the text behind it.
type fastReader struct {
	rest   string // lines not yet read
	text   string // current line without indent; empty at the end
	indent int
	depth  int

	blank, comment bool // seen in the document; together they need the library
	failed         bool
	nodes          []Node // space for new nodes
}

// readYAMLFast returns the trees of a stream, and false to give up.
func readYAMLFast(data []byte) ([]*Node, bool) {
	if len(data) == 0 || data[len(data)-1] != '\n' {
		return nil, false
	}
	for _, c := range data {
		if (c < ' ' || c > '~') && c != '\n' {
			return nil, false
		}
	}
	r := &fastReader{rest: string(data)}
	r.next()
	var trees []*Node
	for {
		tree := r.node(Map)
		r.mapping(tree, 0)
		if r.failed || len(tree.Children) == 0 || r.blank && r.comment {
			return nil, false
		}
		trees = append(trees, tree)
		if r.text == "" {
			return trees, true
		}
		if r.text != "---" || r.indent != 0 {
			return nil, false
		}
		r.next()
	}
}

func (r *fastReader) fail() { r.failed, r.text, r.rest = true, "", "" }

func (r *fastReader) node(kind Kind) *Node {
	if len(r.nodes) == 0 {
		r.nodes = make([]Node, min(256, 8+len(r.rest)/64))
	}
	n := &r.nodes[0]
	r.nodes = r.nodes[1:]
	n.Kind = kind
	return n
}

// next goes to the next line that is not blank.
func (r *fastReader) next() {
	for r.rest != "" {
		line := r.rest
		if i := strings.IndexByte(line, '\n'); i >= 0 {
			line, r.rest = line[:i], line[i+1:]
		} else {
			r.rest = ""
		}
		r.text = strings.TrimLeft(line, " ")
		if r.text == "" {
			r.blank = true
			continue
		}
		if r.indent = len(line) - len(r.text); line[len(line)-1] == ' ' {
			r.fail()
		}
		return
	}
	r.text, r.indent = "", -1
}

func (r *fastReader) enter() {
	if r.depth++; r.depth > maxFastDepth {
		r.fail()
	}
}

// mapping reads entries as long as they have the given indent.
func (r *fastReader) mapping(to *Node, indent int) {
	r.enter()
	defer func() { r.depth-- }()
	flat := true // a comment may follow: the entry before is no map or list
	var seen map[string]bool
	for r.text != "" && r.indent == indent && r.text != "---" {
		if r.text[0] == '#' {
			r.head(to, indent, flat)
			continue
		}
		key, value, ok := splitKey(r.text)
		if !ok || hasKey(to, &seen, key) {
			r.fail()
			return
		}
		child := r.value(to, value, indent, true)
		if r.failed {
			return
		}
		flat = child.Kind.IsScalar()
		child.Key = key
		to.Children = append(to.Children, child)
	}
	if r.indent > indent {
		r.fail()
	}
}

// hasKey reports whether a map has key, through an index once it is large.
func hasKey(n *Node, seen *map[string]bool, key string) bool {
	if *seen == nil && len(n.Children) < 16 {
		for _, child := range n.Children {
			if child.Kind != Comment && child.Key == key {
				return true
			}
		}
		return false
	}
	if *seen == nil {
		*seen = make(map[string]bool, 64)
		for _, child := range n.Children {
			if child.Kind != Comment {
				(*seen)[child.Key] = true
			}
		}
	}
	if (*seen)[key] {
		return true
	}
	(*seen)[key] = true
	return false
}

// head reads comment lines that stand before an entry of the same indent.
func (r *fastReader) head(to *Node, indent int, flat bool) {
	r.comment = true
	for r.text != "" && r.text[0] == '#' {
		if r.indent != indent || !flat {
			r.fail()
			return
		}
		comment := r.node(Comment)
		comment.Text = r.text[1:]
		to.Children = append(to.Children, comment)
		r.next()
	}
	if r.text == "" || r.indent != indent || r.text == "---" {
		r.fail()
	}
}

// list reads items as long as their dashes have the given indent.
func (r *fastReader) list(to *Node, indent int) {
	r.enter()
	defer func() { r.depth-- }()
	flat := true
	for r.text != "" && r.indent == indent {
		if r.text[0] == '#' {
			if r.head(to, indent, flat); !strings.HasPrefix(r.text, "- ") {
				r.fail()
			}
			continue
		}
		item, ok := strings.CutPrefix(r.text, "- ")
		if !ok {
			return // a key at the indent of its parent's list
		}
		if item == "" || item[0] == ' ' {
			r.fail()
			return
		}
		child := r.item(to, item, indent)
		if r.failed {
			return
		}
		flat = child.Kind.IsScalar()
		to.Children = append(to.Children, child)
	}
	if r.indent > indent {
		r.fail()
	}
}

// item reads what stands behind a dash.
func (r *fastReader) item(to *Node, item string, indent int) *Node {
	_, _, isMap := splitKey(item)
	if !isMap && !strings.HasPrefix(item, "- ") {
		return r.value(to, item, indent, false)
	}
	r.text, r.indent = item, indent+2
	if isMap {
		child := r.node(Map)
		r.mapping(child, indent+2)
		return child
	}
	child := r.node(List)
	r.list(child, indent+2)
	return child
}

// value reads what stands behind a key or a dash of the given indent, on the
// line and below it.
func (r *fastReader) value(to *Node, text string, indent int, inMap bool) *Node {
	switch text {
	case "":
		r.next()
		return r.below(indent, inMap)
	case "|", "|-":
		return r.literal(indent, text == "|")
	case "{}", "[]":
		r.next()
		if text == "{}" {
			return r.node(Map)
		}
		return r.node(List)
	}
	text, comment := cutComment(text)
	child := r.scalar(text)
	if comment != "" {
		r.comment = true
		inline := r.node(Comment)
		inline.Text, inline.Inline = comment[1:], true
		to.Children = append(to.Children, inline)
	}
	r.next()
	if r.indent > indent {
		r.fail() // the scalar goes on
	}
	return child
}

// below reads the map or list under a key, or a null.
func (r *fastReader) below(indent int, inMap bool) *Node {
	isItem := strings.HasPrefix(r.text, "- ")
	first := r.text
	if strings.HasPrefix(first, "#") {
		isItem = r.firstEntryIsItem()
	}
	switch {
	case !inMap || r.text == "-":
		r.fail()
	case isItem && r.indent >= indent && (r.indent > indent || first[0] != '#'):
		child := r.node(List)
		r.list(child, r.indent)
		return child
	case r.indent > indent:
		child := r.node(Map)
		r.mapping(child, r.indent)
		return child
	case first != "" && first[0] == '#':
		r.fail() // whose comment it is depends on more than its indent
	}
	return r.node(Null)
}

// firstEntryIsItem looks past comments at the line that they precede.
func (r *fastReader) firstEntryIsItem() bool {
	for rest := r.rest; rest != ""; {
		line, after, _ := strings.Cut(rest, "\n")
		line = strings.TrimLeft(line, " ")
		if line != "" && line[0] != '#' {
			return strings.HasPrefix(line, "- ")
		}
		rest = after
	}
	return false
}

// literal reads a block of text.
func (r *fastReader) literal(indent int, newline bool) *Node {
	var out strings.Builder
	width := -1
	for r.rest != "" {
		line, after, _ := strings.Cut(r.rest, "\n")
		text := strings.TrimLeft(line, " ")
		if width < 0 && (text == "" || len(line)-len(text) <= indent) {
			r.fail()
			break
		}
		if width < 0 {
			width = len(line) - len(text)
		}
		if text == "" && len(line) > 0 || text != "" && len(line)-len(text) < width {
			if text == "" || len(line)-len(text) > indent {
				r.fail() // blanks that count, or an indent that fits nothing
			}
			break
		}
		if out.Len() > 0 {
			out.WriteByte('\n')
		}
		if text != "" {
			out.WriteString(line[width:])
		}
		r.rest = after
	}
	n := r.node(String)
	n.Text = out.String()
	if n.Text == "" || strings.HasSuffix(n.Text, "\n") {
		r.fail() // trailing empty lines
	}
	if newline {
		n.Text += "\n"
	}
	r.next()
	return n
}

// scalar returns the value of a one-line scalar.
func (r *fastReader) scalar(text string) *Node {
	n := r.node(String)
	switch {
	case text == "":
		r.fail()
	case isPlainText(text):
		n.Text = text
	case text[0] == '\'':
		inner, ok := cutQuotes(text, '\'')
		if !ok || strings.Contains(strings.ReplaceAll(inner, "''", ""), "'") {
			r.fail()
		}
		n.Text = strings.ReplaceAll(inner, "''", "'")
	case text[0] == '"':
		inner, ok := cutQuotes(text, '"')
		if !ok || strings.ContainsAny(inner, "\"\\") {
			r.fail()
		}
		n.Text = inner
	case isPlainStart(text) && !strings.Contains(text, ": ") && text[len(text)-1] != ':':
		value, err := yamlScalar(&yaml.Node{Kind: yaml.ScalarNode, Value: text})
		if err != nil {
			r.fail()
			return n
		}
		n.Kind, n.Text = value.Kind, value.Text
	default:
		r.fail()
	}
	return n
}

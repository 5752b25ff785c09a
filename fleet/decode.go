package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxInventory bounds what is parsed at all.
const maxInventory = 16 << 20

// Parse reads an inventory; file is named in the problems. Every fault is
// reported, sorted by place. The inventory is nil if data is no YAML map, and
// else has whatever could be understood, for reading: a caller that writes must
// refuse if any problem is an [Error].
func Parse(file string, data []byte) (*Inventory, []Problem) {
	return parse(file, data, recipientCache{new(sync.Map)})
}

func parse(file string, data []byte, known recipientCache) (*Inventory, []Problem) {
	d := &decoder{file: file, bad: map[*yaml.Node]bool{}, at: map[string]*yaml.Node{}, known: known}
	root := d.document(data)
	if root == nil {
		return nil, d.problems
	}
	d.check(root, inventoryShape, "")
	inv := &Inventory{file: file, data: slices.Clone(data), known: known}
	inv.model = d.extract(root)
	d.validate(&inv.model)
	sortProblems(d.problems)
	inv.problems = d.problems
	return inv, slices.Clone(d.problems)
}

// A decoder turns the text of an inventory into a model and problems.
type decoder struct {
	file     string
	problems []Problem
	bad      map[*yaml.Node]bool   // what extraction leaves out
	at       map[string]*yaml.Node // where things were written, by a name of their own
	known    recipientCache
}

func (d *decoder) report(code string, n *yaml.Node, message, fix string) {
	p := Problem{Code: code, Severity: severityOf(code), File: d.file, Message: message, Fix: fix}
	if n != nil {
		p.Line, p.Column = n.Line, n.Column
	}
	d.problems = append(d.problems, p)
}

func (d *decoder) fail(code string, n *yaml.Node, message, fix string) {
	d.bad[n] = true
	d.report(code, n, message, fix)
}

const strayBreaks = "\r\u0085\u2028\u2029\ufeff"

var yamlLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?`) })

// document returns the root map, or nil after reporting why there is none.
func (d *decoder) document(data []byte) *yaml.Node {
	syntax := func(line int, message, fix string) *yaml.Node {
		d.problems = append(d.problems, Problem{Code: CodeSyntax, Severity: Error, File: d.file, Line: line, Column: 1, Message: message, Fix: fix})
		return nil
	}
	if len(data) > maxInventory {
		return syntax(1, "the file is larger than 16 MiB", "")
	}
	if !utf8.Valid(data) {
		return syntax(1, "the file is not UTF-8", "")
	}
	if at := bytes.IndexAny(data, strayBreaks); at >= 0 {
		return syntax(1+bytes.Count(data[:at], []byte("\n")), "the file has a line break other than LF, or a byte order mark", "save it with LF line ends and without a byte order mark")
	}
	for number, line := range bytes.Split(data, []byte("\n")) {
		if bytes.HasPrefix(line, []byte("<<<<<<< ")) {
			return syntax(number+1, "a merge of git left its marks here", "resolve it as text, then run keyreeve rekey")
		}
		if bytes.HasPrefix(line, []byte("...")) || bytes.HasPrefix(line, []byte("%")) {
			return syntax(number+1, "an inventory has no end marker and no directive", "remove the line")
		}
	}
	var doc yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	if err := decodeNode(decoder, &doc); errors.Is(err, io.EOF) {
		return syntax(1, "the file is empty", "begin with: version: 1")
	} else if err != nil {
		line, message := yamlError(err)
		return syntax(line, message, "")
	}
	var next yaml.Node
	if err := decodeNode(decoder, &next); !errors.Is(err, io.EOF) {
		return syntax(max(1, next.Line), "an inventory is one YAML document, this file has several", "remove what follows the second ---")
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return syntax(root.Line, "expected a map with the field version, found "+kindOf(root), "begin with: version: 1")
	}
	if n := aliased(root); n != nil {
		d.report(CodeSyntax, n, "an inventory has no anchors, aliases or tags", "write the value out")
		return nil
	}
	return root
}

// decodeNode decodes one document and turns a panic of the YAML library into an
// error.
func decodeNode(decoder *yaml.Decoder, n *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("yaml: the file does not parse")
		}
	}()
	return decoder.Decode(n)
}

// yamlError splits an error of the YAML library into line and message.
func yamlError(err error) (int, string) {
	s := err.Error()
	m := yamlLine().FindStringSubmatch(s)
	line, _ := strconv.Atoi(m[1])
	message := strings.TrimPrefix(s, m[0])
	if secretLike(message) {
		message = "it does not parse"
	}
	return max(1, line), "the YAML does not parse: " + message
}

// aliased returns a node that does not stand for itself alone.
func aliased(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		return n
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && c.Tag == "!!merge" {
			return c
		}
		if found := aliased(c); found != nil {
			return found
		}
	}
	return nil
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.Tag {
	case "!!null":
		return "nothing"
	case "!!bool", "!!int", "!!float", "!!timestamp":
		return quote(n.Value)
	}
	return "the text " + quote(n.Value)
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// check reports where n differs from its shape; where names n for messages.
func (d *decoder) check(n *yaml.Node, s *shape, where string) {
	switch s.kind {
	case objectShape, mapShape:
		if isNull(n) {
			n = &yaml.Node{Kind: yaml.MappingNode, Line: n.Line, Column: n.Column}
		}
		if n.Kind != yaml.MappingNode {
			d.fail(CodeWrongType, n, fmt.Sprintf("%sexpected a map, found %s", prefix(where), kindOf(n)), "")
			return
		}
		d.checkMap(n, s, where)
	case listShape:
		if isNull(n) {
			return
		}
		if n.Kind != yaml.SequenceNode {
			d.fail(CodeWrongType, n, fmt.Sprintf("%sexpected a list, found %s", prefix(where), kindOf(n)), "")
			return
		}
		for _, c := range n.Content {
			d.check(c, s.elem, where)
		}
	case anyShape:
		d.checkForeign(n, where)
	default:
		d.checkScalar(n, s, where)
	}
}

func prefix(where string) string {
	if where == "" {
		return ""
	}
	return where + ": "
}

func (d *decoder) checkMap(n *yaml.Node, s *shape, where string) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			d.fail(CodeWrongType, key, fmt.Sprintf("%sexpected a name, found %s", prefix(where), kindOf(key)), "")
			continue
		}
		if line, again := seen[key.Value]; again {
			d.fail(CodeDuplicate, key, fmt.Sprintf("%s%s is here twice, first on line %d", prefix(where), quote(key.Value), line), "remove one of the two")
			continue
		}
		seen[key.Value] = key.Line
		inside := strings.TrimPrefix(where+"."+key.Value, ".")
		if secretLike(key.Value) {
			d.fail(CodePrivateKey, key, prefix(where)+"a private key where a name belongs", "remove it; if this file was committed or sent, replace the key")
			continue
		}
		elem := s.elem
		if s.kind == objectShape {
			if elem = d.fieldShape(s, key, where); elem == nil {
				continue
			}
		} else if !d.checkFormat(key, s.key, where) {
			continue
		}
		d.check(value, elem, inside)
	}
	for _, f := range s.fields {
		if _, ok := seen[f.name]; f.required && !ok {
			d.fail(CodeMissingField, n, fmt.Sprintf("%sthe field %s is missing", prefix(where), f.name), "")
		}
	}
}

// fieldShape returns the shape of an object's field, or nil after reporting that
// there is no such field.
func (d *decoder) fieldShape(s *shape, key *yaml.Node, where string) *shape {
	var known []string
	for _, f := range s.fields {
		if f.name == key.Value {
			return f.shape
		}
		known = append(known, f.name)
	}
	fix := ""
	if best := nearest(key.Value, known); best != "" {
		fix = "nearest: " + best
	} else if len(known) > 0 {
		fix = "fields here: " + listed(known, 12)
	}
	d.fail(CodeUnknownField, key, prefix(where)+"unknown field "+quote(key.Value), fix)
	return nil
}

func (d *decoder) checkScalar(n *yaml.Node, s *shape, where string) {
	expected := map[shapeKind]string{textShape: "a text", boolShape: "true or false", intShape: "a whole number"}[s.kind]
	if s.format != nil {
		expected = s.format.expects
	}
	if len(s.enum) > 0 {
		expected = strings.Join(s.enum, " or ")
	}
	wrong := n.Kind != yaml.ScalarNode || isNull(n) && s.format != regexFormat ||
		s.kind == boolShape && n.Tag != "!!bool" || s.kind == intShape && n.Tag != "!!int"
	switch {
	case n.Kind == yaml.ScalarNode && secretLike(n.Value):
		d.fail(CodePrivateKey, n, prefix(where)+"a private key where "+expected+" belongs",
			"give the public key (age-keygen -y prints it); if this file was committed or sent, replace the key")
	case wrong:
		d.fail(CodeWrongType, n, fmt.Sprintf("%sexpected %s, found %s", prefix(where), expected, kindOf(n)), "")
	case len(s.enum) > 0 && !slices.Contains(s.enum, n.Value):
		fix := ""
		if best := nearest(n.Value, s.enum); best != "" {
			fix = "nearest: " + best
		}
		d.fail(CodeWrongValue, n, fmt.Sprintf("%sexpected %s, found %s", prefix(where), expected, quote(n.Value)), fix)
	case s.kind == intShape:
		if v, err := strconv.Atoi(n.Value); err != nil || v < s.least {
			d.fail(CodeWrongValue, n, fmt.Sprintf("%sexpected a whole number of at least %d, found %s", prefix(where), s.least, quote(n.Value)), "")
		}
	case s.format != nil:
		d.checkFormat(n, s.format, where)
	}
}

func (d *decoder) checkFormat(n *yaml.Node, f *format, where string) bool {
	if f.matches == nil || f.matches(n.Value) {
		return true
	}
	fix := ""
	if f == nameFormat {
		if best := suggestName(n.Value); best != "" {
			fix = "nearest: " + best
		}
	}
	d.fail(f.code, n, fmt.Sprintf("%sexpected %s, found %s", prefix(where), f.expects, quote(n.Value)), fix)
	return false
}

// checkForeign accepts any text, list or map but never a private key.
func (d *decoder) checkForeign(n *yaml.Node, where string) {
	if n.Kind == yaml.ScalarNode && secretLike(n.Value) {
		d.fail(CodePrivateKey, n, prefix(where)+"a private key where a public one belongs", "remove it; if this file was committed or sent, replace the key")
	}
	for _, c := range n.Content {
		d.checkForeign(c, where)
	}
}

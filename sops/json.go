package sops

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// jsonReader reads one JSON object and keeps the order and the duplicates of
// its keys, which encoding/json's own maps would lose.
type jsonReader struct {
	data  []byte
	dec   *json.Decoder
	depth int
}

func readJSON(data []byte) ([]*Node, error) {
	r := &jsonReader{data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	r.dec.UseNumber()
	first, err := r.dec.Token()
	if err != nil {
		return nil, r.syntaxError(err)
	}
	if first != json.Delim('{') {
		return nil, r.errorf("the top of a document is no object; sops needs one")
	}
	tree, err := r.object()
	if err != nil {
		return nil, err
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, r.errorf("something follows the end of the object")
	}
	return []*Node{tree}, nil
}

func (r *jsonReader) position() (line, column int) {
	offset := min(int(r.dec.InputOffset()), len(r.data))
	before := r.data[:offset]
	return 1 + bytes.Count(before, []byte{'\n'}), offset - bytes.LastIndexByte(before, '\n')
}

func (r *jsonReader) errorf(format string, args ...any) error {
	line, column := r.position()
	return &SyntaxError{Format: JSON, Line: line, Column: column, Msg: fmt.Sprintf(format, args...)}
}

func (r *jsonReader) syntaxError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return r.errorf("the document ends too early")
	}
	return r.errorf("unexpected character")
}

func (r *jsonReader) enter() error {
	r.depth++
	if r.depth > maxDepth {
		return r.errorf("nested deeper than %d levels", maxDepth)
	}
	return nil
}

func (r *jsonReader) object() (*Node, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	out := MapNode()
	for {
		token, err := r.dec.Token()
		if err != nil {
			return nil, r.syntaxError(err)
		}
		if token == json.Delim('}') {
			r.depth--
			return out, nil
		}
		key, ok := token.(string)
		if !ok {
			return nil, r.errorf("a key is not a string")
		}
		value, err := r.value()
		if err != nil {
			return nil, err
		}
		out.Children = append(out.Children, Item(key, value))
	}
}

func (r *jsonReader) value() (*Node, error) {
	token, err := r.dec.Token()
	if err != nil {
		return nil, r.syntaxError(err)
	}
	return r.fromToken(token)
}

func (r *jsonReader) fromToken(token json.Token) (*Node, error) {
	switch v := token.(type) {
	case nil:
		return &Node{Kind: Null}, nil
	case string:
		return StringNode(v), nil
	case bool:
		return &Node{Kind: Bool, Text: BoolText(v)}, nil
	case json.Number:
		return r.number(v)
	case json.Delim:
		if v == '{' {
			return r.object()
		}
		return r.array()
	}
	return nil, r.errorf("unexpected token")
}

func (r *jsonReader) array() (*Node, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	out := ListNode()
	for {
		token, err := r.dec.Token()
		if err != nil {
			return nil, r.syntaxError(err)
		}
		if token == json.Delim(']') {
			r.depth--
			return out, nil
		}
		item, err := r.fromToken(token)
		if err != nil {
			return nil, err
		}
		out.Children = append(out.Children, item)
	}
}

// number reads what fits 64 bits as an int and everything else as a float, so
// that large integers keep their digits.
func (r *jsonReader) number(n json.Number) (*Node, error) {
	if i, err := n.Int64(); err == nil {
		return &Node{Kind: Int, Text: strconv.FormatInt(i, 10)}, nil
	}
	f, err := n.Float64()
	if err != nil {
		return nil, r.errorf("a number is out of range")
	}
	return &Node{Kind: Float, Text: FloatText(f)}, nil
}

// jsonWriter emits JSON as sops does: ": " after a key, HTML escapes, comments
// dropped. A negative indent means tabs.
type jsonWriter struct {
	out    []byte
	indent string
	lossy  bool // something will not come back as it is
}

func newJSONWriter(indent int) *jsonWriter {
	if indent < 0 {
		return &jsonWriter{indent: "\t"}
	}
	return &jsonWriter{indent: strings.Repeat(" ", indent)}
}

// writeJSON emits a document; it is exact unless a value was replaced.
func writeJSON(tree *Node, indent int) (out []byte, exact bool, err error) {
	w := newJSONWriter(indent)
	if err := w.value(tree, 0); err != nil {
		return nil, false, err
	}
	return append(w.out, '\n'), !w.lossy, nil
}

// writeJSONValue emits one value without a final newline.
func writeJSONValue(n *Node, indent int) ([]byte, error) {
	w := newJSONWriter(indent)
	err := w.value(n, 0)
	return w.out, err
}

func (w *jsonWriter) newline(level int) {
	w.out = append(w.out, '\n')
	for range level {
		w.out = append(w.out, w.indent...)
	}
}

func (w *jsonWriter) value(n *Node, level int) error {
	switch n.Kind {
	case Map, List:
		return w.container(n, level)
	case String:
		return w.text(n.Text)
	case Null:
		w.out = append(w.out, "null"...)
	case Int:
		w.out = append(w.out, n.Text...)
	case Bool:
		w.out = append(w.out, strings.ToLower(n.Text)...)
	case Float:
		f, err := strconv.ParseFloat(n.Text, 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return errors.New("JSON has no way to write an infinite or undefined number")
		}
		w.lossy = w.lossy || n.Text == negativeZero
		return w.marshal(f)
	case Time:
		w.lossy = true // it comes back as a string
		t, err := parseTimeText(n.Text)
		if err != nil {
			return err
		}
		return w.marshal(t)
	default:
		return fmt.Errorf("emitting JSON: unexpected %s", n.Kind)
	}
	return nil
}

func (w *jsonWriter) container(n *Node, level int) error {
	opening, closing := byte('{'), byte('}')
	if n.Kind == List {
		opening, closing = '[', ']'
	}
	w.out = append(w.out, opening)
	empty := true
	for _, child := range n.Children {
		if child.Kind == Comment {
			continue
		}
		if !empty {
			w.out = append(w.out, ',')
		}
		empty = false
		w.newline(level + 1)
		if n.Kind == Map {
			if err := w.text(child.Key); err != nil {
				return err
			}
			w.out = append(w.out, ": "...)
		}
		if err := w.value(child, level+1); err != nil {
			return err
		}
	}
	if !empty {
		w.newline(level)
	}
	w.out = append(w.out, closing)
	return nil
}

func (w *jsonWriter) text(s string) error {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' || c >= utf8.RuneSelf {
			w.lossy = w.lossy || !utf8.ValidString(s)
			return w.marshal(s)
		}
	}
	w.out = append(w.out, '"')
	w.out = append(w.out, s...)
	w.out = append(w.out, '"')
	return nil
}

func (w *jsonWriter) marshal(v any) error {
	encoded, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("emitting JSON: %w", err)
	}
	w.out = append(w.out, encoded...)
	return nil
}

package fleet

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A splicer changes single lines of a YAML text and leaves all others as they
// are. Every change parses the text anew, so that positions hold.
type splicer struct {
	data []byte
	root *yaml.Node
}

func newSplicer(data []byte) (*splicer, error) {
	s := &splicer{data: data}
	return s, s.parse()
}

func (s *splicer) parse() error {
	var doc yaml.Node
	if err := yaml.Unmarshal(s.data, &doc); err != nil {
		return err
	}
	if doc.Kind != yaml.DocumentNode || doc.Content[0].Kind != yaml.MappingNode {
		return fmt.Errorf("no map")
	}
	s.root = doc.Content[0]
	return nil
}

// replace puts text in place of the bytes from start up to end.
func (s *splicer) replace(start, end int, text string) error {
	s.data = slices.Concat(s.data[:start], []byte(text), s.data[end:])
	return s.parse()
}

// find returns the key and value at path, whose decimal segments index lists; key
// is nil in a list, both are nil where there is nothing.
func (s *splicer) find(path ...string) (key, value *yaml.Node) {
	value = s.root
	for _, segment := range path {
		if value == nil {
			return nil, nil
		}
		key, value = child(value, segment)
	}
	return key, value
}

func child(n *yaml.Node, segment string) (key, value *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == segment {
				return n.Content[i], n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			if fmt.Sprint(i) == segment {
				return nil, item
			}
		}
	}
	return nil, nil
}

// put adds an entry at the end of the map at path, which is made if missing.
// value is one line; in a map written over several lines it may be a map itself,
// given as lines below the key.
func (s *splicer) put(path []string, key, value string, below ...string) error {
	_, n := s.find(path...)
	if n == nil {
		if err := s.put(path[:len(path)-1], path[len(path)-1], ""); err != nil {
			return err
		}
		if _, n = s.find(path...); n == nil {
			return fmt.Errorf("cannot add %s to this file: write it in yourself", key)
		}
	}
	if isFlow(n) && len(n.Content) > 0 {
		if len(below) > 0 {
			value = "{" + strings.Join(below, ", ") + "}"
		}
		return s.appendFlow(n, key+": "+value)
	}
	lines := []string{strings.TrimRight(key+": "+value, " ")}
	for _, line := range below {
		lines = append(lines, "  "+line)
	}
	return s.appendBlock(path, n, lines)
}

// push adds an item at the end of the list at path, which is made if missing.
func (s *splicer) push(path []string, item string, short bool) error {
	_, n := s.find(path...)
	switch {
	case n == nil && short:
		return s.put(path[:len(path)-1], path[len(path)-1], "["+item+"]")
	case n == nil:
		if err := s.put(path[:len(path)-1], path[len(path)-1], ""); err != nil {
			return err
		}
		_, n = s.find(path...)
	case isFlow(n) && len(n.Content) == 0 && short:
		start := s.offset(n)
		return s.replace(start, s.flowEnd(start), "["+item+"]")
	case isFlow(n) && len(n.Content) > 0:
		return s.appendFlow(n, item)
	}
	return s.appendBlock(path, n, []string{"- " + item})
}

// isFlow reports a map or list between brackets.
func isFlow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }

func (s *splicer) appendFlow(n *yaml.Node, element string) error {
	start := s.offset(n)
	end := s.flowEnd(start) - 1
	last := len(strings.TrimRight(string(s.data[:end]), " \n"))
	if s.data[last-1] == ',' {
		return s.replace(last, last, " "+element)
	}
	return s.replace(last, last, ", "+element)
}

// appendBlock adds lines at the end of the map or list n, which is empty or is
// written over several lines.
func (s *splicer) appendBlock(path []string, n *yaml.Node, lines []string) error {
	var indent, at int
	key, _ := s.find(path...)
	switch {
	case key != nil && len(n.Content) == 0:
		indent = key.Column - 1 + s.step()
		if !isNull(n) || n.Value != "" {
			start := s.offset(n)
			end := start + len(n.Value)
			if isFlow(n) {
				end = s.flowEnd(start)
			}
			before := len(strings.TrimRight(string(s.data[:start]), " "))
			if err := s.replace(before, end, ""); err != nil {
				return err
			}
			key, _ = s.find(path...)
		}
		at = s.lineStart(key.Line + 1)
	default:
		first := n.Content[0]
		indent = first.Column - 1
		if n.Kind == yaml.SequenceNode {
			indent = n.Column - 1
		}
		at = s.blockEnd(n, indent)
	}
	var b strings.Builder
	if at > 0 && s.data[at-1] != '\n' {
		b.WriteByte('\n')
	}
	for _, line := range lines {
		b.WriteString(strings.Repeat(" ", indent) + line + "\n")
	}
	return s.replace(at, at, b.String())
}

// step is by how much the text indents.
func (s *splicer) step() int {
	for i := 0; i+1 < len(s.root.Content); i += 2 {
		if v := s.root.Content[i+1]; v.Kind == yaml.MappingNode && !isFlow(v) && len(v.Content) > 0 && v.Column > 1 {
			return v.Column - 1
		}
	}
	return 2
}

// blockEnd returns the offset behind the last line of a map or list that is
// indented by indent; comments that are indented less are not part of it.
func (s *splicer) blockEnd(n *yaml.Node, indent int) int {
	at := s.lineStart(n.Line)
	end := at
	for at < len(s.data) {
		line, next := s.line(at)
		text := strings.TrimLeft(line, " ")
		depth := len(line) - len(text)
		if text != "" && (depth < indent || depth == indent && n.Kind == yaml.SequenceNode && at > s.lineStart(n.Line) && !strings.HasPrefix(text, "-") && !strings.HasPrefix(text, "#")) {
			break
		}
		at = next
		if text != "" {
			end = at
		}
	}
	return end
}

// remove removes the entry or item at path.
func (s *splicer) remove(path ...string) error {
	_, parent := s.find(path[:len(path)-1]...)
	key, value := s.find(path...)
	if parent == nil || value == nil {
		return fmt.Errorf("no %s", strings.Join(path, "."))
	}
	first := key
	if first == nil {
		first = value
	}
	if isFlow(parent) {
		return s.removeFlow(first, value)
	}
	indent := parent.Column - 1
	if key != nil {
		indent = key.Column - 1
	}
	start := s.lineStart(first.Line)
	_, at := s.line(start)
	end := at
	for at < len(s.data) {
		line, next := s.line(at)
		text := strings.TrimLeft(line, " ")
		depth := len(line) - len(text)
		inside := depth > indent || key != nil && value.Kind == yaml.SequenceNode && depth == indent && strings.HasPrefix(text, "-")
		if text != "" && !inside {
			break
		}
		at = next
		if text != "" {
			end = at
		}
	}
	if len(path) > 1 && onlyChild(parent) {
		return s.removeLast(path, start, end)
	}
	return s.replace(start, end, "")
}

func onlyChild(parent *yaml.Node) bool {
	return parent.Kind == yaml.MappingNode && len(parent.Content) == 2 || parent.Kind == yaml.SequenceNode && len(parent.Content) == 1
}

// removeLast removes the only entry of a map or list and the key that held it.
func (s *splicer) removeLast(path []string, start, end int) error {
	key, _ := s.find(path[:len(path)-1]...)
	if key != nil && key.Line == s.lineOf(start) {
		start = s.offset(key)
	}
	if key == nil {
		return s.replace(start, end, "")
	}
	if err := s.replace(start, end, ""); err != nil {
		return err
	}
	return s.remove(path[:len(path)-1]...)
}

// removeFlow removes an element between brackets and one comma beside it.
func (s *splicer) removeFlow(first, value *yaml.Node) error {
	start, end := s.offset(first), s.valueEnd(value)
	rest := string(s.data[end:])
	if trimmed := strings.TrimLeft(rest, " \n"); strings.HasPrefix(trimmed, ",") {
		end += len(rest) - len(trimmed) + 1
		end += len(s.data[end:]) - len(strings.TrimLeft(string(s.data[end:]), " "))
	} else if before := strings.TrimRight(string(s.data[:start]), " \n"); strings.HasSuffix(before, ",") {
		start = len(before) - 1
	}
	return s.replace(start, end, "")
}

// rewrite puts other text in place of a name or value on one line.
func (s *splicer) rewrite(n *yaml.Node, text string) error {
	return s.replace(s.offset(n), s.valueEnd(n), text)
}

// valueEnd returns the offset behind a value that is on one line or in brackets.
func (s *splicer) valueEnd(n *yaml.Node) int {
	start := s.offset(n)
	switch {
	case n.Kind != yaml.ScalarNode:
		return s.flowEnd(start)
	case s.data[start] == '"' || s.data[start] == '\'':
		return s.quotedEnd(start)
	}
	return start + len(n.Value)
}

// flowEnd returns the offset behind the bracket that closes the one at start.
func (s *splicer) flowEnd(start int) int {
	depth := 0
	for at := start; at < len(s.data); at++ {
		switch c := s.data[at]; {
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return at + 1
			}
		case (c == '"' || c == '\'') && strings.ContainsRune(" \n[{,:", rune(s.data[at-1])):
			at = s.quotedEnd(at) - 1
		case c == '#' && strings.ContainsRune(" \n\t", rune(s.data[at-1])):
			_, next := s.line(at)
			at = next - 1
		}
	}
	return len(s.data)
}

func (s *splicer) quotedEnd(start int) int {
	quote := s.data[start]
	for at := start + 1; at < len(s.data); at++ {
		switch {
		case s.data[at] == '\\' && quote == '"':
			at++
		case s.data[at] == quote && quote == '\'' && at+1 < len(s.data) && s.data[at+1] == quote:
			at++
		case s.data[at] == quote:
			return at + 1
		}
	}
	return len(s.data)
}

// offset returns where a node begins.
func (s *splicer) offset(n *yaml.Node) int {
	at := s.lineStart(n.Line)
	for column := 1; column < n.Column && at < len(s.data); column++ {
		at++
		for at < len(s.data) && s.data[at]&0xC0 == 0x80 {
			at++
		}
	}
	return at
}

// lineStart returns where a line, counted from 1, begins.
func (s *splicer) lineStart(line int) int {
	at := 0
	for ; line > 1 && at < len(s.data); line-- {
		_, at = s.line(at)
	}
	return at
}

func (s *splicer) lineOf(offset int) int { return 1 + strings.Count(string(s.data[:offset]), "\n") }

// line returns the line at an offset, without its end, and where the next begins.
func (s *splicer) line(at int) (string, int) {
	if i := bytes.IndexByte(s.data[at:], '\n'); i >= 0 {
		return string(s.data[at : at+i]), at + i + 1
	}
	return string(s.data[at:]), len(s.data)
}

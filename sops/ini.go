package sops

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"gopkg.in/ini.v1"
)

// INI goes through the same library as in sops, which decides what a line
// means; sections are maps, and an implicit DEFAULT section holds what stands
// before the first one.

// maxINILines bounds the lines that the library reads, for which it takes time
// that grows with their square.
const maxINILines = 50_000

func readINI(data []byte) ([]*Node, error) {
	if bytes.Count(data, []byte{'\n'}) > maxINILines {
		return nil, &SyntaxError{Format: INI, Msg: fmt.Sprintf("more than %d lines", maxINILines)}
	}
	file, err := ini.LoadSources(ini.LoadOptions{AllowNonUniqueSections: true}, data)
	if err != nil {
		return nil, iniSyntaxError(data, err)
	}
	tree := MapNode()
	for _, section := range file.Sections() {
		out := Item(section.Name(), MapNode())
		appendINIComment(out, section.Comment)
		for _, key := range section.Keys() {
			out.Children = append(out.Children, Item(key.Name(), StringNode(key.Value())))
			appendINIComment(out, key.Comment)
		}
		tree.Children = append(tree.Children, out)
	}
	return []*Node{tree}, nil
}

var iniQuoted = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`key-value delimiter not found: (.*)`) })

// iniSyntaxError finds the line that the library quotes, and does not quote it.
func iniSyntaxError(data []byte, err error) error {
	match := iniQuoted().FindStringSubmatch(err.Error())
	if match == nil {
		return &SyntaxError{Format: INI, Msg: "cannot be parsed"}
	}
	culprit := strings.TrimSpace(match[1])
	line := 0
	for i, text := range strings.Split(string(data), "\n") {
		if strings.TrimSpace(text) == culprit {
			line = i + 1
			break
		}
	}
	return &SyntaxError{Format: INI, Line: line, Msg: "no = or : in the line"}
}

func appendINIComment(to *Node, comment string) {
	if comment == "" {
		return
	}
	if strings.HasPrefix(comment, ";") {
		comment = strings.TrimLeft(comment, "; ")
	} else if strings.HasPrefix(comment, "#") {
		comment = strings.TrimLeft(comment, "# ")
	}
	to.Children = append(to.Children, &Node{Kind: Comment, Text: comment})
}

func writeINI(trees []*Node) ([]byte, error) {
	file := ini.Empty(ini.LoadOptions{AllowNonUniqueSections: true})
	file.DeleteSection(ini.DefaultSection)
	for _, tree := range trees {
		for _, item := range tree.Values() {
			if item.Kind != Map {
				return nil, fmt.Errorf("INI cannot hold %q outside a section", item.Key)
			}
			section, err := file.NewSection(item.Key)
			if err != nil {
				return nil, fmt.Errorf("INI cannot hold the section %q", item.Key)
			}
			if err := writeINISection(section, item); err != nil {
				return nil, err
			}
		}
	}
	var out bytes.Buffer
	if _, err := file.WriteTo(&out); err != nil {
		return nil, errors.New("emitting INI failed")
	}
	return out.Bytes(), nil
}

func writeINISection(section *ini.Section, item *Node) error {
	children := item.Children
	if len(children) > 0 && children[0].Kind == Comment {
		section.Comment = iniComment(children[0].Text)
		children = children[1:]
	}
	var last *ini.Key
	for _, child := range children {
		if child.Kind == Comment {
			if last != nil {
				last.Comment = iniComment(child.Text)
			}
			continue
		}
		if !child.Kind.IsScalar() {
			return fmt.Errorf("INI cannot hold the map or list %q", item.Key+"/"+child.Key)
		}
		text := child.Text
		if child.Kind != String {
			text = flatText(child)
		}
		var err error
		if last, err = section.NewKey(child.Key, text); err != nil {
			return fmt.Errorf("INI cannot hold the key %q", child.Key)
		}
	}
	return nil
}

// iniComment marks the empty lines of a comment, at which the library panics.
func iniComment(text string) string {
	if text == "" {
		return ""
	}
	lines := strings.Split(text, ini.LineBreak)
	for i, line := range lines {
		if line == "" {
			lines[i] = ";"
		}
	}
	return strings.Join(lines, ini.LineBreak)
}

// metadata values in INI hold newlines as a backslash and an "n".

func escapeNewlines(items []*Node) {
	for _, n := range items {
		n.Text = strings.ReplaceAll(n.Text, "\n", `\n`)
	}
}

func unescapeNewlines(items []*Node) {
	for _, n := range items {
		n.Text = strings.ReplaceAll(n.Text, `\n`, "\n")
	}
}

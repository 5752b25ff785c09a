package sops

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// readDotenv reads KEY=value lines and whole-line comments. A backslash and an
// "n" stand for a newline; there is no quoting, trimming or export.
func readDotenv(data []byte) ([]*Node, error) {
	tree := MapNode()
	for number, line := range bytes.Split(data, []byte{'\n'}) {
		switch {
		case len(line) == 0:
		case line[0] == '#':
			tree.Children = append(tree.Children, &Node{Kind: Comment, Text: string(line[1:])})
		default:
			key, value, ok := strings.Cut(string(line), "=")
			if !ok {
				return nil, &SyntaxError{Format: Dotenv, Line: number + 1, Msg: "no = in the line"}
			}
			tree.Children = append(tree.Children, Item(key, StringNode(strings.ReplaceAll(value, `\n`, "\n"))))
		}
	}
	return []*Node{tree}, nil
}

func writeDotenv(tree *Node) ([]byte, error) {
	var out bytes.Buffer
	for _, n := range tree.Children {
		switch n.Kind {
		case Comment:
			fmt.Fprintf(&out, "#%s\n", n.Text)
		case Map, List:
			return nil, fmt.Errorf("dotenv cannot hold the map or list %q", n.Key)
		case String:
			fmt.Fprintf(&out, "%s=%s\n", n.Key, strings.ReplaceAll(n.Text, "\n", `\n`))
		default:
			fmt.Fprintf(&out, "%s=%s\n", n.Key, flatText(n))
		}
	}
	return out.Bytes(), nil
}

// FlatText returns a decrypted scalar as sops writes it into a format that has
// only strings, and into an environment: "true", "1.0", "<nil>".
func (n *Node) FlatText() string { return flatText(n) }

// flatText is the form in which sops writes a value that is no string into a
// format that has only strings.
func flatText(n *Node) string {
	switch n.Kind {
	case Null:
		return "<nil>"
	case Bool:
		return strings.ToLower(n.Text)
	case Float:
		f, err := strconv.ParseFloat(n.Text, 64)
		if err != nil {
			return n.Text
		}
		text := strconv.FormatFloat(f, 'G', -1, 64)
		if !strings.ContainsAny(text, ".E") {
			return strconv.FormatFloat(f, 'f', 1, 64)
		}
		return text
	case Time:
		if t, err := parseTimeText(n.Text); err == nil {
			return t.Format(time.RFC3339)
		}
	}
	return n.Text
}

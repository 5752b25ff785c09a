package fleet

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Mention is a place of a .sops.yaml where keys are written, with what stands
// beside them and may say whose they are.
type Mention struct {
	Keys    []string // the text, split at commas
	Anchor  string   // such as host_potato, or ""
	Field   string   // the field whose value it is, or in whose list it is an item
	Comment string   // beside it, or else on the lines above it, without #
	Line    int
}

// mentions returns the texts of the file in order, for whoever looks for the
// names of keys in it. Aliases are not followed.
func mentions(root *yaml.Node) []Mention {
	var all []Mention
	var walk func(n *yaml.Node, field, above string)
	walk = func(n *yaml.Node, field, above string) {
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				walk(n.Content[i+1], n.Content[i].Value, n.Content[i].HeadComment)
			}
		case yaml.ScalarNode:
			m := Mention{Anchor: n.Anchor, Field: field, Line: n.Line}
			for part := range strings.SplitSeq(n.Value, ",") {
				if part = strings.TrimSpace(part); part != "" {
					m.Keys = append(m.Keys, part)
				}
			}
			for _, text := range []string{n.LineComment, n.HeadComment, above} {
				if m.Comment == "" {
					m.Comment = commentText(text)
				}
			}
			all = append(all, m)
		default:
			for _, c := range n.Content {
				walk(c, field, "")
			}
		}
	}
	walk(root, "", "")
	return all
}

// commentText returns a comment's text without its # marks.
func commentText(s string) string {
	var lines []string
	for line := range strings.SplitSeq(s, "\n") {
		if text := strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(line), "#")); text != "" {
			lines = append(lines, text)
		}
	}
	return strings.Join(lines, " ")
}

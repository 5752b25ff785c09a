package sops

import (
	"fmt"
	"unicode/utf8"
)

// A ValueError reports a value that plaintext in a format would not give back
// byte for byte. It never holds the value.
type ValueError struct {
	Format Format
	Path   []string
	Reason string
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("%s: %s does not give back %s unchanged", FormatPath(e.Path), e.Format, e.Reason)
}

// Fits returns a *[ValueError] if value, put at a key path of a document in
// format f, would come back changed from the plaintext that sops writes: bytes
// that are no UTF-8 outside binary documents, a backslash before an n in dotenv,
// quotes that INI strips, a number where there are only strings.
func (f Format) Fits(path []string, value *Node) error {
	if f == Binary {
		return nil
	}
	if !validText(value) {
		return &ValueError{f, path, "what is not UTF-8"}
	}
	item := value.Clone()
	for i := len(path) - 1; i > 0; i-- {
		item = MapNode(Item(path[i], item))
	}
	d := NewDocument(f)
	d.Trees[0].Children = append(d.Trees[0].Children, Item(path[0], item))
	out, err := d.Plain(f)
	if err != nil {
		return err
	}
	again, err := ParsePlain(out, f)
	if err != nil || difference(d.Trees[0], again.Trees[0]) != nil {
		return &ValueError{f, path, "this " + value.Kind.String()}
	}
	return nil
}

func validText(n *Node) bool {
	if !utf8.ValidString(n.Text) || !utf8.ValidString(n.Key) {
		return false
	}
	for _, child := range n.Children {
		if !validText(child) {
			return false
		}
	}
	return true
}

package sops

// Kind is the type of a [Node].
type Kind uint8

const (
	Null Kind = iota
	String
	Int
	Float
	Bool
	Time
	Map
	List
	Comment
)

var kindNames = [...]string{
	Null: "null", String: "str", Int: "int", Float: "float", Bool: "bool",
	Time: "time", Map: "map", List: "list", Comment: "comment",
}

// String returns the name that sops uses in the type field of a cipher string,
// and "null", "map" and "list" for what is never encrypted.
func (k Kind) String() string { return kindNames[k] }

// IsScalar reports whether a node of kind k holds one value.
func (k Kind) IsScalar() bool { return k != Map && k != List && k != Comment }

func (k Kind) isNumber() bool { return k == Int || k == Float }

// A Node is one place in the tree of a document: a value, a map, a list or a
// comment.
//
// Children of a map have a Key; comments are children like others, without
// one, in document order. Text is the textual form that sops encrypts and
// hashes: "True", "12", "1.5", RFC 3339; for a comment, what follows the "#".
// In a document that is still encrypted, Text is the cipher string.
//
// A document remembers the ciphertext of its nodes, so an entry is changed
// through [Document.Set] and its siblings, not by writing to fields.
type Node struct {
	Key      string
	Kind     Kind
	Inline   bool // a comment that stood on the line of a value
	Text     string
	Children []*Node

	sealed seal
}

// A seal is the ciphertext that stands for a node as long as its content and
// its place stay the same.
type seal struct {
	cipher string
	text   string
	aad    uint64 // hash of the additional data
	kind   Kind
}

// Item is a key with its value, as Children of a map hold them.
func Item(key string, value *Node) *Node {
	value.Key = key
	return value
}

// StringNode returns a string value.
func StringNode(text string) *Node { return &Node{Kind: String, Text: text} }

// MapNode returns a map of the given items.
func MapNode(items ...*Node) *Node { return &Node{Kind: Map, Children: items} }

// ListNode returns a list of the given values.
func ListNode(items ...*Node) *Node { return &Node{Kind: List, Children: items} }

// Clone returns a deep copy of n that remembers no ciphertext.
func (n *Node) Clone() *Node {
	c := &Node{Key: n.Key, Kind: n.Kind, Inline: n.Inline, Text: n.Text}
	if n.Children != nil {
		c.Children = make([]*Node, len(n.Children))
		for i, child := range n.Children {
			c.Children[i] = child.Clone()
		}
	}
	return c
}

// Equal reports whether two nodes hold the same tree: keys, kinds, values and
// comments in the same order.
func (n *Node) Equal(other *Node) bool {
	if n.Key != other.Key || n.Kind != other.Kind || n.Text != other.Text || len(n.Children) != len(other.Children) {
		return false
	}
	for i, child := range n.Children {
		if !child.Equal(other.Children[i]) {
			return false
		}
	}
	return true
}

// Values returns the children of a list or map that are no comments.
func (n *Node) Values() []*Node {
	values := make([]*Node, 0, len(n.Children))
	for _, child := range n.Children {
		if child.Kind != Comment {
			values = append(values, child)
		}
	}
	return values
}

// Child returns the first value of a map under key, or nil.
func (n *Node) Child(key string) *Node {
	if n.Kind != Map {
		return nil
	}
	for _, child := range n.Children {
		if child.Key == key && child.Kind != Comment {
			return child
		}
	}
	return nil
}

package repo

import (
	"io/fs"
	"strconv"
	"strings"
)

// A Ref names a document, or an entry or a subtree in it:
//
//	common/services                      the document secrets/common/services.yaml
//	common/services#postgres/password    an entry in it
//	common/services#~d1/servers/0        in its second YAML document, a list item
//	./hosts/potato/secrets.yaml#wifi     a document outside secrets/
//
// Segments of the key path are joined by `/`; in a key `/` is written `~1` and
// `~` is written `~0`. A decimal segment is an index in a list and a plain key
// in a map, and `-` appends to a list: which it is depends on the document, so
// segments are kept as text.
type Ref struct {
	Doc  string   // as written: a name below secrets/, or ./ and a path
	Tree int      // which YAML document in the file, from 0
	Path []string // key path without escapes; empty for the whole document
}

// maxRef bounds a ref; nothing that a person or a program means is longer.
const maxRef = 1 << 16

// ParseRef reads a ref. Errors are of type [*RefError].
func ParseRef(s string) (Ref, error) {
	bad := func(reason string) (Ref, error) { return Ref{}, &RefError{Ref: s, Reason: reason} }
	if len(s) > maxRef {
		return Ref{}, &RefError{Ref: s[:64] + "…", Reason: "longer than 65536 bytes"}
	}
	doc, keys, hasKeys := strings.Cut(s, "#")
	if reason := checkDoc(doc); reason != "" {
		return bad(reason)
	}
	ref := Ref{Doc: doc}
	if !hasKeys {
		return ref, nil
	}
	if keys == "" {
		return bad("a key path is missing after #; without # it is the whole document")
	}
	segments := strings.Split(keys, "/")
	if number, ok := strings.CutPrefix(segments[0], "~d"); ok {
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || strconv.FormatUint(n, 10) != number {
			return bad("~d is followed by the number of a YAML document, as in ~d1")
		}
		ref.Tree, segments = int(n), segments[1:]
		if n == 0 && len(segments) == 0 {
			return bad("~d0 is the first document and needs a key path")
		}
	}
	for _, segment := range segments {
		key, ok := unescape(segment)
		if !ok {
			return bad("in a key ~ is written ~0 and / is written ~1")
		}
		ref.Path = append(ref.Path, key)
	}
	return ref, nil
}

// checkDoc says what is wrong with the document part of a ref, if anything.
func checkDoc(doc string) string {
	if doc == "" {
		return "a document is missing"
	}
	name, _ := strings.CutPrefix(doc, "./")
	switch {
	case strings.HasPrefix(name, "/"):
		return "a path is relative to the repository"
	case name == "." || !fs.ValidPath(name) || strings.ContainsRune(name, 0):
		return "a document is a plain name such as common/services, without empty, . or .. parts"
	}
	return ""
}

// String formats the ref so that [ParseRef] gives it back.
func (r Ref) String() string {
	if r.Tree == 0 && len(r.Path) == 0 {
		return r.Doc
	}
	var b strings.Builder
	b.WriteString(r.Doc)
	b.WriteByte('#')
	// A lone empty key would read as a bare #; ~d0 keeps it apart.
	lone := len(r.Path) == 1 && r.Path[0] == ""
	if r.Tree != 0 || lone {
		b.WriteString("~d")
		b.WriteString(strconv.Itoa(r.Tree))
		if len(r.Path) > 0 {
			b.WriteByte('/')
		}
	}
	for i, key := range r.Path {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(escape(key))
	}
	return b.String()
}

// Outside reports whether the ref is a ./ path rather than a name below
// secrets/.
func (r Ref) Outside() bool { return strings.HasPrefix(r.Doc, "./") }

var escaper = strings.NewReplacer("~", "~0", "/", "~1")

func escape(key string) string { return escaper.Replace(key) }

func unescape(segment string) (string, bool) {
	if !strings.Contains(segment, "~") {
		return segment, true
	}
	var b strings.Builder
	for i := 0; i < len(segment); i++ {
		if segment[i] != '~' {
			b.WriteByte(segment[i])
			continue
		}
		i++
		switch {
		case i < len(segment) && segment[i] == '0':
			b.WriteByte('~')
		case i < len(segment) && segment[i] == '1':
			b.WriteByte('/')
		default:
			return "", false
		}
	}
	return b.String(), true
}

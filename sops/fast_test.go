package sops

import (
	"bytes"
	"testing"
)

// FuzzFastYAML checks that the fast reader and emitter give up or give what the
// library gives.
func FuzzFastYAML(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, indent byte) {
		compareFastYAML(t, data, int(indent%9))
	})
}

// compareFastYAML reports whether the fast reader, and the fast emitter on what
// was read, did not give up.
func compareFastYAML(t *testing.T, data []byte, indent int) (read, written bool) {
	t.Helper()
	slow, err := readYAMLSlow(data)
	fast, read := readYAMLFast(data)
	if read {
		if err != nil {
			t.Fatalf("the fast reader takes what the library refuses: %v\n%s", err, data)
		}
		if len(fast) != len(slow) {
			t.Fatalf("%d documents, the library has %d:\n%s", len(fast), len(slow), data)
		}
		for i := range fast {
			if !fast[i].Equal(slow[i]) || !sameInline(fast[i], slow[i]) {
				t.Fatalf("document %d of\n%s\nis read as\n%s", i, data, describe(fast[i], slow[i]))
			}
		}
	}
	if err != nil {
		return read, false
	}
	opts := yamlOptions{indent: indent}
	out, written := writeYAMLFast(slow, opts)
	if !written {
		return read, false
	}
	want, err := writeYAMLSlow(slow, opts)
	if err != nil || !bytes.Equal(out, want) {
		t.Fatalf("the fast emitter writes\n%s\nthe library\n%s, %v", out, want, err)
	}
	if again, err := readYAML(out); err != nil || !sameTrees(slow, again) {
		t.Fatalf("the fast emitter writes what reads back otherwise, %v:\n%s", err, out)
	}
	return read, true
}

// Comments whose place the library sees otherwise than their indent says.
func TestFastYAMLComments(t *testing.T) {
	for _, text := range []string{
		"c:\n  - - z\n  #\n\n  - x\n",
		"a:\n    b: [1, 2]\n    # c\nc: 2\n",
		"a:\n    b:\n        - 1\n    # c\nc: 2\n",
		"a: 1\n# foot\n\nb: 2\n",
	} {
		compareFastYAML(t, []byte(text), 4)
	}
}

func sameInline(a, b *Node) bool {
	for i := range a.Children {
		if a.Children[i].Inline != b.Children[i].Inline || !sameInline(a.Children[i], b.Children[i]) {
			return false
		}
	}
	return true
}

// describe shows both trees as JSON would.
func describe(a, b *Node) string {
	show := func(n *Node) string {
		out, err := writeYAMLSlow([]*Node{n}, yamlOptions{})
		if err != nil {
			return err.Error()
		}
		return string(out)
	}
	return show(a) + "\ninstead of\n" + show(b)
}

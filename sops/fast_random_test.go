package sops

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Lines that together make documents in and near the subset of the fast reader.
var fastLines = []string{
	"a: x", "b: 1", "c:", "d: |", "e: |-", "- x", "- a: y", "- b:", "- - z", "-", "# c", "#", "# c d ", "f: v # in", "- w # in", "g: {}", "h: []",
	"\"i\": 'it''s'", "'j': \"q # r\"", "k: \"a\\n\"", "l: \"x\" # in", "- {} # in", "m: [1]", "---", "", "   ", "n: a b: c", "o: true", "p: ~", "q: 2001-12-14",
	"r: -", "s: -1", "t: .5", "u: 'x", "v: &a x", "w: *a", "x: !!str 1", "y: no", "? z", "text", "A: a #b", "B: a# b", "C: # in", "- # in", "<<: {a: 1}", "D: <<", "E: 0o7", "F: a ", "%", "...", "G: a:", "H: 'a' b", "- 'a: b'", "- \"a\": b", "I: >",
}

// Random lines at random indents: the fast reader and emitter agree with the
// library, and are not idle.
func TestFastYAMLAgrees(t *testing.T) {
	rounds := 100_000
	if testing.Short() {
		rounds = 5_000
	}
	r := rand.New(rand.NewPCG(1, 2))
	var reads, writes int
	for range rounds {
		var b strings.Builder
		indent := 0
		for range 1 + r.IntN(7) {
			switch r.IntN(4) {
			case 0:
				indent += 2 * (1 + r.IntN(2))
			case 1:
				indent = max(0, indent-2*(1+r.IntN(3)))
			}
			fmt.Fprintf(&b, "%s%s\n", strings.Repeat(" ", indent), fastLines[r.IntN(len(fastLines))])
		}
		read, written := compareFastYAML(t, []byte(b.String()), 1+r.IntN(9))
		if read {
			reads++
		}
		if written {
			writes++
		}
		if t.Failed() {
			t.Fatalf("the document:\n%s", b.String())
		}
	}
	t.Logf("of %d documents %d were read fast and %d written fast", rounds, reads, writes)
	if reads < rounds/50 || writes < rounds/50 {
		t.Errorf("only %d of %d documents were read fast and %d written fast", reads, rounds, writes)
	}
}

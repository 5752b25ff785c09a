package fleet

import (
	"regexp/syntax"
	"strings"
)

// shadows reports that whatever the expression after matches, the one before it
// matches too. It only knows expressions that are a text, anchored or not, with
// .* or nothing at the end; it errs on the side of no.
func shadows(before, after string) bool {
	text, anchored, ok := plainExpression(before)
	if !ok {
		return false
	}
	if anchored {
		return strings.HasPrefix(anchoredPrefix(after), text)
	}
	tree, err := syntax.Parse(after, syntax.Perl)
	if err != nil {
		return false
	}
	subs := []*syntax.Regexp{tree}
	if tree.Op == syntax.OpConcat {
		subs = tree.Sub
	}
	for _, sub := range subs {
		if sub.Op == syntax.OpLiteral && sub.Flags&syntax.FoldCase == 0 && strings.Contains(string(sub.Rune), text) {
			return true
		}
	}
	return false
}

// plainExpression returns the text that an expression consists of.
func plainExpression(expr string) (text string, anchored, ok bool) {
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return "", false, false
	}
	subs := []*syntax.Regexp{tree}
	if tree.Op == syntax.OpConcat {
		subs = tree.Sub
	}
	if subs[0].Op == syntax.OpBeginText {
		anchored, subs = true, subs[1:]
	}
	if n := len(subs); n > 1 && subs[n-1].Op == syntax.OpStar && subs[n-1].Sub[0].Op == syntax.OpAnyCharNotNL {
		subs = subs[:n-1]
	}
	if len(subs) != 1 || subs[0].Op != syntax.OpLiteral || subs[0].Flags&syntax.FoldCase != 0 {
		return "", false, false
	}
	return string(subs[0].Rune), anchored, true
}

package sops_test

import "strings"

func (g *generator) yaml(count int) {
	for i := range count {
		if i > 0 {
			g.line(0, "---")
		}
		if g.chance(20) {
			g.line(0, "# %s", g.word())
			g.line(0, "")
		}
		g.yamlMap(0, pick(g, []int{2, 4}), 3)
	}
}

// yamlMap writes a block map. Comments stand where sops does not lose them: not
// behind a nested map or list.
func (g *generator) yamlMap(indent, step, depth int) {
	nested := true
	for i := range 1 + g.r.IntN(5) {
		if !nested && g.chance(20) {
			g.comment(indent)
		}
		key := g.key(i)
		switch g.r.IntN(8) {
		case 0:
			key = quoted(key + g.text())
		case 1:
			key = "'" + key + " x'"
		}
		if len(key) > 100 {
			key = g.key(i)
		}
		nested = depth > 0 && g.chance(35)
		if !nested {
			g.yamlScalar(indent, step, key+":")
			continue
		}
		g.line(indent, "%s:", key)
		if g.chance(50) {
			g.yamlMap(indent+step, step, depth-1)
		} else {
			g.yamlList(indent+pick(g, []int{0, step}), step, depth-1)
		}
	}
}

func (g *generator) yamlList(indent, step, depth int) {
	nested := true
	for range 1 + g.r.IntN(4) {
		if !nested && g.chance(20) {
			g.comment(indent)
		}
		nested = depth > 0 && g.chance(25)
		switch {
		case !nested:
			g.yamlScalar(indent, step, "-")
		case g.chance(70):
			g.line(indent, "- %s: %s", g.key(9), g.word())
			g.yamlMap(indent+2, step, depth-1)
		default:
			g.line(indent, "- - %s", g.word())
			g.line(indent+2, "- %s", g.word())
		}
	}
}

func (g *generator) comment(indent int) {
	for range 1 + g.r.IntN(2) {
		g.line(indent, "#%s%s", pick(g, []string{"", " ", "  ", "# "}), g.word())
	}
}

// yamlScalar writes one value behind a key or a dash.
func (g *generator) yamlScalar(indent, step int, before string) {
	value := g.yamlInline()
	if g.chance(10) {
		g.yamlBlock(indent, step, before)
		return
	}
	if g.chance(10) && !strings.ContainsAny(value[:min(1, len(value))], "[{") {
		value += " # " + g.word() // go-yaml misplaces one behind an empty list or map
	}
	g.line(indent, "%s", strings.TrimRight(before+" "+value, " "))
}

func (g *generator) yamlInline() string {
	switch g.r.IntN(12) {
	case 0:
		return pick(g, []string{"true", "False", "null", "~", "", "yes", "0x1F", "0o17", "017", "1_000", ".inf", "-.INF", ".nan", "<<"})
	case 1:
		return g.number()
	case 2:
		return pick(g, []string{"2001-12-14", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43Z", "2020-02-30"})
	case 3:
		return "{a: " + g.word() + ", b: [1, " + quoted(g.text()) + "]}"
	case 4:
		return pick(g, []string{"{}", "[]", "[[], {}]", "[a, b]"})
	case 5, 6:
		return g.word()
	case 7:
		return g.word() + " " + g.word() + "-" + g.word()
	case 8:
		return "'" + strings.NewReplacer("'", "''", "\n", " ", "\x00", "", "\x1b", "", "\x7f", "", "\u0085", "", "\u2028", "", "\ufeff", "", "\t", " ").Replace(g.text()) + "'"
	}
	return quoted(g.text())
}

func (g *generator) yamlBlock(indent, step int, before string) {
	g.line(indent, "%s %s", before, pick(g, []string{"|", "|-", "|+", ">", ">-"}))
	for range 1 + g.r.IntN(4) {
		g.line(indent+step, "%s", g.word()+pick(g, []string{"", " x", "\n", ": #y"}))
	}
}

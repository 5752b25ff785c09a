package matrix

import (
	"fmt"
	"strings"

	"keyreeve/internal/term"
)

const (
	maxName  = 14
	maxLabel = 30
	between  = "│"
)

// styles only repeat what the marks say.
var styles = map[string]term.Style{Agree: term.Green, Missing: term.Yellow, Extra: term.Red}

func (m *Matrix) labels() []string {
	var all []string
	width, digits := 0, 0
	for _, r := range m.rows {
		width = max(width, min(term.Columns(r.Label), maxLabel))
		digits = max(digits, len(fmt.Sprint(r.count)))
	}
	for _, r := range m.rows {
		count := fmt.Sprintf("(%d)", r.count)
		all = append(all, term.Pad(term.Shorten(term.Printable(r.Label), width), width)+strings.Repeat(" ", digits+4-len(count))+count)
	}
	return all
}

func (m *Matrix) labelWidth() int {
	if all := m.labels(); len(all) > 0 {
		return term.Columns(all[0])
	}
	return 0
}

func (m *Matrix) nameWidth(i int) int { return min(term.Columns(m.columns[i].Name), maxName) }

// columnWidth is what column i adds to a line.
func (m *Matrix) columnWidth(i, first int) int {
	width := 2 + m.nameWidth(i)
	if i > first && m.columns[i].Kind != m.columns[i-1].Kind {
		width += 2 + term.Columns(between)
	}
	return width
}

func (m *Matrix) width() int {
	width := m.labelWidth()
	for i := range m.columns {
		width += m.columnWidth(i, 0)
	}
	return width
}

// blocks cuts the columns into runs [from, to) that fit.
func (m *Matrix) blocks(width int) [][2]int {
	var all [][2]int
	from, used := 0, m.labelWidth()
	for i := range m.columns {
		if more := m.columnWidth(i, from); i > from && used+more > width {
			all = append(all, [2]int{from, i})
			from, used = i, m.labelWidth()
		}
		used += m.columnWidth(i, from)
	}
	return append(all, [2]int{from, len(m.columns)})
}

// write writes one block of columns, with a heading.
func (m *Matrix) write(b *strings.Builder, o *term.Output, block [2]int) {
	heading := strings.Repeat(" ", m.labelWidth())
	for i := block[0]; i < block[1]; i++ {
		heading += m.separator(i, block[0]) + "  " + term.Pad(term.Shorten(m.columns[i].Name, maxName), m.nameWidth(i))
	}
	b.WriteString(strings.TrimRight(heading, " ") + "\n")
	labels := m.labels()
	for at, r := range m.rows {
		line, blank := labels[at], 0
		for i := block[0]; i < block[1]; i++ {
			line += strings.Repeat(" ", blank) + m.separator(i, block[0])
			before := 2 + (m.nameWidth(i)-1)/2
			after := m.nameWidth(i) - (m.nameWidth(i)-1)/2 - 1
			if r.Cells[i] == "" {
				blank = before + 1 + after
				continue
			}
			line += strings.Repeat(" ", before) + o.Paint(styles[r.Cells[i]], r.Cells[i])
			blank = after
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

func (m *Matrix) separator(i, first int) string {
	if i > first && m.columns[i].Kind != m.columns[i-1].Kind {
		return "  " + between
	}
	return ""
}

// list writes the readers of each row on one line.
func (m *Matrix) list(b *strings.Builder, o *term.Output, width int) {
	labels := m.labels()
	for at, r := range m.rows {
		line := labels[at]
		for _, mark := range []string{Agree, Missing, Extra} {
			if names := m.marked(r, mark); names != nil {
				line += "  " + mark + " " + strings.Join(names, ", ")
			}
		}
		line = term.Shorten(line, width)
		for mark, style := range styles {
			line = strings.ReplaceAll(line, "  "+mark+" ", "  "+o.Paint(style, mark)+" ")
		}
		b.WriteString(line + "\n")
	}
	b.WriteByte('\n')
}

// marked names the columns in which a row has a mark.
func (m *Matrix) marked(r Row, mark string) []string {
	var names []string
	for i, cell := range r.Cells {
		switch members := m.members[i]; {
		case cell != mark:
		case len(members) > 0:
			names = append(names, fmt.Sprintf("%s and %d more", term.Printable(members[0]), len(members)-1))
		default:
			names = append(names, term.Printable(m.columns[i].Name))
		}
	}
	return names
}

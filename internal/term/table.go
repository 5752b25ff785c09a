package term

import "strings"

// A Table is rows of cells. On a terminal its columns are aligned; elsewhere
// cells are separated by single tabs and headings are left out, as `cut -f`
// wants it.
type Table struct {
	Headings []string
	rows     [][]cell
}

type cell struct {
	text  string
	style Style
}

// Row adds a row of plain cells.
func (t *Table) Row(texts ...string) { t.Styled(nil, texts...) }

// Styled adds a row whose i-th cell has the i-th style, if there is one.
func (t *Table) Styled(styles []Style, texts ...string) {
	row := make([]cell, len(texts))
	for i, text := range texts {
		row[i].text = Printable(text)
		if i < len(styles) {
			row[i].style = styles[i]
		}
	}
	t.rows = append(t.rows, row)
}

// Write writes the table.
func (t *Table) Write(o *Output) error {
	var b strings.Builder
	if !o.terminal {
		for _, row := range t.rows {
			for i, c := range row {
				if i > 0 {
					b.WriteByte('\t')
				}
				b.WriteString(c.text)
			}
			b.WriteByte('\n')
		}
		_, err := o.Write([]byte(b.String()))
		return err
	}
	all := t.rows
	if len(t.Headings) > 0 && len(all) > 0 {
		headings := make([]cell, len(t.Headings))
		for i, text := range t.Headings {
			headings[i] = cell{text, Faint}
		}
		all = append([][]cell{headings}, all...)
	}
	var widths []int
	for _, row := range all {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], Columns(c.text))
		}
	}
	for _, row := range all {
		b.WriteString(line(o, row, widths))
	}
	_, err := o.Write([]byte(b.String()))
	return err
}

// line writes one aligned row, without blanks at its end.
func line(o *Output, row []cell, widths []int) string {
	for len(row) > 0 && row[len(row)-1].text == "" {
		row = row[:len(row)-1]
	}
	var b strings.Builder
	for i, c := range row {
		text := c.text
		if c.style != "" {
			text = o.Paint(c.style, text)
		}
		b.WriteString(text)
		if i < len(row)-1 {
			b.WriteString(strings.Repeat(" ", widths[i]-Columns(c.text)+2))
		}
	}
	return b.String() + "\n"
}

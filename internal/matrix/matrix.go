// Package matrix shows principals against documents in the columns that a
// screen has: one column each where they fit, else equal columns as one.
package matrix

import (
	"fmt"
	"slices"
	"strings"

	"keyreeve/internal/term"
)

// The marks of a cell: what policy says against what the file lists.
const (
	Agree   = "●" // policy and file agree
	Missing = "○" // policy says yes, file no
	Extra   = "✗" // file says yes, policy no
)

// Mark returns the mark of a cell.
func Mark(policy, listed bool) string {
	switch {
	case policy && listed:
		return Agree
	case policy:
		return Missing
	case listed:
		return Extra
	}
	return ""
}

// A Column is a principal.
type Column struct{ Kind, Name string }

// A Row is a document, or several with the same label and the same cells.
type Row struct {
	Label string
	Owner Column   // whose own documents they are, or zero
	Cells []string // marks, one a column
	count int
}

// A Matrix is rows against columns; columns of a kind stand together.
type Matrix struct {
	columns []Column
	members [][]string // of a column that stands for several
	rows    []Row
}

// New returns the matrix of documents. Documents with the same label and the
// same cells become one row.
func New(columns []Column, documents []Row) *Matrix {
	m := &Matrix{columns: columns, members: make([][]string, len(columns))}
	for i := range documents {
		documents[i].count = 1
	}
	m.rows = merged(documents)
	return m
}

// merged joins rows with the same label, owner and cells, in order.
func merged(rows []Row) []Row {
	var all []Row
	at := map[string]int{}
	for _, r := range rows {
		key := r.Label + "\x00" + strings.Join(r.Cells, "\x00")
		if i, known := at[key]; known {
			all[i].count += r.count
			continue
		}
		at[key] = len(all)
		all = append(all, r)
	}
	return all
}

// compact joins the own documents of all principals of a kind, where none reads
// another's, and then the columns that are equal.
func (m *Matrix) compact() *Matrix {
	var rows []Row
	at := map[string]int{}
	for _, r := range m.rows {
		key, own := m.ownKey(r)
		if !own {
			rows = append(rows, r)
			continue
		}
		i, known := at[key]
		if !known {
			at[key] = len(rows)
			r.Cells = slices.Clone(r.Cells)
			rows = append(rows, r)
			continue
		}
		rows[i].Label = "each " + r.Owner.Kind + "'s own"
		rows[i].count += r.count
		for c, mark := range r.Cells {
			if mark != "" {
				rows[i].Cells[c] = mark
			}
		}
	}
	return (&Matrix{columns: m.columns, rows: rows}).grouped()
}

// ownKey returns what the own documents of principals have in common, and false
// where others of the owner's kind read them too.
func (m *Matrix) ownKey(r Row) (string, bool) {
	if r.Owner == (Column{}) {
		return "", false
	}
	key := r.Owner.Kind
	for i, c := range m.columns {
		switch {
		case c == r.Owner:
			key += "\x00own " + r.Cells[i]
		case c.Kind != r.Owner.Kind:
			key += "\x00" + r.Cells[i]
		case r.Cells[i] != "":
			return "", false
		}
	}
	return key, true
}

func (m *Matrix) grouped() *Matrix {
	out := &Matrix{}
	at := map[string]int{}
	var from []int
	for i, c := range m.columns {
		key := c.Kind
		for _, r := range m.rows {
			key += "\x00" + r.Cells[i]
		}
		g, known := at[key]
		if !known {
			g = len(out.columns)
			at[key] = g
			out.columns = append(out.columns, c)
			out.members = append(out.members, nil)
			from = append(from, i)
		}
		out.members[g] = append(out.members[g], c.Name)
	}
	for g, names := range out.members {
		if len(names) > 1 {
			out.columns[g].Name = fmt.Sprintf("%d %s", len(names), plural(out.columns[g].Kind))
		} else {
			out.members[g] = nil
		}
	}
	for _, r := range m.rows {
		cells := make([]string, len(from))
		for g, i := range from {
			cells[g] = r.Cells[i]
		}
		out.rows = append(out.rows, Row{Label: r.Label, Cells: cells, count: r.count})
	}
	out.rows = merged(out.rows)
	return out
}

func plural(kind string) string {
	if kind == "user" || kind == "host" {
		return kind + "s"
	}
	return kind
}

// maxBlocks is how many pieces of a matrix a person reads below each other.
const maxBlocks = 6

// Write writes the matrix in the width that there is, or a list of readers where
// it would be cut into too many pieces. With all, every column stands for one
// principal, below each other if need be.
func (m *Matrix) Write(o *term.Output, all bool) error {
	width := o.Width()
	if !all && m.width() > width {
		m = m.compact()
	}
	var b strings.Builder
	blocks := m.blocks(width)
	if !all && len(blocks) > maxBlocks {
		m.list(&b, o, width)
		_, err := o.Write([]byte(b.String()))
		return err
	}
	for i, block := range blocks {
		if i > 0 {
			b.WriteByte('\n')
		}
		m.write(&b, o, block)
	}
	b.WriteByte('\n')
	for i, names := range m.members {
		if len(names) > 0 {
			b.WriteString(term.Shorten(m.columns[i].Name+": "+strings.Join(names, ", "), width) + "\n")
		}
	}
	_, err := o.Write([]byte(b.String()))
	return err
}

package matrix

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"keyreeve/internal/term"
)

// written returns what a matrix looks like in a width.
func written(t *testing.T, m *Matrix, width int, all bool) string {
	t.Helper()
	t.Setenv("COLUMNS", fmt.Sprint(width))
	name := t.TempDir() + "/out"
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := m.Write(term.NewOutput(f), all); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFew(t *testing.T) {
	columns := []Column{{"host", "potato"}, {"host", "mbp"}, {"user", "tim"}, {"recovery", "safe"}}
	got := written(t, New(columns, []Row{
		{Label: "common/*", Cells: []string{Agree, Missing, Agree, Agree}},
		{Label: "common/*", Cells: []string{Agree, Missing, Agree, Agree}},
		{Label: "potato/*", Owner: columns[0], Cells: []string{Agree, Extra, Agree, ""}},
	}), 80, false)
	const want = `               potato  mbp  │  tim  │  safe
common/*  (2)    ●      ○   │   ●   │   ●
potato/*  (1)    ●      ✗   │   ●   │

`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// many is a fleet of n hosts, each with documents of its own, of which the last
// is behind policy.
func many(n int) *Matrix {
	columns := []Column{}
	for i := range n {
		columns = append(columns, Column{"host", fmt.Sprintf("host-%03d", i)})
	}
	columns = append(columns, Column{"user", "tim"})
	row := func(label string, owner Column, has func(i int) string) Row {
		r := Row{Label: label, Owner: owner, Cells: make([]string, n+1)}
		for i := range n {
			r.Cells[i] = has(i)
		}
		r.Cells[n] = Agree
		return r
	}
	rows := []Row{row("common/*", Column{}, func(i int) string { return Mark(true, i < n-1) })}
	for own := range n {
		rows = append(rows, row(columns[own].Name+"/*", columns[own], func(i int) string { return Mark(i == own, i == own) }))
	}
	return New(columns, rows)
}

func TestMany(t *testing.T) {
	got := written(t, many(200), 80, false)
	const want = `                        199 hosts  host-199  │  tim
common/*           (1)      ●         ○      │   ●
each host's own  (200)      ●         ●      │   ●

199 hosts: host-000, host-001, host-002, host-003, host-004, host-005, host-006…
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAllFitsTheWidth(t *testing.T) {
	for _, width := range []int{20, 80, 140} {
		got := written(t, many(30), width, true)
		for i := range 30 {
			if name := fmt.Sprintf("host-%03d", i); strings.Count(got, name+"  ")+strings.Count(got, name+"\n") == 0 {
				t.Errorf("width %d: %s is missing", width, name)
			}
		}
		for line := range strings.Lines(got) {
			if n := term.Columns(strings.TrimRight(line, "\n")); n > max(width, 40) {
				t.Errorf("width %d: a line of %d columns: %s", width, n, line)
			}
		}
	}
}

// Where every column differs and there are many, readers are listed on one line.
func TestTooManyColumns(t *testing.T) {
	columns := []Column{{"user", "tim"}}
	for i := range 60 {
		columns = append(columns, Column{"host", fmt.Sprintf("host-%03d", i)})
	}
	var rows []Row
	for i := range 60 {
		r := Row{Label: fmt.Sprintf("d/%03d", i), Cells: make([]string, len(columns))}
		r.Cells[0], r.Cells[i+1] = Agree, Missing
		rows = append(rows, r)
	}
	got := strings.Split(written(t, New(columns, rows), 80, false), "\n")
	if len(got) > 63 || got[7] != "d/007  (1)  ● tim  ○ host-007" {
		t.Errorf("%d lines, the eighth is %q", len(got), got[7])
	}
	if all := written(t, New(columns, rows), 80, true); strings.Count(all, "\n") < 400 {
		t.Errorf("--all has %d lines", strings.Count(all, "\n"))
	}
}

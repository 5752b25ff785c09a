package main

import (
	"fmt"
	"slices"
	"strings"
)

// growth returns two tables: one document of more and more values, and more and
// more documents of five values.
func (b *bench) growth() (string, error) {
	values, err := b.growthOfValues()
	if err != nil {
		return "", err
	}
	documents, err := b.growthOfDocuments()
	return values + "\n" + documents, err
}

func (b *bench) growthOfValues() (string, error) {
	var table strings.Builder
	table.WriteString("| values in one document | get one | get all | set one | verify |\n|---|---|---|---|---|\n")
	for _, n := range []int{10, 100, 1000, 10_000, 100_000} {
		f, err := b.newFleet(b.memory, n)
		if err != nil {
			return "", err
		}
		document := strings.TrimPrefix(f.documents[0], "secrets/")
		ref := document + "#service0/key4"
		set := process(f.dir, b.program, "set", ref)
		set.input, set.prepare = "another value", f.restore
		costs, err := b.alternate(5,
			process(f.dir, b.program, "get", ref), process(f.dir, b.program, "get", document),
			set, process(f.dir, b.program, "verify"))
		if err != nil {
			return "", err
		}
		table.WriteString(growthRow(n, costs))
		if err := f.remove(); err != nil {
			return "", err
		}
	}
	return table.String(), nil
}

func (b *bench) growthOfDocuments() (string, error) {
	var table strings.Builder
	table.WriteString("| documents of five values | check | access | ls | verify | rekey to a third recipient |\n|---|---|---|---|---|---|\n")
	for _, n := range []int{10, 100, 1000, 10_000} {
		f, err := b.newFleet(b.memory, slices.Repeat([]int{5}, n)...)
		if err != nil {
			return "", err
		}
		costs, err := b.alternate(3,
			process(f.dir, b.program, "check"), process(f.dir, b.program, "access"),
			process(f.dir, b.program, "ls"), process(f.dir, b.program, "verify"))
		if err != nil {
			return "", err
		}
		rekey, err := b.alternate(3, run{dir: f.dir, prepare: f.drift, steps: [][]string{{b.program, "rekey", "--accept-grants", "-q"}}})
		if err != nil {
			return "", err
		}
		table.WriteString(growthRow(n, append(costs, rekey...)))
		if err := f.remove(); err != nil {
			return "", err
		}
	}
	return table.String(), nil
}

func growthRow(n int, costs []cost) string {
	cells := []string{fmt.Sprint(n)}
	for _, c := range costs {
		cells = append(cells, c.String())
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

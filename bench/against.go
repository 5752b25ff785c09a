package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A comparison is one row of the table.
type comparison struct {
	what   string
	ours   cost
	peer   string
	theirs cost
	target target
}

// A target is what is aimed at; zero fields are no target.
type target struct {
	faster float64 // the peer's time by ours
	memory float64 // our memory by the peer's
}

func (c comparison) row() string {
	faster := float64(c.theirs.wall) / float64(c.ours.wall)
	processor := float64(c.theirs.cpu) / float64(c.ours.cpu)
	memory := float64(c.ours.memory) / float64(c.theirs.memory)
	var wants []string
	met := true
	if c.target.faster > 0 {
		wants = append(wants, fmt.Sprintf("≥ %s ×", number(c.target.faster)))
		met = met && faster >= c.target.faster
	}
	if c.target.memory > 0 {
		wants = append(wants, fmt.Sprintf("memory ≤ %.2f", c.target.memory))
		met = met && memory <= c.target.memory
	}
	verdict := strings.Join(wants, ", ")
	if verdict != "" {
		verdict += map[bool]string{true: ": met", false: ": **missed**"}[met]
	}
	return fmt.Sprintf("| %s | %s | %s: %s | **%s ×** | %s × | %.2f | %s |\n",
		c.what, c.ours, c.peer, c.theirs, number(faster), number(processor), memory, verdict)
}

func (c cost) String() string {
	return fmt.Sprintf("%s, %.1f MB", duration(c.wall), float64(c.memory)/(1<<20))
}

func duration(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case ms >= 1000:
		return fmt.Sprintf("%.2f s", ms/1000)
	case ms >= 100:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.1f ms", ms)
}

func number(f float64) string {
	if f >= 20 {
		return fmt.Sprintf("%.0f", f)
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", f), ".0")
}

// againstPeers measures every comparison and returns the table.
func (b *bench) againstPeers() (string, error) {
	var table strings.Builder
	table.WriteString("| what | keyreeve | peer | faster | less processor | memory, ours by theirs | target |\n|---|---|---|---|---|---|---|\n")
	for _, part := range []func() ([]comparison, error){b.start, b.manyValues, b.manyDocuments} {
		rows, err := part()
		if err != nil {
			return "", err
		}
		for _, c := range rows {
			table.WriteString(c.row())
		}
	}
	info, err := os.Stat(b.program)
	if err != nil {
		return "", err
	}
	synced, err := b.synced()
	if err != nil {
		return "", err
	}
	floor, err := b.alternate(40, process("", b.floor), process("", b.program, "--help"), process("", b.age, "--version"))
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&table, "\n- The binary has %.1f MB (target: ≤ 25 MB).\n", float64(info.Size())/(1<<20))
	fmt.Fprintf(&table, "- `--help` takes %s, `age --version` %s: %.2f × (target: ≤ 1.5 ×). A Go program that prints one word takes %s.\n",
		duration(floor[1].wall), duration(floor[2].wall), float64(floor[1].wall)/float64(floor[2].wall), duration(floor[0].wall))
	table.WriteString(synced)
	return table.String(), nil
}

// start is what a person waits for most often.
func (b *bench) start() ([]comparison, error) {
	f, err := b.newFleet(b.memory, 5)
	if err != nil {
		return nil, err
	}
	defer f.remove()
	sealed := filepath.Join(f.dir, "value.age")
	if _, err := b.once(run{dir: f.dir, input: "secret value number 4", steps: [][]string{{b.age, "-r", b.identity.Recipient(), "-o", sealed}}}); err != nil {
		return nil, err
	}
	ref := strings.TrimSuffix(strings.TrimPrefix(f.documents[0], "secrets/"), ".yaml") + "#service0/key4"
	costs, err := b.alternate(40,
		process(f.dir, b.program, "get", ref),
		process(f.dir, b.sops, "decrypt", "--extract", `["service0"]["key4"]`, f.documents[0]),
		process(f.dir, b.age, "-d", "-i", b.keyFile, sealed))
	if err != nil {
		return nil, err
	}
	return []comparison{
		{"get one value of a small document", costs[0], "`sops decrypt --extract`", costs[1], target{4, 0.5}},
		{"the same", costs[0], "`age -d` of a file", costs[2], target{}},
	}, nil
}

func (b *bench) manyValues() ([]comparison, error) {
	var rows []comparison
	for _, n := range []int{20_000, 100_000} {
		f, err := b.newFleet(b.memory, n)
		if err != nil {
			return nil, err
		}
		plain := filepath.Join(f.dir, "secrets", "common", "plain.yaml")
		if err := os.WriteFile(plain, []byte(manyValues(n)), 0o600); err != nil {
			return nil, err
		}
		document := f.documents[0]
		costs, err := b.alternate(5,
			process(f.dir, b.program, "get", strings.TrimPrefix(document, "secrets/")),
			process(f.dir, b.sops, "decrypt", document))
		if err != nil {
			return nil, err
		}
		rows = append(rows, comparison{fmt.Sprintf("decrypt %d values (`get DOC`)", n), costs[0], "`sops decrypt`", costs[1], target{4, 0.5}})
		if b.keyreeve(f.dir, "sops", "encrypt", "--help") == nil {
			costs, err = b.alternate(5,
				process(f.dir, b.program, "sops", "encrypt", plain),
				process(f.dir, b.sops, "encrypt", plain))
			if err != nil {
				return nil, err
			}
			rows = append(rows, comparison{fmt.Sprintf("encrypt %d values (`keyreeve sops encrypt`)", n), costs[0], "`sops encrypt`", costs[1], target{4, 0.5}})
		}
		if err := f.remove(); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// manyDocuments are a thousand documents of five values and two recipients, of
// which a third is added.
func (b *bench) manyDocuments() ([]comparison, error) {
	f, err := b.newFleet(b.memory, slices.Repeat([]int{5}, 1000)...)
	if err != nil {
		return nil, err
	}
	defer f.remove()
	ours := run{dir: f.dir, prepare: f.drift, steps: [][]string{{b.program, "rekey", "--accept-grants", "-q"}}}
	all := run{dir: f.dir, prepare: f.drift, steps: [][]string{append([]string{b.sops, "updatekeys", "-y"}, f.documents...)}}
	each := run{dir: f.dir, prepare: f.drift, steps: f.loop(b.sops, "updatekeys", "-y")}
	one, err := b.alternate(5, ours, all)
	if err != nil {
		return nil, err
	}
	loop, err := b.alternate(1, ours, each)
	if err != nil {
		return nil, err
	}
	if err := f.restore(); err != nil {
		return nil, err
	}
	check, err := b.alternate(1, process(f.dir, b.program, "check", "-q"), run{dir: f.dir, steps: f.loop(b.sops, "filestatus")})
	if err != nil {
		return nil, err
	}
	return []comparison{
		{"rekey 1,000 documents to a third recipient", one[0], "one `sops updatekeys -y` over all", one[1], target{6, 0}},
		{"the same", loop[0], "`sops updatekeys -y` of each", loop[1], target{40, 0}},
		{"check 1,000 documents", check[0], "`sops filestatus` of each", check[1], target{100, 0}},
	}, nil
}

// synced is the rekey where every byte has to reach a disk.
func (b *bench) synced() (string, error) {
	if !onDisk(b.disk) {
		return "- There was no disk to measure synced writes on.\n", nil
	}
	f, err := b.newFleet(b.disk, slices.Repeat([]int{5}, 1000)...)
	if err != nil {
		return "", err
	}
	defer f.remove()
	costs, err := b.alternate(3,
		run{dir: f.dir, prepare: f.drift, steps: [][]string{{b.program, "rekey", "--accept-grants", "-q"}}},
		run{dir: f.dir, prepare: f.drift, steps: [][]string{append([]string{b.sops, "updatekeys", "-y"}, f.documents...)}})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("- On a disk, every byte synced, the rekey of 1,000 documents takes %s; one `sops updatekeys -y`, which syncs nothing, takes %s.\n",
		duration(costs[0].wall), duration(costs[1].wall)), nil
}

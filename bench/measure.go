package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// A run is one program's way of doing a piece of work: one process, or one after
// the other for a loop over files.
type run struct {
	dir     string
	steps   [][]string
	input   string       // of every step
	prepare func() error // before each run, not measured
}

func process(dir string, args ...string) run { return run{dir: dir, steps: [][]string{args}} }

// A cost is what a run takes: whole processes, from start to exit.
type cost struct {
	wall, cpu time.Duration // cpu: user and system
	memory    int64         // bytes resident at the peak of the largest process
}

// alternate runs each of the runs in turn, ABAB…, so that whatever else the
// machine does falls on all of them. The first round only warms up where there
// is more than one. It returns medians, field by field.
func (b *bench) alternate(rounds int, runs ...run) ([]cost, error) {
	all := make([][]cost, len(runs))
	for round := range rounds + 1 {
		for i, r := range runs {
			if rounds == 1 && round == 0 {
				continue
			}
			c, err := b.once(r)
			if err != nil {
				return nil, err
			}
			if round > 0 {
				all[i] = append(all[i], c)
			}
		}
	}
	medians := make([]cost, len(runs))
	for i, costs := range all {
		medians[i] = cost{
			wall:   median(costs, func(c cost) int64 { return int64(c.wall) }),
			cpu:    median(costs, func(c cost) int64 { return int64(c.cpu) }),
			memory: int64(median(costs, func(c cost) int64 { return c.memory })),
		}
	}
	return medians, nil
}

func median(costs []cost, field func(cost) int64) time.Duration {
	values := make([]int64, len(costs))
	for i, c := range costs {
		values[i] = field(c)
	}
	slices.Sort(values)
	return time.Duration(values[len(values)/2])
}

func (b *bench) once(r run) (cost, error) {
	var total cost
	if r.prepare != nil {
		if err := r.prepare(); err != nil {
			return total, err
		}
	}
	for _, args := range r.steps {
		c, err := b.process(r, args)
		if err != nil {
			return total, err
		}
		total.wall += c.wall
		total.cpu += c.cpu
		total.memory = max(total.memory, c.memory)
	}
	return total, nil
}

// process runs one command through the floor program, which measures it.
func (b *bench) process(r run, args []string) (c cost, err error) {
	report, write, err := os.Pipe()
	if err != nil {
		return c, err
	}
	defer report.Close()
	cmd := exec.Command(b.floor, args...)
	cmd.Dir, cmd.Env = r.dir, b.env
	cmd.Stdin = strings.NewReader(r.input)
	cmd.ExtraFiles = []*os.File{write}
	var said bytes.Buffer
	cmd.Stderr = &said
	err = cmd.Run()
	write.Close()
	if err != nil {
		return c, fmt.Errorf("%s: %w\n%s", strings.Join(args[:min(len(args), 4)], " "), err, said.String())
	}
	_, err = fmt.Fscan(report, &c.wall, &c.cpu, &c.memory)
	c.memory <<= 10
	return c, err
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"syscall"
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
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir, cmd.Env = r.dir, b.env
		cmd.Stdin = strings.NewReader(r.input)
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = io.Discard, &said
		start := time.Now()
		err := cmd.Run()
		total.wall += time.Since(start)
		if err != nil {
			return total, fmt.Errorf("%s: %w\n%s", strings.Join(args[:min(len(args), 4)], " "), err, said.String())
		}
		usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		if !ok {
			return total, errors.New("this system does not tell what a process used")
		}
		total.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		total.memory = max(total.memory, int64(usage.Maxrss)<<10)
	}
	return total, nil
}

package cli

import (
	"errors"
	"fmt"

	"keyreeve/fleet"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/internal/term"
)

// A change is what a command wants to write.
type change struct {
	next    *fleet.Inventory // nil: as it is
	files   []repo.Change
	pending []string
	failed  []error
	noUndo  bool
	report  bool           // it is only shown, and never made
	plan    *lockstep.Plan // what becomes of readers, if the change is about them
	preview []string       // lines
	asks    string         // a question, or "" to go on without asking
	// prepare, unless nil, runs before anything is written and returns how to
	// take that back.
	prepare func() (undo func() error, err error)
	after   []string // lines: what to do next
}

// write locks the repository, computes a change, shows it and applies it.
func (a *app) write(name string, compute func(*lockstep.Session) (*change, error)) error {
	r, err := repo.Open(a.dir)
	if err != nil {
		return err
	}
	if !a.dryRun {
		lock, err := a.lock(r, name)
		if err != nil {
			return err
		}
		defer lock.Unlock()
	}
	s, err := lockstep.OpenRepo(r, a.ring())
	if err != nil {
		return err
	}
	c, err := compute(s)
	if err != nil {
		return err
	}
	a.show(c)
	acceptance, err := a.gate(s, c)
	if err != nil && !c.report {
		return err
	}
	a.noteReaders(s, c)
	if !a.dryRun {
		if err := a.apply(name, s, c, acceptance); err != nil {
			return err
		}
	}
	if a.json {
		if err := a.printJSON(a.planJSON(s, c)); err != nil {
			return err
		}
	} else if !a.quiet && !a.dryRun {
		for _, line := range c.after {
			fmt.Fprintln(a.out, line)
		}
	}
	if len(c.pending)+len(c.failed) > 0 && !a.dryRun {
		return &partialError{c.pending, c.failed}
	}
	return nil
}

// apply makes a change after the last question, and pins what it rests on.
func (a *app) apply(name string, s *lockstep.Session, c *change, acceptance *lockstep.Acceptance) error {
	if len(c.files) > 0 {
		if err := a.confirm(c.asks); err != nil {
			return err
		}
		if err := a.place(name, s.Repo, c); err != nil {
			return err
		}
	} else if len(acceptance.Fresh) == 0 {
		return nil
	}
	return s.Accept(a.pinDir(), acceptance)
}

// place writes the files of a change, and what goes with them outside the
// repository: both or neither.
func (a *app) place(name string, r *repo.Repo, c *change) error {
	undo := func() error { return nil }
	if c.prepare != nil {
		var err error
		if undo, err = c.prepare(); err != nil {
			return err
		}
	}
	var opts []repo.ApplyOption
	if c.noUndo {
		opts = append(opts, repo.WithoutUndo())
	}
	err := r.Apply(a.ctx, "keyreeve "+name, c.files, opts...)
	if _, unfinished := as[*repo.UnfinishedError](err); err != nil && !unfinished {
		return errors.Join(err, undo())
	}
	return err
}

// show prints the preview of a change.
func (a *app) show(c *change) {
	if a.json || a.quiet {
		return
	}
	for _, line := range c.preview {
		fmt.Fprintln(a.out, term.Printable(line))
	}
}

// noteReaders says what a write of values does to readers besides, once nothing
// stands against it.
func (a *app) noteReaders(s *lockstep.Session, c *change) {
	if a.json || c.plan != nil {
		return
	}
	for _, d := range s.Readers(c.files) {
		for _, who := range d.Add {
			a.note("%s can read %s from now on, as policy says", who, d.Document)
		}
		for _, who := range d.Remove {
			a.note("%s is no reader of %s by policy and is dropped", who, d.Document)
		}
		if d.NewDataKey {
			a.note("%s gets a new data key; what was in it stays readable in old clones", d.Document)
		}
	}
}

func (a *app) lock(r *repo.Repo, name string) (*repo.Lock, error) {
	return r.Lock(a.ctx, repo.LockOptions{Command: "keyreeve " + name, Timeout: a.lockTimeout,
		Waiting: func(holder string) { a.note("waiting for %s", holder) }})
}

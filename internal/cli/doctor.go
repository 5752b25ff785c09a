package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keyreeve/internal/doctor"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/internal/term"
)

func (a *app) doctorCommand() *cobra.Command {
	return command("doctor", "Look at this machine, your keys and the repository", "  keyreeve doctor\n  keyreeve doctor --json", cobra.NoArgs, func([]string) error {
		checks := doctor.Programs(a.ctx, editorCommand())
		checks = append(checks, doctor.Memory())
		if c, ok := doctor.LockedMemory(); ok {
			checks = append(checks, c)
		}
		checks = append(checks, a.fleetChecks()...)
		wrong := false
		for _, c := range checks {
			wrong = wrong || c.State == doctor.Problem
		}
		if a.json {
			if err := a.printJSON(map[string]any{"checks": checks, "ok": !wrong}); err != nil {
				return err
			}
		} else {
			a.printChecks(checks)
		}
		if wrong {
			return &findingsError{}
		}
		return nil
	})
}

func (a *app) printChecks(checks []doctor.Check) {
	var todo []string
	for _, c := range checks {
		if a.quiet && (c.State == doctor.OK || c.State == doctor.Absent) {
			continue
		}
		fmt.Fprintf(a.out, "%-8s %-19s %s\n", c.State, c.Name, tilde(term.Printable(c.Detail)))
		if c.Fix != "" {
			todo = append(todo, c.Name+": "+c.Fix)
		}
	}
	if len(todo) > 0 {
		fmt.Fprintln(a.out, "\nto do:")
	}
	for _, line := range todo {
		fmt.Fprintln(a.out, "  "+line)
	}
}

// fleetChecks look at the user's keys and at the repository, if there is one.
func (a *app) fleetChecks() []doctor.Check {
	found, s, err := a.identities()
	if broken, ok := as[*lockstep.InventoryError](err); ok {
		return []doctor.Check{{Name: "inventory", State: doctor.Problem, Detail: broken.Error(), Fix: "keyreeve check"}}
	}
	if err != nil {
		return []doctor.Check{{Name: "repository", State: doctor.Problem, Detail: err.Error()}}
	}
	checks := []doctor.Check{keysCheck(found)}
	for _, p := range found.Problems {
		checks = append(checks, doctor.Check{Name: "key source", State: doctor.Warning, Detail: p.Source + ": " + p.Error, Fix: "correct it, or unset it"})
	}
	checks = append(checks, a.keyFileChecks()...)
	if found.outside {
		return append(checks, doctor.Check{Name: "repository", State: doctor.Absent, Detail: repo.ErrNoInventory.Error(), Fix: "keyreeve init, or -C DIR"})
	}
	state, err := a.state(s, found)
	if err != nil {
		return append(checks, doctor.Check{Name: "repository", State: doctor.Problem, Detail: err.Error()})
	}
	checks = append(checks, doctor.Check{Name: "repository", State: doctor.OK, Detail: fmt.Sprintf("%s, %s", s.Repo.Root, count(state.documents, "document", "documents"))})
	for _, w := range state.work() {
		checks = append(checks, doctor.Check{Name: "repository", State: doctor.Warning, Detail: w.what, Fix: w.command})
	}
	return checks
}

// keyFileChecks names the files of identities that others may read.
func (a *app) keyFileChecks() []doctor.Check {
	var paths []string
	for _, id := range a.ring().Identities() {
		paths = append(paths, id.Source().Path)
	}
	for _, l := range a.ring().Locked() {
		paths = append(paths, l.Source.Path)
	}
	slices.Sort(paths)
	var checks []doctor.Check
	for _, path := range slices.Compact(paths) {
		if c, ok := doctor.KeyFile(path); ok {
			checks = append(checks, c)
		}
	}
	return checks
}

func keysCheck(found *identities) doctor.Check {
	c := doctor.Check{Name: "your keys", State: doctor.OK, Detail: count(len(found.Identities), "identity", "identities")}
	if n := len(found.Locked); n > 0 {
		c.Detail += fmt.Sprintf(", %d locked", n)
	}
	if len(found.Identities)+len(found.Locked) == 0 {
		c.State, c.Detail, c.Fix = doctor.Problem, "none was found", "keyreeve init makes one; keyreeve key ls says where it looks"
		if found.outside {
			c.State = doctor.Absent
		}
		return c
	}
	var mine []string
	for _, id := range found.Identities {
		if id.Principal != "" && !id.Retired {
			mine = append(mine, id.Principal)
		}
	}
	switch {
	case found.outside:
	case len(mine) > 0:
		c.Detail += ": " + strings.Join(mine, ", ")
	case len(found.Locked) == 0:
		c.State, c.Detail, c.Fix = doctor.Problem, "the inventory knows none of them", "a reader adds one: keyreeve user recipient add USER KEYNAME RECIPIENT"
	}
	return c
}

// A work is something that waits to be done.
type work struct{ what, command string }

// A repoState is what a person wants to know of a repository.
type repoState struct {
	documents, opens, drift, unaccepted int
	uncommitted                         []repo.FileStatus
}

func (r repoState) work() []work {
	var all []work
	if r.drift > 0 {
		all = append(all, work{count(r.drift, "document is", "documents are") + " out of step with policy", "keyreeve check"})
	}
	if r.unaccepted > 0 {
		all = append(all, work{count(r.unaccepted, "grant", "grants") + " of the inventory not accepted on this machine", "git log -p " + repo.InventoryName})
	}
	if n := len(r.uncommitted); n > 0 {
		all = append(all, work{count(n, "file is", "files are") + " not committed", "git status"})
	}
	return all
}

// state compares documents with policy and looks at git.
func (a *app) state(s *lockstep.Session, found *identities) (repoState, error) {
	paths, err := s.Repo.Documents()
	if err != nil {
		return repoState{}, err
	}
	r := repoState{documents: len(paths)}
	for _, path := range paths {
		d, _, err := s.Read(path)
		if err != nil || d == nil {
			r.drift++
			continue
		}
		for _, recipient := range d.Metadata.Recipients() {
			if a.ring().Has(recipient) {
				r.opens++
				break
			}
		}
		if change, err := s.Compare(path, d); err != nil || change != nil {
			r.drift++
		}
	}
	acceptance, err := s.Acceptance(a.ctx, a.pinDir(), nil, nil, nil)
	if err != nil {
		return r, err
	}
	r.unaccepted = acceptance.Unaccepted()
	r.uncommitted, err = s.Repo.Uncommitted(a.ctx)
	if errors.Is(err, repo.ErrNoGit) {
		err = nil
	}
	return r, err
}

func (a *app) statusCommand() *cobra.Command {
	return command("status", "My identities, what I can open, what is pending", "  keyreeve status\n  keyreeve status --json", cobra.NoArgs, func([]string) error {
		found, s, err := a.identities()
		if err != nil {
			return err
		}
		if s == nil {
			return repo.ErrNoInventory
		}
		r, err := a.state(s, found)
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(map[string]any{"identities": found.Identities, "documents": r.documents, "opens": r.opens, "drift": r.drift,
				"unaccepted": r.unaccepted, "uncommitted": len(r.uncommitted)})
		}
		for _, id := range found.Identities {
			who := id.Principal
			switch {
			case who == "":
				who = "unknown"
			case id.Retired:
				who += " (retired)"
			case id.Name != "":
				who += " (" + id.Name + ")"
			}
			fmt.Fprintf(a.out, "%-20s %s from %s\n", who, lockstep.Short(id.Recipient), tilde(id.Source))
		}
		for _, l := range found.Locked {
			fmt.Fprintf(a.out, "%-20s %s, needs a %s\n", "locked", tilde(l.Source), l.Needs)
		}
		if len(found.Identities)+len(found.Locked) == 0 {
			fmt.Fprintf(a.out, "no identity was found   keyreeve key ls\n")
		}
		fmt.Fprintf(a.out, "opens %d of %s\n", r.opens, count(r.documents, "document", "documents"))
		for _, w := range r.work() {
			fmt.Fprintf(a.out, "%s: %s\n", w.what, w.command)
		}
		return nil
	})
}

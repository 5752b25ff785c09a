package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"syscall"

	"keyreeve/fleet"
	"keyreeve/internal/adopt"
	"keyreeve/internal/edit"
	"keyreeve/internal/enroll"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/render"
	"keyreeve/internal/repo"
	"keyreeve/internal/run"
	"keyreeve/internal/term"
	"keyreeve/keys"
	"keyreeve/sops"
)

// The exit codes, and the word that stands for each under --json.
const (
	exitError      = 1
	exitUsage      = 2
	exitFindings   = 3
	exitNotFound   = 4
	exitNoIdentity = 5
	exitIntegrity  = 6
	exitConflict   = 7
	exitPartial    = 8
	exitExec       = 125
	exitInterrupt  = 130
	exitTerminated = 143
)

var exitWords = map[int]string{exitError: "error", exitUsage: "usage", exitFindings: "findings", exitNotFound: "not_found",
	exitNoIdentity: "no_identity", exitIntegrity: "integrity", exitConflict: "conflict", exitPartial: "partial", exitExec: "exec", exitInterrupt: "interrupted", exitTerminated: "interrupted"}

type usageError struct{ message, hint string }

func (e *usageError) Error() string { return e.message }

// findingsError says that a report has findings; the report itself is out.
type findingsError struct{}

func (*findingsError) Error() string { return "there are findings" }

// conflictError is a refusal that is nobody's fault.
type conflictError struct{ message, hint string }

func (e *conflictError) Error() string { return e.message }

// execError is a failure of exec before its program ran.
type execError struct{ err error }

func (e *execError) Error() string { return e.err.Error() }
func (e *execError) Unwrap() error { return e.err }

// renderError lists the placeholders that cannot be filled. Its code is that of
// their reasons if it is one, else 1.
type renderError struct {
	err   *render.FailedError
	lines []string
}

func (e *renderError) Error() string {
	return e.err.Error() + ":\n          " + strings.Join(e.lines, "\n          ")
}

func (e *renderError) code() int {
	first, _ := classify(e.err.Failures[0].Err)
	for _, f := range e.err.Failures[1:] {
		if code, _ := classify(f.Err); code != first {
			return exitError
		}
	}
	return first
}

type declinedError struct{}

func (*declinedError) Error() string { return "nothing was changed" }

type partialError struct {
	pending []string
	failed  []error
}

func (e *partialError) Error() string {
	var parts []string
	if len(e.pending) > 0 {
		parts = append(parts, fmt.Sprintf("%s as before, none of your keys opens them:\n          %s", count(len(e.pending), "document stays", "documents stay"), strings.Join(e.pending, "\n          ")))
	}
	if len(e.failed) > 0 {
		parts = append(parts, fmt.Sprintf("%s left out:\n          %s", count(len(e.failed), "file is", "files are"), strings.ReplaceAll(errors.Join(e.failed...).Error(), "\n", "\n          ")))
	}
	return strings.Join(parts, "\n")
}

type grantsError struct {
	count int
	lines []string
}

func (e *grantsError) Error() string {
	return fmt.Sprintf("the inventory lets others read this who were not accepted on this machine (%s)", count(e.count, "grant", "grants"))
}

// as reports whether err is or wraps an error of type E.
func as[E error](err error) (E, bool) {
	var e E
	ok := errors.As(err, &e)
	return e, ok
}

// classify returns the exit code and a hint.
func classify(err error) (int, string) {
	if e, ok := as[*execError](err); ok {
		_, hint := classify(e.err)
		return exitExec, hint
	}
	if e, ok := as[*usageError](err); ok {
		return exitUsage, e.hint
	}
	if e, ok := as[*renderError](err); ok {
		return e.code(), ""
	}
	if e, ok := as[*conflictError](err); ok {
		return exitConflict, e.hint
	}
	if e, ok := as[*run.ExitError](err); ok {
		return e.Code, ""
	}
	if _, ok := as[*run.NameError](err); ok {
		return exitError, ""
	}
	if e, ok := as[*edit.EditorError](err); ok {
		if errors.Is(e, exec.ErrNotFound) {
			return exitError, "set SOPS_EDITOR, VISUAL or EDITOR to a program that is there"
		}
		return exitError, ""
	}
	if _, ok := as[*edit.FormatError](err); ok {
		return exitUsage, ""
	}
	if _, ok := as[*edit.OccupiedError](err); ok {
		return exitConflict, "say --replace to replace it"
	}
	if _, ok := as[*edit.ReadableError](err); ok {
		return exitError, "give its scope in keyreeve.yaml the same rule (sops: …), or use keyreeve sops"
	}
	if _, ok := as[*lockstep.ReturnError](err); ok {
		return exitConflict, "add it again as a new reader, if that is meant"
	}
	if _, ok := as[*findingsError](err); ok {
		return exitFindings, ""
	}
	if _, ok := as[*unreadError](err); ok {
		return exitPartial, ""
	}
	if _, ok := as[*partialError](err); ok {
		return exitPartial, "once that is mended, or by somebody who can open them: keyreeve rekey"
	}
	if e, ok := as[*grantsError](err); ok {
		return exitConflict, strings.Join(e.lines, "\n          ") + "\n          if that is meant, say --accept-grants"
	}
	for _, kind := range []func(error) (int, string){classifyRepo, classifyFleet, classifyKeys, classifySops} {
		if code, hint := kind(err); code != 0 {
			return code, hint
		}
	}
	return exitError, ""
}

func classifyRepo(err error) (int, string) {
	if errors.Is(err, repo.ErrNoUndo) {
		return exitNotFound, ""
	}
	if e, ok := as[*repo.NestedError](err); ok {
		return exitUsage, "say which one: -C " + e.Outer + ", or -C " + e.Inner
	}
	if errors.Is(err, repo.ErrNoInventory) {
		return exitNotFound, "keyreeve init, or -C DIR"
	}
	if _, ok := as[*repo.NotFoundError](err); ok {
		return exitNotFound, "keyreeve ls lists the documents"
	}
	if _, ok := as[*repo.AmbiguousError](err); ok {
		return exitUsage, "write the full name"
	}
	if _, ok := as[*repo.RefError](err); ok {
		return exitUsage, "such as common/services#postgres/password"
	}
	if _, ok := as[*repo.ChangedError](err); ok {
		return exitConflict, "run the command again"
	}
	if _, ok := as[*repo.LockedError](err); ok {
		return exitConflict, "wait for it, or say --lock-timeout 1m"
	}
	return 0, ""
}

func classifyFleet(err error) (int, string) {
	if e, ok := as[*lockstep.MergeError](err); ok {
		return exitError, "take one side with git checkout --ours or --theirs " + e.Path + ",\nthen run keyreeve rekey"
	}
	if _, ok := as[*lockstep.InventoryError](err); ok {
		return exitError, "keyreeve check"
	}
	if _, ok := as[*lockstep.UncoveredError](err); ok {
		return exitError, "use common/, a host's folder, groups/NAME/ or users/NAME/,\n          or add a scope for it to " + repo.InventoryName
	}
	if _, ok := as[*fleet.NotFoundError](err); ok {
		return exitNotFound, ""
	}
	if _, ok := as[*fleet.AmbiguousError](err); ok {
		return exitUsage, ""
	}
	if _, ok := as[*fleet.NameError](err); ok {
		return exitUsage, ""
	}
	if _, ok := as[*fleet.ExistsError](err); ok {
		return exitConflict, ""
	}
	if e, ok := as[*fleet.RecipientInUseError](err); ok {
		if e.Retired {
			return exitConflict, "say --unretire to bring it back"
		}
		return exitConflict, "each principal needs a key of its own"
	}
	if e, ok := as[*adopt.RefusedError](err); ok {
		return exitConflict, e.Fix
	}
	if _, ok := as[*fleet.SopsConfigError](err); ok {
		return exitError, "mend .sops.yaml; sops refuses it too"
	}
	if e, ok := as[*fleet.ConflictError](err); ok {
		return exitConflict, e.Fix
	}
	return 0, ""
}

func classifyKeys(err error) (int, string) {
	if e, ok := as[*enroll.KeyError](err); ok {
		return exitUsage, e.Hint
	}
	if _, ok := as[*enroll.UnreachableError](err); ok {
		return exitError, "is it on, and is the port right? else copy its .pub file: --ssh-host-key FILE"
	}
	if _, ok := as[*enroll.FingerprintError](err); ok {
		return exitIntegrity, "nothing was written; compare on the machine: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
	}
	if errors.Is(err, fs.ErrExist) {
		return exitConflict, "a key is never overwritten; name another place"
	}
	if errors.Is(err, keys.ErrNoTerminal) || errors.Is(err, keys.ErrNoPrompt) {
		return exitUsage, "run it where there is a terminal"
	}
	if e, ok := as[*lockstep.LockedError](err); ok {
		return exitNoIdentity, strings.Join(lockedLines(e), "\n          ")
	}
	if _, ok := as[*keys.NoIdentityError](err); ok {
		return exitNoIdentity, ""
	}
	if e, ok := as[*keys.RecipientError](err); ok {
		if strings.HasSuffix(err.Error(), e.Hint) {
			return exitUsage, ""
		}
		return exitUsage, e.Hint
	}
	return 0, ""
}

// lockedLines says who reads a document, what was tried, and what to do.
func lockedLines(e *lockstep.LockedError) []string {
	lines := wrap("readers: ", e.Readers)
	for i, t := range e.Tried {
		label := "tried:   "
		if i > 0 {
			label = "         "
		}
		who := t.Principal
		if who == "" {
			who = "unknown to the inventory"
		}
		recipient := lockstep.Short(t.Recipient)
		if recipient == "" {
			recipient = "a plugin's identity"
		}
		line := fmt.Sprintf("%s%s from %s (%s)", label, recipient, tilde(t.Source.String()), who)
		if t.Err != nil {
			line += ": " + t.Err.Error()
		}
		lines = append(lines, line)
	}
	if missing, ok := as[*keys.NoIdentityError](e.Err); ok {
		for _, p := range missing.Problems {
			lines = append(lines, fmt.Sprintf("problem: %s: %v", tilde(p.Source.String()), p.Err))
		}
	}
	if e.Advice != "" {
		lines = append(lines, "do:      "+e.Advice)
	}
	return lines
}

func classifySops(err error) (int, string) {
	if _, ok := as[*sops.IntegrityError](err); ok {
		return exitIntegrity, "restore the file from git"
	}
	if e, ok := as[*sops.ValueError](err); ok {
		hint := "keep it as a document of its own: keyreeve set DOC.bin --file FILE"
		if e.Format != sops.YAML {
			hint = "keep it in a YAML document, or as a document of its own:\nkeyreeve set DOC.bin --file FILE"
		}
		return exitError, hint
	}
	if e, ok := as[*sops.PathError](err); ok && e.Reason == sops.PathDuplicate {
		return exitConflict, "the document has the key more than once; edit it with another tool"
	}
	if e, ok := as[*sops.PathError](err); ok && e.Reason == sops.PathMissing {
		if e.Nearest != "" {
			return exitNotFound, "nearest: " + e.Nearest
		}
		return exitNotFound, "keyreeve ls lists the entries; keys are joined by /"
	}
	return 0, ""
}

// unknownCommand rewrites cobra's error about a word that is no command, which has
// the nearest ones on lines of their own; nil for other errors.
func unknownCommand(err error) *usageError {
	message, nearest, _ := strings.Cut(err.Error(), "\n\nDid you mean this?\n")
	if !strings.HasPrefix(message, "unknown command") {
		return nil
	}
	if nearest == "" {
		return &usageError{message, "keyreeve --help"}
	}
	return &usageError{message, "nearest: " + strings.Join(strings.Fields(nearest), ", ")}
}

// exit reports an error and returns the exit code.
func (a *app) exit(err error) int {
	if err == nil {
		return 0
	}
	if e, ok := as[*sopsError](err); ok {
		return e.code
	}
	code, hint := classify(err)
	child, isChild := as[*run.ExitError](err)
	if a.ctx.Err() != nil && !isChild {
		code, hint = exitInterrupt, ""
		if strings.Contains(context.Cause(a.ctx).Error(), syscall.SIGTERM.String()) {
			code = exitTerminated
		}
	}
	if unknown := unknownCommand(err); unknown != nil {
		err, code, hint = unknown, exitUsage, unknown.hint
	}
	if code == exitFindings || isChild && child.Err == nil {
		return code
	}
	if a.json {
		json.NewEncoder(a.err).Encode(map[string]any{"schema_version": 1, "error": map[string]any{
			"code": exitWords[code], "exit": code, "message": err.Error(), "hint": strings.Join(strings.Fields(hint), " ")}})
		return code
	}
	fmt.Fprintf(a.err, "keyreeve: %s\n", printableLines(err.Error()))
	if hint != "" {
		fmt.Fprintf(a.err, "          %s\n", printableLines(hint))
	}
	return code
}

// printableLines is [term.Printable] for text of several lines: names that the
// text quotes come from files that others wrote.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = term.Printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

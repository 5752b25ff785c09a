package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// gitTimeout bounds one run of git whose caller sets no deadline. Reading a
// long history takes seconds; what takes longer waits for something.
const gitTimeout = 2 * time.Minute

// A GitError reports a run of git that failed.
type GitError struct {
	Verb   string // the git command, such as cat-file
	Code   int    // its exit code; -1 where it did not run or was killed
	Stderr string // what it said, trimmed
	Err    error
}

func (e *GitError) Error() string {
	if e.Stderr != "" {
		return fmt.Sprintf("git %s: %s", e.Verb, e.Stderr)
	}
	return fmt.Sprintf("git %s: %v", e.Verb, e.Err)
}

// Unwrap returns the error of the run.
func (e *GitError) Unwrap() error { return e.Err }

// HasGit reports whether the repository lies in a git work tree.
func (r *Repo) HasGit() bool { return r.git.dir != "" }

// Prefix returns the path of the root below the top of the git work tree, as
// git writes paths: empty at the top, else ending in a slash.
func (r *Repo) Prefix() string {
	if r.git.prefix == "" || r.git.prefix == "." {
		return ""
	}
	return r.git.prefix + "/"
}

// InitGit makes dir a git work tree. One that is there stays as it is.
func InitGit(ctx context.Context, dir string) error {
	_, err := runGit(ctx, dir, "init", "--quiet")
	return err
}

// Git runs git at the root and returns what it prints. Hooks, the file system
// monitor, external diffs and text conversion are off, and the child gets no
// identity from the environment. Errors are of type [*GitError].
func (r *Repo) Git(ctx context.Context, args ...string) ([]byte, error) {
	if !r.HasGit() {
		return nil, ErrNoGit
	}
	return runGit(ctx, r.Root, args...)
}

// GitCommand is [Repo.Git] for runs that stream, such as cat-file --batch: the
// command is not started yet and its deadline is the context's.
func (r *Repo) GitCommand(ctx context.Context, args ...string) *exec.Cmd {
	return gitCommand(ctx, r.Root, args)
}

func runGit(ctx context.Context, dir string, args ...string) ([]byte, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, gitTimeout)
		defer cancel()
	}
	cmd := gitCommand(ctx, dir, args)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err == nil {
		return stdout.Bytes(), nil
	}
	failed := &GitError{Verb: args[0], Code: -1, Stderr: strings.TrimSpace(stderr.String()), Err: err}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		failed.Code = exit.ExitCode()
	}
	if cause := context.Cause(ctx); cause != nil {
		failed.Err, failed.Stderr = fmt.Errorf("gave up: %w", cause), ""
	}
	return nil, failed
}

// gitSettings switch off what would run programs that a repository or its
// configuration names.
var gitSettings = []string{
	"--no-pager", "--no-replace-objects", "--literal-pathspecs",
	"-c", "core.hooksPath=/dev/null",
	"-c", "core.fsmonitor=false",
	"-c", "log.showSignature=false",
	"-c", "gc.auto=0",
	"-c", "maintenance.auto=false",
	"-c", "color.ui=false",
}

// noConversion keeps the drivers that git attributes name, keyreeve's own
// among them, away from what these commands print.
var noConversion = map[string][]string{
	"diff":  {"--no-ext-diff", "--no-textconv"},
	"log":   {"--no-ext-diff", "--no-textconv"},
	"show":  {"--no-ext-diff", "--no-textconv"},
	"blame": {"--no-textconv"},
}

func gitCommand(ctx context.Context, dir string, args []string) *exec.Cmd {
	full := slices.Concat(gitSettings, args[:1], noConversion[args[0]], args[1:])
	cmd := exec.CommandContext(ctx, "git", full...)
	cmd.Dir = dir
	cmd.Env = gitEnviron(os.Environ())
	cmd.WaitDelay = 2 * time.Second
	return cmd
}

// droppedPrefixes are the environment variables that hold or lead to
// identities. No child gets them.
var droppedPrefixes = []string{"SOPS_AGE_", "AGE_", "BW_", "RBW_", "KEYREEVE_"}

// droppedGit would lead git to another place or program than the work tree
// that the root lies in.
var droppedGit = []string{
	"GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE",
	"GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_TRACE", "GIT_INDEX_FILE",
}

// gitEnviron is the environment of a run of git. The index that a hook is
// given stays in use; its path may be relative to the current folder.
func gitEnviron(environ []string) []string {
	var env []string
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if name == "GIT_INDEX_FILE" {
			if abs, err := filepath.Abs(value); err == nil {
				env = append(env, "GIT_INDEX_FILE="+abs)
			}
		}
		drop := slices.Contains(droppedGit, name) ||
			slices.ContainsFunc(droppedPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
		if !drop {
			env = append(env, entry)
		}
	}
	return append(env, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0")
}

// Ignored reports whether git ignores an absolute path in the work tree, which
// need not exist.
func (r *Repo) Ignored(ctx context.Context, path string) (bool, error) {
	cmd := r.GitCommand(ctx, "check-ignore", "--quiet", "--", path)
	// check-ignore takes plain paths and refuses this option.
	cmd.Args = slices.DeleteFunc(cmd.Args, func(arg string) bool { return arg == "--literal-pathspecs" })
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 1 {
		return false, nil
	}
	return err == nil, err
}

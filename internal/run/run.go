// Package run starts a program with secrets in its environment.
package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strings"
	"sync"
	"syscall"

	"keyreeve/internal/term"
	"keyreeve/keys"
)

var (
	nameSyntax = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`) })
	steering   = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(LD_.*|DYLD_.*|PATH|IFS|ENV|BASH_ENV|GIT_.*|.*_OPTIONS|PYTHON.*|PERL5.*)$`)
	})
)

// A NameError reports a name that is not put into an environment.
type NameError struct{ Name, Reason string }

func (e *NameError) Error() string { return fmt.Sprintf("the name %q %s", e.Name, e.Reason) }

// CheckName refuses names that are no variables and, unless explicit, those that
// steer loaders and interpreters.
func CheckName(name string, explicit bool) error {
	if !nameSyntax().MatchString(name) {
		return &NameError{name, "is no variable: letters, digits and _"}
	}
	if !explicit && steering().MatchString(name) {
		return &NameError{name, "steers the program that is run: give it with --map " + name + "=REF if that is meant"}
	}
	return nil
}

// An ExitError is the exit code that the run ends with: the child's own, 128+n on
// a signal, 126 if it is not executable, 127 if there is none.
type ExitError struct {
	Code int
	Err  error // nil if the child itself ended so
}

func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("the program ended with %d", e.Code)
	}
	return e.Err.Error()
}

func (e *ExitError) Unwrap() error { return e.Err }

// cause returns what is beneath the names of calls in an error of [exec.Cmd].
func cause(err error) error {
	if deeper := errors.Unwrap(err); deeper != nil {
		return deeper
	}
	return err
}

// Command runs a program with values added to the environment. The error is an
// *[ExitError].
func Command(ctx context.Context, args []string, values map[string]string, in, out, errOut *os.File) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, errOut
	for _, line := range keys.ChildEnv(os.Environ()) {
		name, _, _ := strings.Cut(line, "=")
		if _, replaced := values[name]; !replaced {
			cmd.Env = append(cmd.Env, line)
		}
	}
	for name, value := range values {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		code := 126
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			code = 127
		}
		return &ExitError{code, fmt.Errorf("cannot run %s: %w", args[0], cause(err))}
	}
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case s := <-signals:
				if s == os.Interrupt && term.IsTerminal(in) {
					continue // the terminal sends it to the child too, and many take a second one as a last word
				}
				_ = cmd.Process.Signal(s)
			case <-done:
				return
			}
		}
	}()
	err := cmd.Wait()
	if err == nil {
		return nil
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return &ExitError{Code: 128 + int(status.Signal())}
	}
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return &ExitError{Code: failed.ExitCode()}
	}
	return &ExitError{125, err}
}

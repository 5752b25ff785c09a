package term

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"
)

// ErrNoTerminal reports a question without a terminal to ask on.
var ErrNoTerminal = errors.New("there is no terminal to ask on")

// Ask asks for one line on a terminal. When ctx ends, so does the question,
// with the cause of that.
func Ask(ctx context.Context, in *os.File, out *Output, question string) (string, error) {
	answer, err := ask(ctx, in, out, question, func() ([]byte, error) { return readLine(in) })
	return string(answer), err
}

// AskHidden is [Ask] for what must not be seen while it is typed. The terminal
// is as it was afterwards, also when ctx ends.
func AskHidden(ctx context.Context, in *os.File, out *Output, question string) ([]byte, error) {
	state, err := term.GetState(int(in.Fd()))
	if err != nil {
		return nil, ErrNoTerminal
	}
	answer, err := ask(ctx, in, out, question, func() ([]byte, error) { return term.ReadPassword(int(in.Fd())) })
	if ctx.Err() != nil {
		return nil, errors.Join(err, term.Restore(int(in.Fd()), state))
	}
	fmt.Fprintln(out)
	return answer, err
}

// ask reads beside ctx. A read cannot be stopped: after ctx it is left behind,
// as the process is about to end.
func ask(ctx context.Context, in *os.File, out *Output, question string, read func() ([]byte, error)) ([]byte, error) {
	if !IsTerminal(in) {
		return nil, ErrNoTerminal
	}
	fmt.Fprint(out, question)
	type result struct {
		line []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := read()
		done <- result{line, err}
	}()
	select {
	case r := <-done:
		return r.line, r.err
	case <-ctx.Done():
		fmt.Fprintln(out)
		return nil, context.Cause(ctx)
	}
}

// readLine reads up to the end of a line and not a byte further, so that a
// second question finds its own answer.
func readLine(in *os.File) ([]byte, error) {
	var line []byte
	one := make([]byte, 1)
	for {
		n, err := in.Read(one)
		if n == 1 && one[0] == '\n' {
			return bytes.TrimSuffix(line, []byte("\r")), nil
		}
		line = append(line, one[:n]...)
		if err != nil {
			return line, err
		}
	}
}

package keys

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/term"
)

// ErrInterrupted is returned by a prompt that a signal ended.
var ErrInterrupted = errors.New("interrupted")

// ErrNoTerminal is returned by a terminal prompt without a terminal.
var ErrNoTerminal = errors.New("there is no terminal to ask on")

// TerminalPrompt returns a prompt on the process's terminal, which it reaches
// past redirected input and output. What is typed is not shown. A signal while
// it waits gives [ErrInterrupted], with the terminal as it was.
func TerminalPrompt() PromptFunc {
	return func(message string) ([]byte, error) {
		in, out, err := openTerminal()
		if err != nil {
			return nil, ErrNoTerminal
		}
		defer out.Close()
		return readHidden(in, out, message)
	}
}

func openTerminal() (in, out *os.File, err error) {
	if runtime.GOOS != "windows" {
		tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
		return tty, tty, err
	}
	if in, err = os.OpenFile("CONIN$", os.O_RDWR, 0); err != nil {
		return nil, nil, err
	}
	out, err = os.OpenFile("CONOUT$", os.O_WRONLY, 0)
	return in, out, err
}

// readHidden asks for one line. The reader cannot be stopped; after a signal it
// is left behind and the terminal is put back, since the process is about to
// end.
func readHidden(in, out *os.File, message string) ([]byte, error) {
	fd := int(in.Fd())
	state, err := term.GetState(fd)
	if err != nil {
		return nil, ErrNoTerminal
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	fmt.Fprintf(out, "%s: ", printable(message))
	type result struct {
		line []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := term.ReadPassword(fd)
		done <- result{line, err}
	}()
	defer fmt.Fprint(out, "\r\n")
	select {
	case r := <-done:
		return r.line, r.err
	case <-signals:
		if err := term.Restore(fd, state); err != nil {
			return nil, errors.Join(ErrInterrupted, err)
		}
		return nil, ErrInterrupted
	}
}

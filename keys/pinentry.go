package keys

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ErrCancelled is returned by a pinentry prompt that the person closed.
var ErrCancelled = errors.New("the person cancelled")

// PinentryPrompt returns a prompt through a pinentry program, such as
// "pinentry-gnome3", that asks in a window or on the terminal. An answer that
// takes longer than timeout is a *[TimeoutError]; 0 is [DefaultTimeout].
//
// The program speaks the Assuan protocol
// (https://www.gnupg.org/documentation/manuals/assuan/).
func PinentryPrompt(program, title string, timeout time.Duration) PromptFunc {
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	return func(message string) ([]byte, error) {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		answer, err := askPinentry(ctx, program, title, message)
		if ctx.Err() != nil {
			return nil, &TimeoutError{Program: filepath.Base(program), After: timeout}
		}
		return answer, err
	}
}

func askPinentry(ctx context.Context, program, title, message string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = ChildEnv(os.Environ())
	cmd.WaitDelay = time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", filepath.Base(program), err)
	}
	// Killing the program is not enough if a child of it holds the pipe.
	defer context.AfterFunc(ctx, func() { _ = stdout.Close() })()
	conn := &assuan{in: bufio.NewReaderSize(stdout, maxAssuanLine), out: stdin}
	answer, err := conn.askPin(title, message)
	// What the program says as it leaves is of no interest: we have the answer
	// or the reason why there is none.
	_, _ = io.WriteString(stdin, "BYE\n")
	_ = stdin.Close()
	_ = cmd.Wait()
	return answer, err
}

// maxAssuanLine is the protocol's limit of 1,000 bytes, rounded up.
const maxAssuanLine = 1024

// An assuan is the client's side of a connection.
type assuan struct {
	in  *bufio.Reader
	out io.Writer
}

func (c *assuan) askPin(title, message string) ([]byte, error) {
	if _, err := c.response(); err != nil { // the greeting
		return nil, err
	}
	// An option that a program does not know is no reason to stop.
	for name, value := range terminalOptions() {
		if _, err := c.command("OPTION " + name + "=" + value); err != nil && !isAssuanError(err) {
			return nil, err
		}
	}
	for _, command := range []string{"SETTITLE " + escapeAssuan(title), "SETDESC " + escapeAssuan(message), "SETPROMPT " + escapeAssuan("Passphrase:")} {
		if _, err := c.command(command); err != nil {
			return nil, err
		}
	}
	return c.command("GETPIN")
}

// terminalOptions tells a pinentry for terminals where it is.
func terminalOptions() map[string]string {
	options := make(map[string]string)
	if tty := os.Getenv("GPG_TTY"); tty != "" {
		options["ttyname"] = escapeAssuan(tty)
	}
	if kind := os.Getenv("TERM"); kind != "" {
		options["ttytype"] = escapeAssuan(kind)
	}
	return options
}

// command sends a line and returns the data of the response.
func (c *assuan) command(line string) ([]byte, error) {
	if len(line) > maxAssuanLine-2 {
		line = line[:maxAssuanLine-2]
	}
	if _, err := io.WriteString(c.out, line+"\n"); err != nil {
		return nil, fmt.Errorf("talking to pinentry: %w", err)
	}
	return c.response()
}

// response reads up to OK or ERR. Its errors quote nothing: a line may hold the
// answer.
func (c *assuan) response() ([]byte, error) {
	var data []byte
	for {
		raw, err := c.in.ReadSlice('\n')
		if err != nil {
			return nil, errors.New("talking to pinentry: it ended or sent a line that is too long")
		}
		line := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "OK":
			return data, nil
		case "ERR":
			return nil, newAssuanError(rest)
		case "D":
			part, err := url.PathUnescape(rest)
			if err != nil {
				return nil, errors.New("talking to pinentry: it sent a malformed line")
			}
			data = append(data, part...)
		case "S", "":
			// A status.
		default:
			if strings.HasPrefix(word, "#") {
				continue
			}
			return nil, errors.New("talking to pinentry: it sent a malformed line")
		}
	}
}

// escapeAssuan makes s the argument of a command: no line breaks, and % as %25.
func escapeAssuan(s string) string {
	return strings.NewReplacer("%", "%25", "\n", "%0A", "\r", "%0D", "\x00", "%00").Replace(s)
}

// An assuanError is a refusal by the program.
type assuanError struct{ code string }

func (e *assuanError) Error() string { return "pinentry refused with code " + e.code }

func isAssuanError(err error) bool {
	var refused *assuanError
	return errors.As(err, &refused) || errors.Is(err, ErrCancelled)
}

// newAssuanError reads "CODE text". The low 16 bits of the code are the error
// of libgpg-error, the rest its origin; 99 is a cancelled and 114 a closed
// prompt.
func newAssuanError(rest string) error {
	code, _, _ := strings.Cut(rest, " ")
	var number uint32
	if _, err := fmt.Sscanf(code, "%d", &number); err != nil {
		return &assuanError{code: "?"}
	}
	switch number & 0xffff {
	case 99, 114:
		return ErrCancelled
	}
	return &assuanError{code: fmt.Sprint(number)}
}

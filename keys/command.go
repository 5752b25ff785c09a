package keys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// runCommand runs a line that prints identities and returns its output. It gets
// the recipient sought, and no identity from the environment. Errors name the
// program alone: the rest of the line may hold a secret.
func runCommand(line, recipient string, timeout time.Duration, stderr io.Writer) ([]byte, error) {
	args, err := splitCommand(line)
	if err != nil {
		return nil, err
	}
	if len(args) == 0 || args[0] == "" {
		return nil, errors.New("the command is empty")
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(ChildEnv(os.Environ()), envRecipient+"="+recipient)
	// A daemon that the command leaves behind with its output open (as the
	// agent of a vault) does not hold us up.
	cmd.WaitDelay = time.Second
	var output limitedBuffer
	cmd.Stdout = &output
	cmd.Stderr = stderr
	program := filepath.Base(args[0])
	err = cmd.Run()
	if ctx.Err() != nil {
		return nil, &TimeoutError{Program: program, After: timeout}
	}
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return nil, fmt.Errorf("running %s: %w", program, err)
	}
	return output.Bytes(), nil
}

// A limitedBuffer refuses more than an identity file may have.
type limitedBuffer struct{ buf bytes.Buffer }

// Write implements [io.Writer].
func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.buf.Len()+len(p) > maxIdentityFile {
		return 0, errors.New("the output is too long for an identity file")
	}
	return b.buf.Write(p)
}

// Bytes returns what was written.
func (b *limitedBuffer) Bytes() []byte { return b.buf.Bytes() }

// splitCommand splits a line into words as sops does, by the rules of
// github.com/google/shlex: blanks separate; single quotes keep all; in double
// quotes and outside, a backslash takes the next character as it is; # at the
// start of a word begins a comment. No shell is involved.
func splitCommand(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	inWord, escaped, comment := false, false, false
	for _, c := range line {
		switch {
		case comment:
			comment = c != '\n'
		case escaped:
			word.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			inWord, escaped = true, true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			inWord, quote = true, c
		case strings.ContainsRune(" \t\r\n", c):
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			inWord = false
		case c == '#' && !inWord:
			comment = true
		default:
			inWord = true
			word.WriteRune(c)
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("the command ends within a quote or after a backslash")
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

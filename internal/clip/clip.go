// Package clip puts a value on the clipboard, and takes it off again if it is
// still there. It drives the programs that desktops have for that; a value goes
// to them by pipe, never as an argument or in an environment.
package clip

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"keyreeve/keys"
)

// callTimeout bounds each call: a clipboard program waits for ever where its
// display does not answer.
const callTimeout = 5 * time.Second

// Terminal is the name of the terminal's own clipboard (the OSC 52 sequence of
// xterm's ctlseqs). It cannot be read, so it is never chosen by itself and never
// cleared.
const Terminal = "osc52"

// A Tool is a pair of programs that write and read the clipboard.
type Tool struct {
	Name        string
	display     string // environment variable without which it is of no use
	copy, paste []string
	clear       []string // nil: copy with nothing
}

var tools = []Tool{
	{"wl-copy", "WAYLAND_DISPLAY", []string{"wl-copy"}, []string{"wl-paste", "--no-newline"}, []string{"wl-copy", "--clear"}},
	{"xclip", "DISPLAY", []string{"xclip", "-selection", "clipboard", "-in"}, []string{"xclip", "-selection", "clipboard", "-out"}, nil},
	{"xsel", "DISPLAY", []string{"xsel", "--clipboard", "--input"}, []string{"xsel", "--clipboard", "--output"}, []string{"xsel", "--clipboard", "--clear"}},
	{"pbcopy", "", []string{"pbcopy"}, []string{"pbpaste"}, nil},
	{"clip.exe", "", []string{"clip.exe"}, []string{"powershell.exe", "-NoProfile", "-Command", "Get-Clipboard -Raw"}, nil},
}

// ErrNoTool reports that there is no clipboard to be reached.
var ErrNoTool = errors.New("there is no clipboard: wl-copy, xclip and xsel need their program and a display, pbcopy macOS, clip.exe Windows")

// Find returns the tool of a name, or with "" the first that can be used here.
func Find(name string) (Tool, error) {
	var names []string
	for _, t := range tools {
		names = append(names, t.Name)
		if name != "" && name != t.Name {
			continue
		}
		_, err := exec.LookPath(t.copy[0])
		if err == nil && (t.display == "" || os.Getenv(t.display) != "") {
			return t, nil
		}
		if name != "" {
			return Tool{}, fmt.Errorf("%s cannot be used: it needs the program and %s", name, strings.TrimPrefix("$"+t.display, "$ "))
		}
	}
	if name != "" {
		return Tool{}, fmt.Errorf("%q is no clipboard: %s or %s", name, strings.Join(names, ", "), Terminal)
	}
	return Tool{}, ErrNoTool
}

// Copy puts a value on the clipboard.
func (t Tool) Copy(ctx context.Context, value []byte) error { return call(ctx, t.copy, value, nil) }

// Clear takes value off the clipboard if it is still what the clipboard holds.
func (t Tool) Clear(ctx context.Context, value []byte) error {
	var held bytes.Buffer
	if err := call(ctx, t.paste, nil, &held); err != nil {
		return err
	}
	// powershell.exe writes a line end of its own.
	if !bytes.Equal(bytes.TrimRight(held.Bytes(), "\r\n"), bytes.TrimRight(value, "\r\n")) {
		return nil
	}
	if t.clear != nil {
		return call(ctx, t.clear, nil, nil)
	}
	return call(ctx, t.copy, nil, nil)
}

func call(ctx context.Context, args []string, in []byte, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stdout = out
	cmd.Env = keys.ChildEnv(os.Environ()) // wl-copy and xclip stay behind with it
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the clipboard program %s: %w", args[0], err)
	}
	return nil
}

// CopyToTerminal puts a value on the clipboard of the terminal that out is.
func CopyToTerminal(out io.Writer, value []byte) error {
	_, err := fmt.Fprintf(out, "\x1b]52;c;%s\a", base64.StdEncoding.EncodeToString(value))
	return err
}

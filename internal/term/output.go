// Package term knows what a terminal is: colour, width, tables, a progress bar
// and questions. It knows nothing of secrets and decides nothing.
//
// Plain text comes first. Colour is left out where NO_COLOR is set
// (https://no-color.org), for TERM=dumb, and in pipes and files.
package term

import (
	"os"
	"strconv"

	"golang.org/x/term"
)

// defaultWidth is that of a page where there is no terminal to ask.
const defaultWidth = 80

// IsTerminal reports whether a file is a terminal.
func IsTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// An Output is a stream that may be a terminal.
type Output struct {
	file     *os.File
	terminal bool
	moves    bool // the terminal can go back in a line and clear it
	colour   bool
}

// NewOutput looks at a stream and at the environment's NO_COLOR and TERM.
func NewOutput(f *os.File) *Output {
	o := &Output{file: f, terminal: IsTerminal(f)}
	kind := os.Getenv("TERM")
	o.moves = o.terminal && kind != "dumb" && kind != ""
	o.colour = o.moves && os.Getenv("NO_COLOR") == ""
	return o
}

// Write writes to the stream as it is.
func (o *Output) Write(p []byte) (int, error) { return o.file.Write(p) }

// IsTerminal reports whether the stream is a terminal.
func (o *Output) IsTerminal() bool { return o.terminal }

// Width returns the columns to write in: the terminal's, else $COLUMNS, else 80.
func (o *Output) Width() int {
	if o.terminal {
		if width, _, err := term.GetSize(int(o.file.Fd())); err == nil && width > 0 {
			return width
		}
	}
	if width, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && width > 0 {
		return width
	}
	return defaultWidth
}

// A Style is how a word stands out, as the parameter of the terminal's SGR
// sequence (ECMA-48, 8.3.117). Only the terminal's own palette is used, so that
// it stays readable on light and on dark.
type Style string

// The styles. Each only repeats what the text says.
const (
	Bold   Style = "1"
	Faint  Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
)

// Paint returns text in a style, or as it is where there is no colour.
func (o *Output) Paint(style Style, text string) string {
	if !o.colour || text == "" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}

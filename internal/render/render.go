// Package render fills a template with values. It is pure: what a ref holds is
// asked of a function.
//
// A placeholder is {{ keyreeve://REF }}, with or without blanks inside the
// braces. Everything else is copied byte for byte, other templates' braces
// included, and what is put in is never looked at again.
package render

import (
	"bytes"
	"fmt"
	"strings"
)

const (
	open   = "{{"
	scheme = "keyreeve://"
	end    = "}}"
)

// A Place is a placeholder in a template.
type Place struct {
	Ref          string
	Line, Column int // from 1; the column counts bytes
}

// A SyntaxError reports a placeholder that does not end on its line, or is empty.
type SyntaxError struct {
	Place
	Reason string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Reason) }

// A Template is text between placeholders; there is one text more than places.
type Template struct {
	texts  [][]byte
	places []Place
}

// Parse reads a template. The error is a *[SyntaxError].
func Parse(data []byte) (*Template, error) {
	t := &Template{}
	from, line, lineStart := 0, 1, 0
	for at := 0; at < len(data); {
		next := bytes.Index(data[at:], []byte(open))
		if next < 0 {
			break
		}
		start := at + next
		line += bytes.Count(data[at:start], []byte{'\n'})
		if newline := bytes.LastIndexByte(data[:start], '\n'); newline >= 0 {
			lineStart = newline + 1
		}
		inside := bytes.TrimLeft(data[start+len(open):], " \t")
		if !bytes.HasPrefix(inside, []byte(scheme)) {
			at = start + 1
			continue
		}
		place := Place{Line: line, Column: start - lineStart + 1}
		rest, _, _ := bytes.Cut(inside[len(scheme):], []byte{'\n'})
		ref, _, closed := strings.Cut(string(rest), end)
		if !closed {
			return nil, &SyntaxError{place, "a placeholder without }} on its line"}
		}
		place.Ref = strings.TrimRight(ref, " \t")
		if place.Ref == "" {
			return nil, &SyntaxError{place, "a placeholder without a ref"}
		}
		t.texts = append(t.texts, data[from:start])
		t.places = append(t.places, place)
		from = len(data) - len(inside) + len(scheme) + len(ref) + len(end)
		at = from
	}
	t.texts = append(t.texts, data[from:])
	return t, nil
}

// A Failure is a placeholder that could not be filled.
type Failure struct {
	Place
	Err error
}

// A FailedError lists every placeholder that could not be filled.
type FailedError struct{ Failures []Failure }

func (e *FailedError) Error() string {
	if len(e.Failures) == 1 {
		return "a placeholder cannot be filled"
	}
	return fmt.Sprintf("%d placeholders cannot be filled", len(e.Failures))
}

// Unwrap returns the reasons.
func (e *FailedError) Unwrap() []error {
	var all []error
	for _, f := range e.Failures {
		all = append(all, f.Err)
	}
	return all
}

// Fill returns the text with what value says of each ref. All placeholders are
// tried before it fails with a *[FailedError].
func (t *Template) Fill(value func(ref string) ([]byte, error)) ([]byte, error) {
	var out bytes.Buffer
	failed := &FailedError{}
	out.Write(t.texts[0])
	for i, place := range t.places {
		data, err := value(place.Ref)
		if err != nil {
			failed.Failures = append(failed.Failures, Failure{place, err})
		}
		out.Write(data)
		out.Write(t.texts[i+1])
	}
	if len(failed.Failures) > 0 {
		return nil, failed
	}
	return out.Bytes(), nil
}

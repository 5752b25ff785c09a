package sops

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func sealedYAML(t *testing.T, text string) []byte {
	t.Helper()
	d, err := ParsePlain([]byte(text), YAML)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.SetRecipients([][]string{{"age1x"}}, 0), d.Wrap(plainWrap)); err != nil {
		t.Fatal(err)
	}
	out, err := d.Seal(time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func opened(t *testing.T, data []byte) *Document {
	t.Helper()
	d, err := Parse(data, YAML)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Unlock(plainUnwrap), d.Decrypt(DecryptOptions{})); err != nil {
		t.Fatal(err)
	}
	return d
}

// An inline comment stays when a document is sealed again, unless it is raised;
// its ciphertext stays either way.
func TestRaiseComments(t *testing.T) {
	data := sealedYAML(t, "a: 1 # note\n")
	line, _, _ := strings.Cut(string(data), "\n")
	_, comment, ok := strings.Cut(line, " #ENC")
	if !ok {
		t.Fatalf("no inline comment in %q", line)
	}
	for _, raise := range []bool{false, true} {
		d := opened(t, data)
		if raise {
			d.RaiseComments()
		}
		out, err := d.Seal(time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		if raised := strings.HasPrefix(string(out), "#ENC"+comment+"\na: ENC"); raised != raise {
			t.Errorf("raise %v:\n%s", raise, out)
		}
	}
}

func TestKeepVersion(t *testing.T) {
	data := strings.Replace(string(sealedYAML(t, "a: 1\n")), "version: "+FormatVersion, "version: 3.7.0", 1)
	for _, keep := range []bool{false, true} {
		d := opened(t, []byte(data))
		d.KeepVersion = keep
		out, err := d.Seal(time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		if kept := strings.Contains(string(out), "version: 3.7.0"); kept != keep {
			t.Errorf("keep %v:\n%s", keep, out)
		}
	}
}

func TestKindsOfSyntaxError(t *testing.T) {
	for text, want := range map[string]error{
		"":                       ErrEmpty,
		"sops: 1\n":              ErrReserved,
		"1: a\n":                 ErrNoPlace,
		"a: 9223372036854775808": ErrNoPlace,
		"a: [":                   nil,
	} {
		_, err := ParsePlain([]byte(text), YAML)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Err != want {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

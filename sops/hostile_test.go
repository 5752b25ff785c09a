package sops_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"keyreeve/sops"
)

// Bounds on what any input below may cost.
const (
	hostileTime   = 5 * time.Second
	hostileMemory = 512 << 20
)

func aliasBomb(width, levels int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x]\n")
	for i := 1; i <= levels; i++ {
		one := fmt.Sprintf("*a%d,", i-1)
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.Repeat(one, width))
	}
	return b.String()
}

type hostileCase struct {
	name         string
	format       sops.Format
	input        string
	line, column int // of the error; zero: not stated
	says         string
}

var hostileCases = []hostileCase{
	{"open lists", sops.YAML, "a: " + strings.Repeat("[", 5000), 1, 0, "did not find"},
	{"very deep", sops.YAML, "a: " + strings.Repeat("[", 200_000), 0, 0, "max depth"},
	{"deep maps", sops.YAML, "a: " + strings.Repeat("{a: ", 1500) + strings.Repeat("}", 1500), 1, 4000, "deeper than 1000"},
	{"deep block lists", sops.YAML, "a:\n  " + strings.Repeat("- ", 1500) + "x\n", 2, 2001, "deeper than 1000"},
	{"alias bomb", sops.YAML, aliasBomb(10, 9), 0, 0, "aliases expand"},
	{"alias bomb of two", sops.YAML, aliasBomb(2, 40), 0, 0, "aliases expand"},
	{"empty alias bomb", sops.YAML, strings.Replace(aliasBomb(2, 40), "[x]", "[]", 1), 0, 0, "aliases expand"},
	{"cyclic anchor", sops.YAML, "x: 1\na: &a {b: *a}\n", 2, 11, "contains itself"},
	{"cyclic list", sops.YAML, "a: &a\n  - - *a\n", 2, 7, "contains itself"},
	{"cyclic over two", sops.YAML, "a: &a {b: &b [*a]}\n", 1, 15, "contains itself"},
	{"unknown alias", sops.YAML, "a: *b\n", 0, 0, "unknown anchor"},
	{"invalid UTF-8", sops.YAML, "a: 1\nb: \xff\n", 0, 0, "UTF-8"},
	{"control character", sops.YAML, "a: \x01\n", 0, 0, "control characters"},
	{"tab indent", sops.YAML, "a:\n\tb: 1\n", 2, 0, "cannot start any token"},
	{"duplicate key", sops.YAML, "a: 1\nb: 2\na: 3\n", 3, 1, "stands twice"},
	{"duplicate key below", sops.YAML, "l:\n    - x: 1\n      \"x\": 2\n", 3, 7, "stands twice"},
	{"duplicate key in the second document", sops.YAML, "a: 1\n---\nb: 2\nb: 3\n", 4, 1, "stands twice"},
	{"int key", sops.YAML, "a:\n    7: x\n", 2, 5, `"7" is not a string`},
	{"null key", sops.YAML, "~: x\n", 1, 1, "is not a string"},
	{"list key", sops.YAML, "a: 1\n? [b]\n: c\n", 2, 3, "is not a string"},
	{"top list", sops.YAML, "- a\n", 1, 1, "is a list"},
	{"top value", sops.YAML, "hello\n", 1, 1, "single value"},
	{"huge integer", sops.YAML, "a: 1\nb: 9223372036854775808\n", 2, 4, "out of the range"},
	{"impossible tag", sops.YAML, "a: !!int x\n", 1, 4, "!!int"},
	{"unclosed quote", sops.YAML, "a: 1\nb: \"x\n", 2, 0, "end of stream"},
	{"many comments", sops.YAML, strings.Repeat("# c\n", 100_000) + "a: [\n", 0, 0, "comment"},
	{"many spread comments", sops.YAML, strings.Repeat("\n  # c\n", 100_000) + "a: [\n", 0, 0, "comment"},

	{"deep", sops.JSON, `{"a":` + strings.Repeat("[", 200_000), 1, 1006, "deeper than 1000"},
	{"truncated", sops.JSON, "{\n\"a\": [1,\n", 2, 9, "ends too early"},
	{"empty", sops.JSON, "", 1, 1, "ends too early"},
	{"BOM", sops.JSON, "\xef\xbb\xbf{}", 1, 0, "unexpected character"},
	{"top list", sops.JSON, "[1]", 1, 0, "no object"},
	{"something behind", sops.JSON, "{}\n{}", 2, 0, "follows"},
	{"huge number", sops.JSON, "{\"a\":1,\n\"b\":1e400}", 2, 0, "out of range"},
	{"bare word", sops.JSON, "{\"a\":\n nope}", 2, 0, "unexpected character"},

	{"no equals sign", sops.Dotenv, "A=1\n\nB\n", 3, 0, "no = in the line"},
	{"no delimiter", sops.INI, "[s]\na = 1\nnothing\n", 3, 0, "no = or :"},
	{"open section", sops.INI, "[s\n", 0, 0, "cannot be parsed"},
	{"open quote", sops.INI, "a = \"\"\"x\n", 0, 0, "cannot be parsed"},
	{"too many lines", sops.INI, strings.Repeat("a = 1\n", 200_000), 0, 0, "lines"},
}

// Hostile input is refused with a place where that is known, in bounded time
// and memory, and never quoted.
func TestHostileInput(t *testing.T) {
	for _, c := range hostileCases {
		t.Run(c.format.String()+" "+c.name, func(t *testing.T) {
			err := bounded(t, func() error {
				_, err := sops.ParsePlain([]byte(c.input), c.format)
				return err
			})
			var syntax *sops.SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("got %v, want a syntax error", err)
			}
			if !strings.Contains(syntax.Msg, c.says) {
				t.Errorf("says %q, want %q", syntax.Msg, c.says)
			}
			if c.line != 0 && syntax.Line != c.line || c.column != 0 && syntax.Column != c.column {
				t.Errorf("names line %d, column %d, want %d, %d", syntax.Line, syntax.Column, c.line, c.column)
			}
		})
	}
}

// bounded runs fn and fails the test if it took too much time or memory.
func bounded(t *testing.T, fn func() error) error {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	err := fn()
	if took := time.Since(start); took > hostileTime {
		t.Errorf("took %v", took)
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.Sys - before.Sys); grown > hostileMemory {
		t.Errorf("the process grew by %d MB", grown>>20)
	}
	return err
}

// Large and odd input that is valid costs time in proportion to its size.
func TestLargeInput(t *testing.T) {
	const n = 50_000
	for name, input := range map[string]string{
		"wide.yaml":     strings.Repeat("a", 1000) + ": " + strings.Repeat("x ", n) + "y\n",
		"quoted.yaml":   "a: \"" + strings.Repeat("x\n\n", n) + "\"\n",
		"list.yaml":     "a:\n" + strings.Repeat("  - 1 # c\n", n),
		"comments.yaml": strings.Repeat("# c\n", n) + "a: 1\n",
		"aliases.yaml":  "a: &a x\nb: [" + strings.Repeat("*a,", n) + "]\n",
		"stream.yaml":   strings.Repeat("---\na: 1\n", n),
		"digits.yaml":   "a: " + strings.Repeat("1", n) + "\n",
		"twice.json":    `{"a":1` + strings.Repeat(`,"a":1`, n) + "}",
		"long.env":      strings.Repeat("A=1\n", n),
		"long.ini":      "[s]\n" + strings.Repeat("a = 1\n", n/2),
	} {
		t.Run(name, func(t *testing.T) {
			err := bounded(t, func() error {
				format := sops.FormatOf(name)
				d, err := sops.ParsePlain([]byte(input), format)
				if err == nil {
					_, err = d.Plain(format)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// Line ends, marks and doubled keys are read as sops reads them.
func TestOddButValid(t *testing.T) {
	p := newPeer(t)
	for name, plain := range map[string]string{
		"crlf.yaml":  "a: 1\r\nb: |\r\n  x\r\n  y\r\n# c\r\nc: 'q'\r\n",
		"bom.yaml":   "\xef\xbb\xbfa: 1\n",
		"crlf.json":  "{\r\n\"a\": \"x\\r\\n\"\r\n}\r\n",
		"bad.json":   "{\"a\": \"\xff\"}",
		"twice.json": `{"a":1,"b":{"c":1,"c":"x"},"a":2}`,
		"crlf.env":   "A=1\r\nB=x\r\n",
		"bom.env":    "\xef\xbb\xbfA=1\n",
		"bad.env":    "A=\xff\xfe\n\x00=\x01\n",
		"crlf.ini":   "[s]\r\na = 1\r\n",
		"bom.ini":    "\xef\xbb\xbf[s]\na = 1\n",
	} {
		format := sops.FormatOf(name)
		encrypted := p.sops(name, []byte(plain), "encrypt")
		want := p.sops(name, encrypted, "decrypt")
		got, err := p.open(encrypted, format).Plain(format)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: got %q, %v, sops %q", name, got, err, want)
		}
		if got := p.sops(name, p.seal([]byte(plain), format), "decrypt"); !bytes.Equal(got, want) {
			t.Errorf("%s: sops reads ours as %q, its own as %q", name, got, want)
		}
	}
}

// A key that stands twice is kept, and a path that names it is refused.
func TestDuplicateKeys(t *testing.T) {
	for name, text := range map[string]string{
		"a.json": `{"a":{"k":1,"k":2}}`,
		"a.env":  "k=1\nk=2\n",
	} {
		d, err := sops.ParsePlain([]byte(text), sops.FormatOf(name))
		if err != nil {
			t.Fatal(err)
		}
		path := []string{"a", "k"}
		if d.Format == sops.Dotenv {
			path = path[1:]
		}
		_, lookupErr := d.Lookup(0, path)
		_, setErr := d.Set(0, path, sops.StringNode("x"), sops.SetOptions{})
		for _, err := range []error{lookupErr, setErr, d.Unset(0, path)} {
			var pathErr *sops.PathError
			if !errors.As(err, &pathErr) || pathErr.Reason != sops.PathDuplicate {
				t.Errorf("%s: got %v, want a duplicate path", name, err)
			}
		}
		if out, _ := d.Plain(d.Format); bytes.Count(out, []byte("k")) != 2 {
			t.Errorf("%s: a duplicate is lost: %s", name, out)
		}
	}
}

// A golden document cut short anywhere gives an error, or all its values where
// only the end of unused metadata is missing.
func TestTruncated(t *testing.T) {
	p := goldenPeer(t)
	for name := range samples {
		format := sops.FormatOf(name)
		whole, want := readGolden(t, name), readGolden(t, name+".plain")
		key := dataKeyOf(t, p, whole, format)
		for cut := 0; cut < len(whole); cut += 1 + len(whole)/400 {
			d, err := sops.Parse(whole[:cut], format)
			if err != nil {
				continue
			}
			if err = d.Unlock(key); err == nil {
				err = d.Decrypt(sops.DecryptOptions{})
			}
			if err != nil {
				continue
			}
			if got, err := d.Plain(format); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s cut at %d: %q, %v", name, cut, got, err)
			}
		}
	}
}

// dataKeyOf unwraps a document's data key once, for tests that open many
// variants of it.
func dataKeyOf(t *testing.T, p *peer, data []byte, format sops.Format) sops.UnwrapFunc {
	t.Helper()
	d, err := sops.Parse(data, format)
	if err != nil {
		t.Fatal(err)
	}
	var key []byte
	err = d.Unlock(func(recipient, enc string) ([]byte, error) {
		var err error
		key, err = p.unwrap(recipient, enc)
		return key, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(string, string) ([]byte, error) { return key, nil }
}

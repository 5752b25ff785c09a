package sops

import (
	"bytes"
	"encoding/base64"
	"errors"
	"testing"
	"time"
)

// fuzzLimit bounds the time that a small hostile input may take.
const fuzzLimit = 5 * time.Second

// plainWrap and plainUnwrap stand for age where a test needs no secrecy.
func plainWrap(_ string, key []byte) (string, error) {
	return base64.StdEncoding.EncodeToString(key), nil
}

func plainUnwrap(_, enc string) ([]byte, error) { return base64.StdEncoding.DecodeString(enc) }

func FuzzYAML(f *testing.F)   { fuzzFormat(f, YAML) }
func FuzzJSON(f *testing.F)   { fuzzFormat(f, JSON) }
func FuzzDotenv(f *testing.F) { fuzzFormat(f, Dotenv) }
func FuzzINI(f *testing.F)    { fuzzFormat(f, INI) }

// fuzzFormat checks one reader and writer: no panic, bounded time, and what
// parses is emitted so that it parses to the same tree, or is refused.
func fuzzFormat(f *testing.F, format Format) {
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		defer func() {
			if took := time.Since(start); took > fuzzLimit {
				t.Errorf("took %v", took)
			}
		}()
		if d, err := Parse(data, format); err == nil {
			checkReencodes(t, d)
			_ = d.Unlock(plainUnwrap)
		}
		d, err := ParsePlain(data, format)
		if err != nil {
			return
		}
		out, err := d.Plain(format)
		if err != nil {
			return
		}
		again, err := ParsePlain(out, format)
		if err != nil {
			if lossless(format) {
				t.Fatalf("the output does not parse: %v\n%q", err, out)
			}
			return
		}
		if lossless(format) && !sameTrees(d.Trees, again.Trees) {
			t.Fatalf("the output parses to another tree:\n%q", out)
		}
	})
}

// lossless reports whether a format's emitter gives back every tree. The
// emitters of YAML and INI do not, and are those of sops on purpose.
func lossless(format Format) bool { return format == JSON || format == Dotenv }

// checkReencodes checks that an encrypted document survives an Encode.
func checkReencodes(t *testing.T, d *Document) {
	out, err := d.Encode()
	if err != nil {
		return
	}
	again, err := Parse(out, d.Format)
	if err != nil {
		t.Fatalf("the encoded document does not parse: %v\n%q", err, out)
	}
	if !sameTrees(d.Trees, again.Trees) {
		t.Fatalf("the encoded document has other values:\n%q", out)
	}
}

// FuzzSeal checks that what is sealed is either refused or decrypts to the same
// values, under each selection rule.
func FuzzSeal(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, format, rule byte, pattern string, onlyEncrypted bool) {
		d, err := ParsePlain(data, Format(format%5))
		if err != nil {
			return
		}
		d.Metadata.Selection = Selection{}
		if at := int(rule) % (len(selectionKeys) + 1); at < len(selectionKeys) {
			*d.Metadata.Selection.field(selectionKeys[at]) = pattern
		}
		d.Metadata.MACOnlyEncrypted = onlyEncrypted
		sealed, want, err := sealPlain(d)
		if err != nil {
			return
		}
		got, err := openPlain(sealed, d.Format)
		if err != nil {
			t.Fatalf("what was sealed does not open: %v\n%s", err, sealed)
		}
		if !sameTrees(want, got.Trees) {
			t.Fatalf("other values came back:\n%s", sealed)
		}
		unchanged, err := got.Seal(time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		if a, b := valueLines(sealed), valueLines(unchanged); a != b {
			t.Fatalf("an unchanged document got other bytes:\n%s\n%s", a, b)
		}
	})
}

func sealPlain(d *Document) ([]byte, []*Node, error) {
	if err := d.SetRecipients([][]string{{"someone"}}, 0); err != nil {
		return nil, nil, err
	}
	if err := d.Wrap(plainWrap); err != nil {
		return nil, nil, err
	}
	var want []*Node
	for _, tree := range d.Trees {
		want = append(want, tree.Clone())
	}
	sealed, err := d.Seal(time.Unix(0, 0))
	return sealed, want, err
}

func openPlain(data []byte, format Format) (*Document, error) {
	d, err := Parse(data, format)
	if err != nil {
		return nil, err
	}
	if err := d.Unlock(plainUnwrap); err != nil {
		return nil, err
	}
	return d, d.Decrypt(DecryptOptions{})
}

// valueLines drops the MAC, the only line that a seal at the same time changes,
// and the default rule, which a binary document names only when written again.
func valueLines(sealed []byte) string {
	var out []byte
	for line := range bytes.Lines(sealed) {
		if bytes.Contains(line, []byte("unencrypted_suffix")) {
			continue
		}
		if !bytes.Contains(line, []byte("mac")) || !bytes.Contains(line, []byte(cipherPrefix)) {
			out = append(out, line...)
		}
	}
	return string(out)
}

// FuzzCipher checks that no cipher string makes the sealer panic, and that what
// it seals it opens.
func FuzzCipher(f *testing.F) {
	s, err := newSealer(make([]byte, dataKeySize))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text, aad string) {
		_, _, _ = s.open(text, []byte(aad))
		(&Node{Kind: String, Text: text}).KindOf()
		cipher, err := s.seal(text, String, []byte(aad))
		if err != nil {
			t.Fatal(err)
		}
		if text == "" {
			return
		}
		got, kind, err := s.open(cipher, []byte(aad))
		if err != nil || kind != String || got != text {
			t.Fatalf("%q came back as %q, %v, %v", text, got, kind, err)
		}
		if _, _, err := s.open(cipher, []byte(aad+"x")); !errors.Is(err, errWrongTag) {
			t.Fatalf("opens under another path: %v", err)
		}
	})
}

// sameTrees compares values without comments, which YAML may move. A float
// without a fraction comes back as an int.
func sameTrees(a, b []*Node) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !sameValues(a[i], b[i]) {
			return false
		}
	}
	return true
}

func sameValues(a, b *Node) bool {
	av, bv := a.Values(), b.Values()
	kinds := a.Kind == b.Kind || isNumber(a) && isNumber(b)
	if !kinds || a.Key != b.Key || a.Text != b.Text || len(av) != len(bv) {
		return false
	}
	for i := range av {
		if !sameValues(av[i], bv[i]) {
			return false
		}
	}
	return true
}

func isNumber(n *Node) bool { return n.Kind == Int || n.Kind == Float }

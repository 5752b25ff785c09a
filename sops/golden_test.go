package sops_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"keyreeve/sops"
)

var update = flag.Bool("update", false, "let the real sops write testdata/golden anew")

const goldenDir = "testdata/golden"

// goldenPeer has the identity that the golden documents are encrypted to.
func goldenPeer(t *testing.T) *peer {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(goldenDir, "identity.txt"))
	if err != nil {
		t.Fatal(err)
	}
	identity, err := age.ParseX25519Identity(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return &peer{t: t, dir: t.TempDir(), identity: identity}
}

// Documents that the real sops wrote are read without it. They lie beside what
// sops decrypted them to.
func TestGolden(t *testing.T) {
	p := goldenPeer(t)
	if *update {
		for name, plain := range samples {
			encrypted := p.sops(name, []byte(plain), "encrypt")
			writeGolden(t, name, encrypted)
			writeGolden(t, name+".plain", p.sops(name, encrypted, "decrypt"))
		}
	}
	for name := range samples {
		format := sops.FormatOf(name)
		encrypted := readGolden(t, name)
		got, err := p.open(encrypted, format).Plain(format)
		if err != nil {
			t.Fatal(err)
		}
		if want := readGolden(t, name+".plain"); !bytes.Equal(got, want) {
			t.Errorf("%s: got:\n%s\nwant:\n%s", name, got, want)
		}
		parsed, err := sops.Parse(encrypted, format)
		if err != nil {
			t.Fatal(err)
		}
		if format == sops.Binary {
			continue // a rewritten binary document names the default rule, in sops too
		}
		if encoded, err := parsed.Encode(); err != nil || !bytes.Equal(encoded, encrypted) {
			t.Errorf("%s: Encode does not give the bytes that sops wrote: %v", name, err)
		}
	}
}

func readGolden(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(goldenDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeGolden(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(goldenDir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

package sops_test

import (
	"errors"
	"testing"
	"time"

	"keyreeve/sops"
)

func TestSealRefusesAnUnwrappedDataKey(t *testing.T) {
	d, err := sops.ParsePlain([]byte("a: b\n"), sops.YAML)
	if err != nil {
		t.Fatal(err)
	}
	wrap := func(recipient string, key []byte) (string, error) { return string(key), nil }
	if err := d.SetRecipients([][]string{{"age1one"}}, 0); err != nil {
		t.Fatal(err)
	}
	if err := d.Wrap(wrap); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Seal(time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := d.RenewDataKey(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Seal(time.Now()); !errors.Is(err, sops.ErrNotWrapped) {
		t.Errorf("a document that nobody can open: %v", err)
	}
}

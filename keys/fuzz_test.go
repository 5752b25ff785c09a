package keys_test

import (
	"errors"
	"os"
	"testing"

	"keyreeve/keys"
)

// requireCorpus fails a fuzz target whose kept corpus is gone: without seeds it
// would test nothing and pass.
func requireCorpus(f *testing.F) {
	f.Helper()
	entries, err := os.ReadDir("testdata/fuzz/" + f.Name())
	if err != nil || len(entries) < 5 {
		f.Fatalf("the corpus has %d entries: %v", len(entries), err)
	}
}

// What parses has one canonical text, which parses to itself, and can be
// wrapped to; what does not is refused with a reason.
func FuzzParseRecipient(f *testing.F) {
	requireCorpus(f)
	f.Fuzz(func(t *testing.T, s string) {
		r, err := keys.ParseRecipient(s)
		if err != nil {
			if refused := new(keys.RecipientError); !errors.As(err, &refused) || refused.Hint == "" {
				t.Fatalf("got %v", err)
			}
			return
		}
		again, err := keys.ParseRecipient(r.String())
		if err != nil || again.String() != r.String() || again.Type() != r.Type() {
			t.Fatalf("%q becomes %q, which gives %v, %v", s, r, again, err)
		}
		if r.Type() == keys.Plugin {
			return
		}
		if enc, err := r.Wrap(make([]byte, 32)); err != nil || r.Check(enc) != nil {
			t.Fatalf("wrapping to %q: %v", s, err)
		}
	})
}

// Identities that parse can be revealed and parse again as the same.
func FuzzParseIdentities(f *testing.F) {
	requireCorpus(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		ids, err := keys.ParseIdentities(data, "fuzz", nil)
		if (err == nil) != (len(ids) > 0) {
			t.Fatalf("got %d identities and %v", len(ids), err)
		}
		for _, id := range ids {
			secret, err := id.Reveal()
			if err != nil {
				continue
			}
			again, err := keys.ParseIdentities([]byte(secret), "fuzz", nil)
			if err != nil || len(again) != 1 || again[0].Recipient() != id.Recipient() {
				t.Fatalf("an identity of %q does not parse again: %v", id.Recipient(), err)
			}
			if r := id.Recipient(); r != "" {
				if _, err := keys.ParseRecipient(r); err != nil {
					t.Fatalf("recipient %q: %v", r, err)
				}
			}
		}
	})
}

// Whatever stands in enc, opening it ends in one of the documented errors, and
// what opens has stanzas.
func FuzzUnwrap(f *testing.F) {
	requireCorpus(f)
	id, err := keys.New(false)
	if err != nil {
		f.Fatal(err)
	}
	ring := keys.NewRing(id)
	f.Fuzz(func(t *testing.T, enc string) {
		_, unwrapErr := ring.Unwrap(someX25519, enc)
		types, err := keys.Inspect(enc)
		broken, none := new(keys.FileError), new(keys.NoIdentityError)
		if !errors.As(unwrapErr, &broken) && !errors.As(unwrapErr, &none) {
			t.Fatalf("got %v", unwrapErr)
		}
		if err == nil && len(types) == 0 || err != nil && !errors.As(err, &broken) {
			t.Fatalf("got %q, %v", types, err)
		}
	})
}

package keys

import (
	"bytes"
	"testing"

	"filippo.io/age"
	"pgregory.net/rapid"
)

// What wraps here opens with age, for one identity and no other, and has the
// form of what age wraps.
func TestX25519WrapsAsAgeDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		other, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		r, err := ParseRecipient(id.Recipient().String())
		if err != nil {
			t.Fatal(err)
		}
		fileKey := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "file key")
		ours, err := r.inner.Wrap(fileKey)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := id.Recipient().Wrap(fileKey)
		if err != nil {
			t.Fatal(err)
		}
		if len(ours) != 1 || ours[0].Type != theirs[0].Type || len(ours[0].Args) != 1 ||
			len(ours[0].Args[0]) != len(theirs[0].Args[0]) || len(ours[0].Body) != len(theirs[0].Body) {
			t.Fatalf("%+v is not like %+v", ours, theirs)
		}
		if got, err := id.Unwrap(ours); err != nil || !bytes.Equal(got, fileKey) {
			t.Fatalf("age reads %x, %v", got, err)
		}
		if _, err := other.Unwrap(ours); err == nil {
			t.Fatal("another identity opens it")
		}
		again, err := r.inner.Wrap(fileKey)
		if err != nil {
			t.Fatal(err)
		}
		if again[0].Args[0] == ours[0].Args[0] {
			t.Fatal("the ephemeral key is not fresh")
		}
	})
}

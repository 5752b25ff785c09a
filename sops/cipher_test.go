package sops

import (
	"encoding/base64"
	"errors"
	"testing"
)

// sops panics when it reuses an IV of another length than its own.
func TestIVLength(t *testing.T) {
	s, err := newSealer(make([]byte, dataKeySize))
	if err != nil {
		t.Fatal(err)
	}
	cipher, err := s.seal("x", String, []byte("a:"))
	if err != nil {
		t.Fatal(err)
	}
	fields, _ := splitCipher(cipher)
	if iv, err := base64.StdEncoding.DecodeString(fields.iv); err != nil || len(iv) != 32 {
		t.Errorf("the IV has %d bytes, %v", len(iv), err)
	}
}

// A value that claims to be a comment is refused even where the MAC is not
// looked at.
func TestCommentInPlaceOfEntry(t *testing.T) {
	d, err := ParsePlain([]byte(`{"a":"x"}`), JSON)
	if err != nil {
		t.Fatal(err)
	}
	sealed, _, err := sealPlain(d)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := Parse(sealed, JSON)
	if err != nil {
		t.Fatal(err)
	}
	entry := forged.Trees[0].Children[0]
	entry.Text = entry.Text[:len(entry.Text)-len("str]")] + "comment]"
	if err := forged.Unlock(plainUnwrap); err != nil {
		t.Fatal(err)
	}
	var integrity *IntegrityError
	if err := forged.Decrypt(DecryptOptions{IgnoreMAC: true}); !errors.As(err, &integrity) {
		t.Errorf("got %v, want an integrity error", err)
	}
}

// No rule at all means the default one.
func TestNoSelection(t *testing.T) {
	d := NewDocument(JSON)
	d.Metadata.Selection = Selection{}
	d.Trees = []*Node{MapNode(Item("a_unencrypted", StringNode("x")), Item("b", StringNode("y")))}
	sealed, want, err := sealPlain(d)
	if err != nil {
		t.Fatal(err)
	}
	got, err := openPlain(sealed, JSON)
	if err != nil || !sameTrees(want, got.Trees) {
		t.Errorf("got %v, %v", got, err)
	}
	again, err := Parse(sealed, JSON)
	if err != nil {
		t.Fatal(err)
	}
	if text := again.Trees[0].Child("a_unencrypted").Text; text != "x" {
		t.Errorf("the readable value is %q", text)
	}
	if (Selection{}).compile().Selection.UnencryptedSuffix != DefaultUnencryptedSuffix {
		t.Error("an empty selection has no rule")
	}
}

// Readable values that would not come back are refused.
func TestUnreadableBack(t *testing.T) {
	for name, d := range map[string]*Document{
		"negative zero in YAML":  {Format: YAML, Trees: []*Node{MapNode(Item("a_unencrypted", &Node{Kind: Float, Text: "-0"}))}},
		"negative zero in JSON":  {Format: JSON, Trees: []*Node{MapNode(Item("a_unencrypted", &Node{Kind: Float, Text: "-0"}))}},
		"a time in JSON":         {Format: JSON, Trees: []*Node{MapNode(Item("a_unencrypted", &Node{Kind: Time, Text: "2001-12-14T00:00:00Z"}))}},
		"no UTF-8 in JSON":       {Format: JSON, Trees: []*Node{MapNode(Item("a_unencrypted", StringNode("\xff")))}},
		"a key with = in an env": {Format: Dotenv, Trees: []*Node{MapNode(Item("a=b", StringNode("x")))}},
		"blanks in INI":          {Format: INI, Trees: []*Node{MapNode(Item("s", MapNode(Item("a_unencrypted", StringNode("\nx ")))))}},
	} {
		d.Indent, d.verified = -1, true
		if sealed, _, err := sealPlain(d); err == nil {
			t.Errorf("%s: sealed as\n%s", name, sealed)
		}
	}
}

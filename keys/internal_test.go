package keys

import (
	"fmt"
	"strings"
	"testing"

	"filippo.io/age/plugin"
	"pgregory.net/rapid"
)

// The encoder agrees with age's, through the one prefix that age exposes.
func TestBech32IsAges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOf(rapid.Byte()).Draw(t, "data")
		want := plugin.EncodeRecipient("test", data)
		if got := bech32Encode("age1test", data); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
	// From the list of valid strings in BIP173.
	if got := bech32Encode("a", nil); got != strings.ToLower("A12UEL5L") {
		t.Errorf("got %q", got)
	}
}

// The rules of shlex, by which sops splits commands.
func TestSplitCommand(t *testing.T) {
	tests := []struct{ in, want string }{
		{``, `[]`},
		{"  \t\n ", `[]`},
		{`rbw get key`, `["rbw" "get" "key"]`},
		{`a  'b c'  "d e"`, `["a" "b c" "d e"]`},
		{`a\ b \'c`, `["a b" "'c"]`},
		{`'a\b' "a\b" "a\"b"`, `["a\\b" "ab" "a\"b"]`},
		{`a'b'"c"d`, `["abcd"]`},
		{`'' "" x`, `["" "" "x"]`},
		{"a # b 'c\nd", `["a" "d"]`},
		{`a#b '#' \#`, `["a#b" "#" "#"]`},
		{`$HOME ~ | > *`, `["$HOME" "~" "|" ">" "*"]`},
		{`ä "ö ü"`, `["ä" "ö ü"]`},
	}
	for _, test := range tests {
		words, err := splitCommand(test.in)
		if got := fmt.Sprintf("%q", words); err != nil || got != test.want {
			t.Errorf("%q: got %s, %v, want %s", test.in, got, err, test.want)
		}
	}
	for _, in := range []string{`a 'b`, `a "b`, `a\`, `"a\`} {
		if words, err := splitCommand(in); err == nil {
			t.Errorf("%q: got %q", in, words)
		}
	}
}

// Overlapping plugins put the environment back once, whole.
func TestHideIdentitiesOverlaps(t *testing.T) {
	t.Setenv(envKey, "x")
	first := hideIdentities()
	second := hideIdentities()
	first()
	first()
	if getenv(envKey) != "x" || len(hidden.values) == 0 {
		t.Error("the key is out of the program's reach, or back too early")
	}
	second()
	if getenv(envKey) != "x" || hidden.values != nil {
		t.Error("the environment was not put back")
	}
}

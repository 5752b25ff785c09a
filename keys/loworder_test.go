package keys

import (
	"crypto/ecdh"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"
)

// The points of low order, in every encoding that X25519 reads: see
// https://cr.yp.to/ecdh.html#validate. The high bit is ignored.
var lowOrderPoints = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

// useless is what lowOrder must agree with: an exchange that fails.
func useless(t interface{ Fatal(...any) }, u []byte) bool {
	public, err := ecdh.X25519().NewPublicKey(u)
	if err != nil {
		t.Fatal(err)
	}
	scalar := make([]byte, 32)
	scalar[0] = 8
	private, err := ecdh.X25519().NewPrivateKey(scalar)
	if err != nil {
		t.Fatal(err)
	}
	_, err = private.ECDH(public)
	return err != nil
}

func TestLowOrder(t *testing.T) {
	for _, text := range lowOrderPoints {
		u, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, high := range []byte{0, 0x80} {
			u[31] |= high
			if !lowOrder(u) || !useless(t, u) {
				t.Errorf("%x passes", u)
			}
			s := bech32Encode("age", u)
			if _, err := ParseRecipient(s); err == nil {
				t.Errorf("%s passes", s)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		u := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "u")
		if lowOrder(u) != useless(t, u) {
			t.Errorf("%x: %v", u, lowOrder(u))
		}
		if got := bech32Data(bech32Encode("age", u)); hex.EncodeToString(got) != hex.EncodeToString(u) {
			t.Errorf("bech32 of %x comes back as %x", u, got)
		}
	})
}

package keys

import (
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"filippo.io/age"
	"golang.org/x/crypto/chacha20poly1305"
)

// An x25519Recipient wraps file keys as [age.X25519Recipient] does
// (https://age-encryption.org/v1, "The X25519 recipient type") with two scalar
// multiplications instead of four: age goes through x/crypto's curve25519, which
// computes a public key for the private one at each exchange and drops it. That
// is a quarter of what it takes to rekey a fleet.
type x25519Recipient struct{ public *ecdh.PublicKey }

// Wrap implements [age.Recipient].
func (r *x25519Recipient) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	ephemeral, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making an ephemeral key: %w", err)
	}
	shared, err := ephemeral.ECDH(r.public) // refuses a point of low order
	if err != nil {
		return nil, err
	}
	share := ephemeral.PublicKey().Bytes()
	salt := append(append([]byte{}, share...), r.public.Bytes()...)
	wrappingKey, err := hkdf.Key(sha256.New, shared, salt, "age-encryption.org/v1/X25519", chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.New(wrappingKey)
	if err != nil {
		return nil, err
	}
	// The key is used once, so that the specification fixes the nonce.
	nonce := make([]byte, chacha20poly1305.NonceSize)
	return []*age.Stanza{{
		Type: "X25519",
		Args: []string{base64.RawStdEncoding.EncodeToString(share)},
		Body: aead.Seal(nil, nonce, fileKey, nil),
	}}, nil
}

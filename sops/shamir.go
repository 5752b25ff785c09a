package sops

import (
	"crypto/rand"
	"errors"
	"fmt"
)

// Shamir's secret sharing over GF(2^8) with the AES polynomial, byte by byte,
// each share ending in its x coordinate, as sops (and Vault before it) does.

const maxShares = 255

// splitShares returns n shares of secret, any threshold of which combine to it.
func splitShares(secret []byte, n, threshold int) ([][]byte, error) {
	if threshold < 2 || threshold > n || n > maxShares {
		return nil, fmt.Errorf("a Shamir threshold of %d does not fit %d key groups: want 2 to %d", threshold, n, n)
	}
	shares := make([][]byte, n)
	xs, err := distinctCoordinates(n)
	if err != nil {
		return nil, err
	}
	for i := range shares {
		shares[i] = make([]byte, len(secret)+1)
		shares[i][len(secret)] = xs[i]
	}
	coefficients := make([]byte, threshold)
	for at, b := range secret {
		if _, err := rand.Read(coefficients[1:]); err != nil {
			return nil, err
		}
		coefficients[0] = b
		for i := range shares {
			shares[i][at] = evaluate(coefficients, xs[i])
		}
	}
	return shares, nil
}

func distinctCoordinates(n int) ([]byte, error) {
	xs := make([]byte, 0, n)
	var used [256]bool
	var b [1]byte
	for len(xs) < n {
		if _, err := rand.Read(b[:]); err != nil {
			return nil, err
		}
		if b[0] != 0 && !used[b[0]] {
			used[b[0]] = true
			xs = append(xs, b[0])
		}
	}
	return xs, nil
}

// combineShares interpolates the secret at x = 0.
func combineShares(shares [][]byte) ([]byte, error) {
	size := len(shares[0])
	if len(shares) < 2 || size < 2 {
		return nil, errors.New("too few Shamir shares")
	}
	var seen [256]bool
	for _, share := range shares {
		if len(share) != size {
			return nil, &IntegrityError{Msg: "the Shamir shares differ in length"}
		}
		if x := share[size-1]; seen[x] {
			return nil, &IntegrityError{Msg: "a Shamir share stands twice"}
		}
		seen[share[size-1]] = true
	}
	secret := make([]byte, size-1)
	for i, share := range shares {
		basis := byte(1)
		for j, other := range shares {
			if i != j {
				xi, xj := share[size-1], other[size-1]
				basis = gfMul(basis, gfDiv(xj, xi^xj))
			}
		}
		for at := range secret {
			secret[at] ^= gfMul(basis, share[at])
		}
	}
	return secret, nil
}

// evaluate computes the polynomial at x, highest coefficient first.
func evaluate(coefficients []byte, x byte) byte {
	var sum byte
	for i := len(coefficients) - 1; i >= 0; i-- {
		sum = gfMul(sum, x) ^ coefficients[i]
	}
	return sum
}

// gfMul multiplies without branches on secret data.
func gfMul(a, b byte) byte {
	var product byte
	for range 8 {
		product ^= -(b & 1) & a
		a = a<<1 ^ -(a>>7)&0x1b
		b >>= 1
	}
	return product
}

// gfDiv divides by b through b^254, its inverse.
func gfDiv(a, b byte) byte {
	inverse := byte(1)
	for bit := 7; bit >= 0; bit-- {
		inverse = gfMul(inverse, inverse)
		if 254>>bit&1 == 1 {
			inverse = gfMul(inverse, b)
		}
	}
	return gfMul(a, inverse)
}

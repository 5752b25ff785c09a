package keys

import "strings"

const bech32Charset = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// bech32Encode returns the Bech32 form of data under the lowercase prefix hrp,
// as BIP173 describes it, without its limit of 90 characters (as age does).
//
// age exposes an encoder for recipients and plugins only; this one is for the
// private key that an SSH key converts to.
func bech32Encode(hrp string, data []byte) string {
	values := bech32Groups(data)
	var b strings.Builder
	b.WriteString(hrp + "1")
	for _, v := range append(values, bech32Checksum(hrp, values)...) {
		b.WriteByte(bech32Charset[v])
	}
	return b.String()
}

// bech32Groups regroups bytes into groups of 5 bits, padded with zeros.
func bech32Groups(data []byte) []byte {
	var groups []byte
	var acc uint32
	bits := 0
	for _, b := range data {
		acc = acc<<8 | uint32(b)
		for bits += 8; bits >= 5; {
			bits -= 5
			groups = append(groups, byte(acc>>bits)&31)
		}
	}
	if bits > 0 {
		groups = append(groups, byte(acc<<(5-bits))&31)
	}
	return groups
}

func bech32Checksum(hrp string, values []byte) []byte {
	var expanded []byte
	for _, c := range []byte(hrp) {
		expanded = append(expanded, c>>5)
	}
	expanded = append(expanded, 0)
	for _, c := range []byte(hrp) {
		expanded = append(expanded, c&31)
	}
	expanded = append(expanded, values...)
	mod := bech32Polymod(append(expanded, make([]byte, 6)...)) ^ 1
	sum := make([]byte, 6)
	for i := range sum {
		sum[i] = byte(mod>>(5*(5-i))) & 31
	}
	return sum
}

func bech32Polymod(values []byte) uint32 {
	generator := [...]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3}
	chk := uint32(1)
	for _, v := range values {
		top := chk >> 25
		chk = (chk&0x1ffffff)<<5 ^ uint32(v)
		for i, g := range generator {
			if top>>i&1 == 1 {
				chk ^= g
			}
		}
	}
	return chk
}

// bech32Data returns the bytes in a Bech32 text whose checksum holds.
func bech32Data(s string) []byte {
	groups := s[strings.LastIndexByte(s, '1')+1 : len(s)-6]
	var data []byte
	var acc uint32
	bits := 0
	for _, c := range []byte(groups) {
		acc = acc<<5 | uint32(strings.IndexByte(bech32Charset, c))
		if bits += 5; bits >= 8 {
			bits -= 8
			data = append(data, byte(acc>>bits))
		}
	}
	return data
}
